/** What the workstation tells of its engine: the truth, a measurement on demand, and a choice that lasts. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { spawnNodeChild } from '../../../src/main/engine/engine.ts';
import { createSettings } from '../../../src/main/settings.ts';
import { temporaryFolder } from '../../fixtures/temporary.ts';
import { furnished, openProject } from './small-project.ts';

/** An engine that no option forces on a provider. */
const free = { threads: 1, spawn: spawnNodeChild };

test('every provider has its state, and what is not measured is not made up', async () => {
  const { client, workstation } = await openProject(temporaryFolder());
  const truth = await client.engine.truth();
  expect(truth).toMatchObject({ provider: 'cpu', wanted: 'cpu', threads: 1, driver: null, measured: null });
  expect(truth.device).toMatch(/cores/);
  expect(truth.peakMemoryMb).toBeGreaterThan(20);
  for (const { available, reason } of truth.providers) if (!available) expect(reason).toMatch(/\w+ \w+/);
  await workstation.close();
});

test('a measurement is a job whose numbers stay with the truth', async () => {
  const { client, workstation, ended } = await openProject(temporaryFolder());
  const job = await ended(client.engine.measure());
  if (job.result?.kind !== 'measure') throw new Error(`measuring ended so: ${JSON.stringify(job.error)}`);
  const { measurement } = job.result;
  expect(measurement).toMatchObject({ provider: 'cpu', tilePx: 512, trainingBatch: '4 × 128 × 128', fellBack: null });
  expect(measurement.tilesPerSecond).toBeGreaterThan(0.05);
  expect(measurement.stepsPerSecond).toBeGreaterThan(0.05);
  expect((await client.engine.truth()).measured).toEqual(measurement);
  await workstation.close();
});

test('while something is predicted nothing is measured and nothing is changed; a measurement can be cancelled', async () => {
  const { client, workstation, slideId, ended } = await furnished(temporaryFolder(), 2048, 1536);
  const predicting = client.predict.start({ slideId, region: null, modelId: null });
  await predicting;
  const busy = { code: 'conflict', message: expect.stringMatching(/«Predict.*» is under way/) };
  await expect(client.engine.measure()).rejects.toMatchObject(busy);
  await expect(client.engine.choose({ provider: 'auto' })).rejects.toMatchObject(busy);
  expect(await ended(predicting)).toMatchObject({ state: 'done' });
  const measuring = await client.engine.measure();
  await expect(client.engine.choose({ provider: 'cpu' })).rejects.toMatchObject({ code: 'conflict' });
  await client.job.cancel({ jobId: measuring.jobId });
  expect(await workstation.jobFinished(measuring.jobId)).toMatchObject({ state: 'cancelled', resumable: false });
  await workstation.close();
});

test('a provider that does not work here is tried, said so, and kept for the next start', async () => {
  const [folder, settingsFile] = [temporaryFolder(), join(temporaryFolder(), 'deep', 'settings.json')];
  const first = await openProject(folder, { settingsFile, engine: free });
  const away = process.platform === 'win32' ? 'coreml' : 'dml';
  const refused = { provider: 'cpu', wanted: away, fallbackReason: expect.stringMatching(/is a part of/) };
  expect(await first.client.engine.choose({ provider: away })).toMatchObject(refused);
  await first.workstation.close();
  expect(JSON.parse(readFileSync(settingsFile, 'utf8'))).toEqual({ provider: away });
  const second = await openProject(folder, { settingsFile, engine: free });
  expect(await second.client.engine.truth()).toMatchObject(refused);
  await expect(second.client.engine.choose({ provider: 'abacus' })).rejects.toMatchObject({
    code: 'bad-input',
    message: expect.stringMatching(/no provider abacus; choose one of auto, cpu/),
  });
  await second.workstation.close();
});

test('damaged or unknown settings mean the processor', async () => {
  const settingsFile = join(temporaryFolder(), 'settings.json');
  for (const text of [
    '',
    'not json',
    '[]',
    'null',
    '{"provider": "abacus"}',
    '{"provider": 7}',
    '{"provider": "__proto__"}',
  ]) {
    writeFileSync(settingsFile, text);
    expect(await createSettings(settingsFile).provider(), text).toBe('cpu');
  }
  expect(await createSettings(join(settingsFile, 'beneath-a-file')).provider()).toBe('cpu');
  const writing = createSettings(join(settingsFile, 'beneath-a-file')).setProvider('webgpu');
  await expect(writing).rejects.toMatchObject({ message: expect.stringMatching(/could not write/) });
});

test('predictions go on after the provider was changed', async () => {
  const { client, workstation, slideId, ended } = await furnished(temporaryFolder(), 700, 500);
  const region = { x: 0, y: 0, width: 300, height: 300 };
  await ended(client.predict.start({ slideId, region, modelId: null }));
  await client.engine.choose({ provider: 'cpu' });
  const job = await ended(client.predict.start({ slideId, region: { ...region, x: 512 }, modelId: null }));
  expect(job).toMatchObject({ state: 'done', error: null });
  await workstation.close();
});
