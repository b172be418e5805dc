/**
 * Long work: one lane per kind, progress with rate and time left, cancel, resume after a restart.
 * It knows nothing of what a job does; `workstation.ts` gives it the work.
 */
import { randomUUID } from 'node:crypto';
import { throwIfCancelled } from '../core/cancel.ts';
import type { JobKind, JobProgress, JobResult, JobState } from '../core/contract.ts';
import { HistoloopError, isHistoloopError, toPlainError } from '../core/errors.ts';

/** What a piece of work may do while it runs. */
export interface JobContext {
  readonly signal: AbortSignal;
  /** True where the work must end because the workstation closes: what was done is wanted when it opens again. */
  closing(): boolean;
  /** `already` counts what an earlier, interrupted run had done, so that the rate speaks of this one. */
  progress(done: number, total: number, unit: string, already?: number): void;
  say(message: string): void;
  loss(step: number, value: number): void;
}

export type JobWork = (input: unknown, context: JobContext) => Promise<JobResult>;

export interface JobsOptions {
  readonly work: Readonly<Record<JobKind, JobWork>>;
  /** Whether a job that ended so can go on from what it had done. */
  resumable(job: JobState): boolean;
  /** Keeps a job's state beyond a restart. */
  save(job: JobState, input: unknown): Promise<void>;
  changed(job: JobState): void;
}

interface Entry {
  state: JobState;
  readonly input: unknown;
  readonly abort: AbortController;
  /** By a person, and not because the workstation closes. */
  cancelled: boolean;
  finished: Promise<JobState>;
}

export interface Jobs {
  list(): JobState[];
  start(kind: JobKind, title: string, input: unknown): Promise<JobState>;
  cancel(jobId: string): JobState;
  resume(jobId: string): Promise<JobState>;
  /** Resolves with the last state, whatever it is. Errors: `not-found`. */
  finished(jobId: string): Promise<JobState>;
  /** Brings back what an earlier run of the program left behind; work it left running is marked as interrupted. */
  restore(state: JobState, input: unknown): void;
  /** Cancels everything and waits for it to end. */
  close(): Promise<void>;
}

const NO_PROGRESS: JobProgress = { done: 0, total: 0, unit: '', perSecond: null, secondsLeft: null };
const NOTIFY_EVERY_MS = 100;
const MAX_LOSS_POINTS = 2000;

function isOver(state: JobState): boolean {
  return state.state !== 'queued' && state.state !== 'running';
}

function entryOf(state: JobState, input: unknown): Entry {
  return { state, input, abort: new AbortController(), cancelled: false, finished: Promise.resolve(state) };
}

function measure(done: number, total: number, unit: string, sinceMs: number, already: number): JobProgress {
  const perSecond = sinceMs > 0 && done > already ? (done - already) / (sinceMs / 1000) : null;
  return { done, total, unit, perSecond, secondsLeft: perSecond === null ? null : (total - done) / perSecond };
}

/** Keeps a curve readable and small: past the limit every second point goes. */
function appendLoss(curve: readonly number[], step: number, value: number): number[] {
  const longer = [...curve, step, value];
  if (longer.length <= MAX_LOSS_POINTS) return longer;
  return longer.filter((_, index) => index % 4 < 2 || index >= longer.length - 2);
}

export function createJobs(options: JobsOptions): Jobs {
  const entries = new Map<string, Entry>();
  const lanes = new Map<JobKind, Promise<unknown>>();
  let closed = false;

  const find = (jobId: string): Entry => {
    const entry = entries.get(jobId);
    if (!entry) throw new HistoloopError('not-found', `there is no job ${jobId}`);
    return entry;
  };

  const change = (entry: Entry, part: Partial<JobState>): void => {
    entry.state = { ...entry.state, ...part };
    options.changed(entry.state);
  };

  const end = (entry: Entry, part: Partial<JobState> & Pick<JobState, 'state'>): void =>
    change(entry, { ...part, resumable: options.resumable({ ...entry.state, ...part }) });

  /** A job that waits is over at once; one that runs ends when its work has noticed. */
  function stop(entry: Entry): void {
    entry.abort.abort();
    if (entry.state.state !== 'queued') change(entry, { message: closed ? 'closing …' : 'cancelling …' });
    else if (closed) end(entry, { state: 'interrupted', message: 'the workstation was closed before it began' });
    else end(entry, { state: 'cancelled', message: 'cancelled before it began' });
  }

  function contextOf(entry: Entry): JobContext {
    const startedAt = performance.now();
    let notifiedAt = 0;
    const notify = (part: Partial<JobState>, now = performance.now()) => {
      entry.state = { ...entry.state, ...part };
      if (now - notifiedAt < NOTIFY_EVERY_MS) return;
      notifiedAt = now;
      options.changed(entry.state);
    };
    return {
      signal: entry.abort.signal,
      closing: () => closed && !entry.cancelled,
      progress: (done, total, unit, already = 0) =>
        notify({ progress: measure(done, total, unit, performance.now() - startedAt, already) }),
      say: (message) => change(entry, { message }),
      loss: (step, value) => notify({ loss: appendLoss(entry.state.loss, step, value) }),
    };
  }

  async function run(entry: Entry): Promise<void> {
    if (isOver(entry.state)) return;
    change(entry, { state: 'running' });
    try {
      await options.save(entry.state, entry.input);
      throwIfCancelled(entry.abort.signal);
      const result = await options.work[entry.state.kind](entry.input, contextOf(entry));
      change(entry, { state: 'done', result, progress: { ...entry.state.progress, secondsLeft: 0 } });
    } catch (error) {
      const cancelled = entry.abort.signal.aborted || (isHistoloopError(error) && error.code === 'cancelled');
      if (!cancelled) end(entry, { state: 'failed', error: toPlainError(error) });
      else if (closed && !entry.cancelled) end(entry, { state: 'interrupted', message: 'the workstation was closed' });
      else end(entry, { state: 'cancelled', message: 'cancelled' });
    }
  }

  /** What was done stays done where only its record cannot be written. */
  function keep(entry: Entry): Promise<void> {
    const unkept = (error: unknown) => change(entry, { message: `not recorded: ${toPlainError(error).message}` });
    return options.save(entry.state, entry.input).catch(unkept);
  }

  function enqueue(entry: Entry): Promise<JobState> {
    const before = lanes.get(entry.state.kind) ?? Promise.resolve();
    const work = before.then(() => run(entry)).then(() => keep(entry));
    lanes.set(entry.state.kind, work);
    return work.then(() => entry.state);
  }

  async function start(kind: JobKind, title: string, input: unknown): Promise<JobState> {
    if (closed)
      throw new HistoloopError('cancelled', 'the workstation is closing; start the job when it is open again');
    const state: JobState = {
      jobId: randomUUID(),
      kind,
      title,
      state: 'queued',
      progress: NO_PROGRESS,
      message: '',
      loss: [],
      startedAt: new Date().toISOString(),
      error: null,
      result: null,
      resumable: false,
    };
    const entry = entryOf(state, input);
    entries.set(state.jobId, entry);
    options.changed(state);
    const saved = options.save(state, input);
    entry.finished = saved.then(
      () => enqueue(entry),
      (error) => {
        entries.delete(state.jobId);
        change(entry, { state: 'failed', error: toPlainError(error) });
        return entry.state;
      },
    );
    await saved;
    return entry.state;
  }

  return {
    list: () => [...entries.values()].map((entry) => entry.state),
    start,
    cancel(jobId) {
      const entry = find(jobId);
      if (isOver(entry.state)) return entry.state;
      entry.cancelled = true;
      stop(entry);
      return entry.state;
    },
    async resume(jobId) {
      const entry = find(jobId);
      const { state, input } = entry;
      if (!state.resumable || !isOver(state)) {
        throw new HistoloopError(
          'conflict',
          `job ${state.title} is ${state.state} and cannot be resumed; start it anew`,
        );
      }
      change(entry, { resumable: false });
      const next = start(state.kind, state.title, input);
      next.then(
        () => keep(entry),
        () => change(entry, { resumable: true }),
      );
      return next;
    },
    finished: async (jobId) => find(jobId).finished,
    restore(saved, input) {
      const interrupted: JobState = { ...saved, state: 'interrupted' };
      const state = isOver(saved) ? saved : { ...interrupted, resumable: options.resumable(interrupted) };
      entries.set(state.jobId, entryOf(state, input));
    },
    async close() {
      closed = true;
      for (const entry of entries.values()) if (!isOver(entry.state)) stop(entry);
      await Promise.all([...entries.values()].map((entry) => entry.finished));
    },
  };
}
