/**
 * Sides timed in turn, A B A B …: every round gives each side its turn, and a round in which somebody else used the
 * machine is thrown away and done again. Linux only for the latter: elsewhere every round counts.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Runner } from './train-side.ts';

/** More than this share of one core by other processes in any turn, and the round does not count. */
const MOST_BY_OTHERS = 0.15;
/** A turn is at least this long: processor time is counted in hundredths of a second. */
const LEAST_TURN_MS = 400;
const TICK_MS = 10;

export interface Rounds {
  /** Time of a step by side, one entry for every round that counts. */
  readonly ms: Readonly<Record<string, readonly number[]>>;
  readonly dropped: number;
  /** False where too few rounds were quiet, and the disturbed ones had to count. */
  readonly clean: boolean;
}

/** Steps that fill a turn, for steps of that length. */
export function stepsPerTurn(stepMs: number): number {
  return Math.max(1, Math.ceil(LEAST_TURN_MS / stepMs));
}

/** Does as many rounds over as there were disturbed ones, up to `most` in all. */
export async function timeRounds(
  sides: Readonly<Record<string, Runner>>,
  { pairs, most, steps }: { readonly pairs: number; readonly most: number; readonly steps: number },
): Promise<Rounds> {
  const names = Object.keys(sides);
  const [quiet, disturbed]: Record<string, number>[][] = [[], []];
  while (quiet.length < pairs && quiet.length + disturbed.length < most) {
    const round: Record<string, number> = {};
    let byOthers = 0;
    for (const name of names) {
      const before = processorTime(sides[name].pid);
      const start = performance.now();
      round[name] = (await sides[name].step(steps)).ms;
      byOthers = Math.max(byOthers, shareOfOthers(before, processorTime(sides[name].pid), performance.now() - start));
    }
    (byOthers > MOST_BY_OTHERS ? disturbed : quiet).push(round);
  }
  const clean = quiet.length >= Math.min(pairs, 3);
  const counted = clean ? quiet : [...quiet, ...disturbed];
  const ms = Object.fromEntries(names.map((name) => [name, counted.map((round) => round[name])]));
  return { ms, dropped: clean ? disturbed.length : 0, clean };
}

interface ProcessorTime {
  readonly everybodyMs: number;
  readonly ownMs: number;
}

/** Processor time used on the machine so far, and by this process and `pid` together. */
function processorTime(pid: number): ProcessorTime | null {
  if (!existsSync('/proc/stat')) return null;
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).slice(1).map(Number);
  const [user, nice, system, , , interrupts, softInterrupts, stolen] = fields;
  const ticks = user + nice + system + interrupts + softInterrupts + stolen;
  return { everybodyMs: ticks * TICK_MS, ownMs: usedBy(process.pid) + usedBy(pid) };
}

function usedBy(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function shareOfOthers(before: ProcessorTime | null, after: ProcessorTime | null, elapsedMs: number): number {
  if (before === null || after === null) return 0;
  return (after.everybodyMs - before.everybodyMs - (after.ownMs - before.ownMs)) / elapsedMs;
}

/** The most memory that the process ever held, in MB (2²⁰ bytes); null where the system does not say. */
export function peakMb(pid: number): number | null {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return null;
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(path, 'utf8'))?.[1]) / 1024);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
