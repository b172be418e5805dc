/** What the command line prints: progress on a terminal, one JSON document for machines, errors as sentences. */
import type { JobState } from '../../core/contract.ts';
import { toHistoloopError } from '../../core/errors.ts';

export interface Terminal {
  /** A line about what is going on; nothing with --json. */
  say(text: string): void;
  /** One line that is written over itself while a job runs. */
  job(job: JobState): void;
  /** The answer: JSON with --json, else the lines given. */
  answer(value: unknown, lines: readonly string[]): void;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function jobLine({ title, progress, message }: JobState): string {
  const { done, total, unit, perSecond, secondsLeft } = progress;
  const rate = perSecond === null ? '' : `, ${perSecond.toFixed(perSecond < 10 ? 1 : 0)} ${unit}/s`;
  const left = secondsLeft === null || done === total ? '' : `, ${duration(secondsLeft)} left`;
  const count = total > 0 ? ` ${done}/${total} ${unit}${rate}${left}` : '';
  return `${title}:${count}${message ? ` (${message})` : ''}`;
}

export function createTerminal(json: boolean): Terminal {
  const live = process.stderr.isTTY && !json;
  let open = false;
  const endLine = () => {
    if (open) process.stderr.write('\n');
    open = false;
  };
  return {
    say(text) {
      if (json) return;
      endLine();
      console.error(text);
    },
    job(job) {
      if (live) {
        process.stderr.write(`\r\x1b[2K${jobLine(job).slice(0, (process.stderr.columns ?? 100) - 1)}`);
        open = true;
      }
      if (!json && job.state !== 'running' && job.state !== 'queued') {
        if (!live) console.error(jobLine(job));
        endLine();
      }
    },
    answer(value, lines) {
      endLine();
      if (json) console.log(JSON.stringify(value));
      else for (const line of lines) console.log(line);
    },
  };
}

/** The sentence for a person (stderr) or `{"error":{code,message}}` (stdout); answers the exit code. */
export function reportError(value: unknown, json: boolean): number {
  const error = toHistoloopError(value);
  if (json) console.log(JSON.stringify({ error: { code: error.code, message: error.message } }));
  else console.error(`histoloop: ${error.message}`);
  if (error.code === 'internal' && error.cause instanceof Error) console.error(error.cause.stack);
  return error.code === 'cancelled' ? 130 : 1;
}
