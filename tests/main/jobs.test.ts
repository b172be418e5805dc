import { expect, test, vi } from 'vitest';
import type { JobKind, JobResult, JobState } from '../../src/core/contract.ts';
import { HistoloopError } from '../../src/core/errors.ts';
import { createJobs, type JobContext, type JobWork } from '../../src/main/jobs.ts';

const done: JobResult = { kind: 'export', folder: 'f', files: [] };
const never = () => new Promise<JobResult>(() => {});
const untilCancelled: JobWork = (_, { signal }) =>
  new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new HistoloopError('cancelled', 'cancelled'))),
  );

function jobsOf(work: Partial<Record<JobKind, JobWork>>) {
  const saved: JobState[] = [];
  const seen: JobState[] = [];
  const jobs = createJobs({
    work: { predict: never, train: never, export: async () => done, measure: never, ...work },
    resumable: ({ kind }) => kind === 'predict',
    save: async (job) => void saved.push(job),
    changed: (job) => void seen.push(job),
  });
  return { jobs, saved, seen };
}

test('a job tells its state, and its last state is saved', async () => {
  const { jobs, saved, seen } = jobsOf({});
  const { jobId, state } = await jobs.start('export', 'Export', {});
  expect(state).toBe('queued');
  expect((await jobs.finished(jobId)).state).toBe('done');
  expect(saved.at(-1)?.state).toBe('done');
  expect(seen.map((job) => job.state)).toEqual(['queued', 'running', 'done']);
});

test('a failure is kept as a sentence and its code, and the lane goes on', async () => {
  const fail = vi.fn(async (): Promise<JobResult> => {
    throw new HistoloopError('disk-full', 'the disk is full; free some space');
  });
  const { jobs } = jobsOf({ export: fail });
  const first = await jobs.start('export', 'Export', {});
  const second = await jobs.start('export', 'Export', {});
  expect((await jobs.finished(first.jobId)).error).toMatchObject({ code: 'disk-full' });
  await jobs.finished(second.jobId);
  expect(fail).toHaveBeenCalledTimes(2);
});

test('jobs of one kind run one after the other, kinds run side by side', async () => {
  const running = new Set<string>();
  let most = 0;
  const work =
    (name: string): JobWork =>
    async () => {
      running.add(name);
      most = Math.max(most, running.size);
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(running.has(`${name}-twice`)).toBe(false);
      running.delete(name);
      return done;
    };
  const { jobs } = jobsOf({ export: work('export'), predict: work('predict') });
  const started = await Promise.all([
    jobs.start('export', 'a', {}),
    jobs.start('export', 'b', {}),
    jobs.start('predict', 'c', {}),
  ]);
  await Promise.all(started.map((job) => jobs.finished(job.jobId)));
  expect(most).toBe(2);
});

test('a running job and one that waits are cancelled, and only the resumable kind can go on', async () => {
  const { jobs } = jobsOf({ predict: untilCancelled, train: untilCancelled });
  const predict = await jobs.start('predict', 'Predict', { slideId: 'x' });
  const waiting = await jobs.start('predict', 'Predict', {});
  const train = await jobs.start('train', 'Train', {});
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (const { jobId } of [predict, waiting, train]) jobs.cancel(jobId);
  expect(await jobs.finished(predict.jobId)).toMatchObject({ state: 'cancelled', resumable: true });
  expect(await jobs.finished(waiting.jobId)).toMatchObject({ state: 'cancelled' });
  expect(await jobs.finished(train.jobId)).toMatchObject({ state: 'cancelled', resumable: false });
  await expect(jobs.resume(train.jobId)).rejects.toMatchObject({ code: 'conflict' });
  const again = await jobs.resume(predict.jobId);
  expect(again.jobId).not.toBe(predict.jobId);
  await jobs.close();
});

test('work that a crash left running comes back as interrupted, with its input', async () => {
  const inputs: unknown[] = [];
  const work: JobWork = async (input) => {
    inputs.push(input);
    return done;
  };
  const { jobs } = jobsOf({ predict: work });
  const { jobs: before } = jobsOf({});
  const left = { ...(await before.start('predict', 'Predict', {})), state: 'running' } as const;
  jobs.restore(left, { slideId: 'kept' });
  expect(jobs.list()).toMatchObject([{ state: 'interrupted', resumable: true }]);
  await jobs.finished((await jobs.resume(left.jobId)).jobId);
  expect(inputs).toEqual([{ slideId: 'kept' }]);
});

test('the rate speaks of this run only, and the time left follows from it', async () => {
  let context: JobContext | undefined;
  const work: JobWork = async (_, given) => {
    context = given;
    await new Promise((resolve) => setTimeout(resolve, 50));
    given.progress(30, 50, 'tiles', 20);
    return done;
  };
  const { jobs } = jobsOf({ predict: work });
  const job = await jobs.start('predict', 'Predict', {});
  const { progress } = await jobs.finished(job.jobId);
  expect(context).toBeDefined();
  expect(progress.perSecond).toBeGreaterThan(10);
  expect(progress.perSecond).toBeLessThan(10 / 0.045);
});

test('a long loss curve stays small and keeps its first and last point', async () => {
  const work: JobWork = async (_, { loss }) => {
    for (let step = 1; step <= 20_000; step++) loss(step, 1 / step);
    return done;
  };
  const { jobs } = jobsOf({ train: work });
  const job = await jobs.start('train', 'Train', {});
  const { loss } = await jobs.finished(job.jobId);
  expect(loss.length).toBeLessThanOrEqual(2000);
  expect(loss.slice(0, 2)).toEqual([1, 1]);
  expect(loss.slice(-2)).toEqual([20_000, 1 / 20_000]);
});

test('a job nobody started is not found', async () => {
  const { jobs } = jobsOf({});
  expect(() => jobs.cancel('x')).toThrow(/no job x/);
});

test('a job that waits is over the moment it is cancelled, and nothing starts once the workstation closes', async () => {
  const { jobs } = jobsOf({ predict: untilCancelled });
  await jobs.start('predict', 'Predict', {});
  const waiting = await jobs.start('predict', 'Predict', {});
  expect(jobs.cancel(waiting.jobId)).toMatchObject({ state: 'cancelled', resumable: true });
  await jobs.close();
  await expect(jobs.start('export', 'Export', {})).rejects.toMatchObject({ code: 'cancelled' });
});

test('a waiting job is on disk, so that a crash leaves it to be resumed', async () => {
  const { jobs, saved } = jobsOf({ predict: untilCancelled });
  await jobs.start('predict', 'Predict', {});
  const waiting = await jobs.start('predict', 'Predict', {});
  expect(saved.find((job) => job.jobId === waiting.jobId)).toMatchObject({ state: 'queued' });
  await jobs.close();
});

test('a resumed job cannot be resumed twice', async () => {
  const { jobs, seen } = jobsOf({ predict: untilCancelled });
  const first = await jobs.start('predict', 'Predict', {});
  jobs.cancel(first.jobId);
  await jobs.finished(first.jobId);
  await jobs.resume(first.jobId);
  await expect(jobs.resume(first.jobId)).rejects.toMatchObject({ code: 'conflict' });
  expect(seen.findLast((job) => job.jobId === first.jobId)?.resumable).toBe(false);
  await jobs.close();
});

test('a full disk refuses a new job and does not undo a finished one', async () => {
  let full = false;
  const save = async () => {
    if (full) throw new HistoloopError('disk-full', 'no room to save');
  };
  const export_: JobWork = async () => {
    full = true;
    return done;
  };
  const work = { predict: never, train: never, export: export_, measure: never };
  const jobs = createJobs({ work, resumable: () => false, save, changed: () => {} });
  const { jobId } = await jobs.start('export', 'Export', {});
  expect(await jobs.finished(jobId)).toMatchObject({ state: 'done', message: /no room/ });
  await expect(jobs.start('export', 'Export', {})).rejects.toMatchObject({ code: 'disk-full' });
  expect(jobs.list()).toHaveLength(1);
});

test('work that ends because the workstation closes is interrupted, not cancelled, and knows it', async () => {
  const closing: boolean[] = [];
  const asking: JobWork = (_, context) =>
    new Promise((_resolve, reject) =>
      context.signal.addEventListener('abort', () => {
        closing.push(context.closing());
        reject(new HistoloopError('cancelled', 'cancelled'));
      }),
    );
  const { jobs } = jobsOf({ predict: asking, train: asking });
  const [predict, train] = [await jobs.start('predict', 'Predict', {}), await jobs.start('train', 'Train', {})];
  const waiting = await jobs.start('predict', 'Predict', {});
  await new Promise((resolve) => setTimeout(resolve, 5));
  jobs.cancel(train.jobId);
  await jobs.close();
  expect(closing).toEqual([false, true]);
  expect(await jobs.finished(predict.jobId)).toMatchObject({ state: 'interrupted', resumable: true });
  expect(await jobs.finished(waiting.jobId)).toMatchObject({ state: 'interrupted', resumable: true });
  expect(await jobs.finished(train.jobId)).toMatchObject({ state: 'cancelled' });
});
