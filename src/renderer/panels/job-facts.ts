/** What a job's state means for those who show it. Pure. */
import type { JobKind, JobState } from '../../core/contract.ts';
import { formatNumber, formatSeconds } from '../format.ts';
import { texts } from '../texts.ts';

export function isActive(job: JobState): boolean {
  return job.state === 'queued' || job.state === 'running';
}

/** 0…100; 0 while the total is unknown. */
export function percentOf({ progress: { done, total } }: JobState): number {
  return total > 0 ? Math.min(100, Math.max(0, (100 * done) / total)) : 0;
}

/** `120 of 400 tiles · 31 tiles/s · 9 s left` */
export function progressLine({ progress }: JobState): string {
  const { done, total, unit, perSecond, secondsLeft } = progress;
  const parts = [
    total > 0 ? `${formatNumber(done)} of ${formatNumber(total)} ${unit}` : `${formatNumber(done)} ${unit}`,
  ];
  if (perSecond !== null && perSecond > 0) parts.push(texts.jobs.rate(formatNumber(perSecond), unit));
  if (secondsLeft !== null) parts.push(texts.jobs.left(formatSeconds(secondsLeft)));
  return parts.join(' · ');
}

/** The latest job of a kind: one that runs, else the one that started last. */
export function latestOf(jobs: readonly JobState[] | undefined, kind: JobKind): JobState | null {
  const own = (jobs ?? []).filter((job) => job.kind === kind);
  const active = own.find(isActive);
  return (
    active ?? own.reduce<JobState | null>((best, job) => (best && best.startedAt >= job.startedAt ? best : job), null)
  );
}
