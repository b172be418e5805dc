/** A training that a dead engine or a closed workstation cut off: what the person is told, and how it goes on. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JobState } from '../../../src/core/contract.ts';
import { temporaryFolder } from '../../fixtures/temporary.ts';
import { correct, furnished, openProject, type SmallProject } from './small-project.ts';

const STEPS = 60;
const EAGER = { checkpointEveryMs: 1 };

/** A project with corrections, opened so that a training leaves checkpoints often. */
async function corrected(): Promise<SmallProject & { folder: string; slideId: string }> {
  const folder = temporaryFolder();
  const project = await furnished(folder, 1100, 600);
  await correct(project, () => true);
  await project.workstation.close();
  return { ...(await openProject(folder, EAGER)), folder, slideId: project.slideId };
}

/** Starts a training and gives it back once a checkpoint lies on disk. */
async function startedTraining({ client, folder }: Awaited<ReturnType<typeof corrected>>, steps: number) {
  const { jobId } = await client.train.start({ steps, seed: 1 });
  await expect.poll(() => existsSync(join(folder, 'training')), { interval: 5, timeout: 60_000 }).toBe(true);
  return jobId;
}

async function jobOf(client: SmallProject['client'], jobId: string): Promise<JobState> {
  return (await client.job.list()).find((job) => job.jobId === jobId)!;
}

function stepsOf({ loss }: JobState): number[] {
  return loss.filter((_, i) => i % 2 === 0);
}

test('the engine dies in the middle: the job says so, the workstation lives, and the training goes on', async () => {
  const project = await corrected();
  const { client, workstation, folder, slideId } = project;
  const jobId = await startedTraining(project, STEPS * 20);
  project.killEngine();
  const failed = await workstation.jobFinished(jobId);
  expect(failed).toMatchObject({
    state: 'failed',
    resumable: true,
    error: { code: 'engine-died', message: expect.stringMatching(/SIGKILL.*memory ran out/) },
  });
  expect((await workstation.slideTile(slideId, 0, 0, 0)).bytes.length).toBeGreaterThan(0);
  const { jobId: again } = await client.job.resume({ jobId });
  await expect.poll(async () => (await jobOf(client, again)).message, { timeout: 60_000 }).toMatch(/from step \d+ on/);
  await client.job.cancel({ jobId: again });
  expect(await workstation.jobFinished(again)).toMatchObject({ state: 'cancelled', resumable: false });
  expect(existsSync(join(folder, 'training'))).toBe(false);
  await workstation.close();
});

test('closed in the middle and opened again, it is interrupted, and resuming it ends it', async () => {
  const project = await corrected();
  const jobId = await startedTraining(project, STEPS);
  await project.workstation.close();
  const { client, workstation } = await openProject(project.folder, EAGER);
  expect(await jobOf(client, jobId)).toMatchObject({ state: 'interrupted', resumable: true });
  const { jobId: again } = await client.job.resume({ jobId });
  const done = await workstation.jobFinished(again);
  expect(done).toMatchObject({ state: 'done', result: { kind: 'train', record: { steps: STEPS } } });
  expect(stepsOf(done)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
  expect(existsSync(join(project.folder, 'training'))).toBe(false);
  await workstation.close();
});

test('predictions go in between the steps of a training, and a second training waits', async () => {
  const project = await corrected();
  const { client, workstation, slideId, ended } = project;
  const jobId = await startedTraining(project, STEPS * 50);
  const second = await client.train.start({ steps: 1, seed: 1 });
  const region = { x: 0, y: 0, width: 600, height: 500 };
  const predicted = await ended(client.predict.start({ slideId, region, modelId: null }));
  expect(predicted).toMatchObject({ state: 'done' });
  expect(await jobOf(client, jobId)).toMatchObject({ state: 'running' });
  expect(await jobOf(client, second.jobId)).toMatchObject({ state: 'queued' });
  for (const id of [second.jobId, jobId]) await client.job.cancel({ jobId: id });
  await workstation.jobFinished(jobId);
  await workstation.close();
});
