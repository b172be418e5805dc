/** What becomes of a fine-tune: promoted, refused, cancelled, cut off; and of model files that are wrong or were touched. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../fixtures/temporary.ts';
import { cardOf, colourModel, correct, eavesdrop, FIELDS, furnished, writeModel } from './small-project.ts';

/** Takes light for dark, by so little that a few steps turn it round: its input values are far from 0. */
const WRONG = {
  model: colourModel({ gain: -0.001, threshold: 0 }),
  card: cardOf({ name: 'Wrong', normalisation: { mean: [0.5, 0.5, 0.5], deviation: [0.05, 0.05, 0.05] } }),
};

const models = (folder: string) => readdirSync(join(folder, 'models')).sort();

test('a better version goes live, predicts again where its parent had, and says what it learned from', async () => {
  const folder = temporaryFolder();
  const project = await furnished(folder, 1100, 600);
  const { client, workstation, slideId, modelId, ended } = project;
  await ended(client.predict.start({ slideId, region: { x: 0, y: 0, width: 500, height: 500 }, modelId: null }));
  await client.model.import({ path: await writeModel(folder, 'bad', WRONG.model, WRONG.card) });
  const bad = (await client.model.list()).at(-1)!.modelId;
  await client.model.activate({ modelId: bad });
  await ended(client.predict.start({ slideId, region: { x: 0, y: 0, width: 500, height: 500 }, modelId: null }));
  await correct(project, () => true);
  const { masks, stop } = eavesdrop(workstation);
  const job = await ended(client.train.start({ steps: 60, seed: 1 }));
  if (job.result?.kind !== 'train') throw new Error(`training ended so: ${JSON.stringify(job.error)}`);
  expect(job.result).toMatchObject({ promoted: true, record: { corrections: FIELDS * 17, heldOutBlocks: 2 } });
  expect(job.result.record.diceAfter).toBeGreaterThan(job.result.record.diceBefore);
  const version = (await client.model.list()).at(-1)!;
  expect(version).toMatchObject({ state: 'live', parentId: bad, modelId: job.result.modelId });
  expect((await client.project.get()).liveModelId).toBe(version.modelId);
  const again = (await client.job.list()).at(-1)!;
  expect(await workstation.jobFinished(again.jobId)).toMatchObject({ kind: 'predict', state: 'done' });
  expect(masks().some(({ requestId, tiles }) => requestId === null && tiles.length === 2)).toBe(true);
  const { predictions } = await client.slide.get({ slideId });
  expect(predictions.map((layer) => layer.modelId)).toEqual([version.modelId, bad, modelId]);
  await stop();
  await workstation.close();
});

test('a version that is worse on the held-out blocks is kept but does not go live', async () => {
  const project = await furnished(temporaryFolder(), 1100, 600);
  const { client, workstation, modelId, ended } = project;
  await correct(project, (block) => block % 4 === 1);
  const job = await ended(client.train.start({ steps: 60, seed: 1 }));
  if (job.result?.kind !== 'train') throw new Error(`training ended so: ${JSON.stringify(job.error)}`);
  expect(job.result.promoted).toBe(false);
  expect(job.message).toMatch(/old version stays live/);
  expect((await client.model.list()).at(-1)).toMatchObject({ state: 'refused', parentId: modelId });
  expect((await client.project.get()).liveModelId).toBe(modelId);
  await workstation.close();
});

test('a version chosen while another is being learned stays live', async () => {
  const folder = temporaryFolder();
  const project = await furnished(folder, 1100, 600);
  const { client, workstation, ended } = project;
  const wrong = await client.model.import({ path: await writeModel(folder, 'wrong', WRONG.model, WRONG.card) });
  await client.model.activate({ modelId: wrong.modelId });
  await correct(project, () => true);
  const other = await client.model.import({ path: await writeModel(folder, 'other', colourModel({ gain: 7 })) });
  const { heard, stop } = eavesdrop(workstation);
  const started = client.train.start({ steps: 60, seed: 1 });
  const learning = () => heard.some((event) => event.kind === 'job.progressed' && event.job.loss.length > 0);
  await expect.poll(learning, { interval: 5, timeout: 30_000 }).toBe(true);
  await client.model.activate({ modelId: other.modelId });
  const job = await ended(started);
  expect(job.result).toMatchObject({ promoted: false });
  expect(job.message).toMatch(/chosen meanwhile/);
  expect((await client.project.get()).liveModelId).toBe(other.modelId);
  await stop();
  await workstation.close();
});

test('cancelling while learning leaves no version, and pictures are served meanwhile', async () => {
  const folder = temporaryFolder();
  const project = await furnished(folder, 1100, 600);
  const { client, workstation, slideId, ended } = project;
  await correct(project, () => true);
  const before = [models(folder), (await client.model.list()).length];
  const { heard, stop } = eavesdrop(workstation);
  const started = client.train.start({ steps: 5000, seed: 1 });
  const learning = () => heard.some((event) => event.kind === 'job.progressed' && event.job.loss.length > 0);
  await expect.poll(learning, { interval: 5, timeout: 30_000 }).toBe(true);
  expect((await workstation.slideTile(slideId, 0, 1, 1)).bytes.length).toBeGreaterThan(0);
  await client.job.cancel({ jobId: (await started).jobId });
  expect(await ended(started)).toMatchObject({ state: 'cancelled', resumable: false, result: null });
  expect([models(folder), (await client.model.list()).length]).toEqual(before);
  await stop();
  await workstation.close();
});

test('a model file that was changed on disk says so, and cannot be chosen', async () => {
  const folder = temporaryFolder();
  const { client, workstation, slideId, modelId, ended } = await furnished(folder, 600, 600);
  const builtIn = (await client.model.list())[0]!.modelId;
  await client.model.activate({ modelId: builtIn });
  writeFileSync(join(folder, 'models', `${modelId}.onnx`), colourModel({ gain: 3 }));
  const changed = { code: 'model-unusable', message: expect.stringMatching(/changed on disk.*restore/) };
  await expect(client.model.activate({ modelId })).rejects.toMatchObject(changed);
  expect((await client.project.get()).liveModelId).toBe(builtIn);
  const job = await ended(client.predict.start({ slideId, region: null, modelId }));
  expect(job).toMatchObject({ state: 'failed', error: changed });
  await workstation.close();
});

test('a wrong model is refused in words and changes nothing', async () => {
  const folder = temporaryFolder();
  const { client, workstation } = await furnished(folder, 300, 300);
  const before = [models(folder), await client.model.list(), (await client.project.get()).classes];
  const refusals: [string, Uint8Array, unknown, RegExp][] = [
    ['not-onnx', new TextEncoder().encode('<html>'), null, /not an ONNX model/],
    ['four-channels', colourModel({ channels: 4 }), null, /4 channels/],
    ['oblong', colourModel({ size: [64, 128] }), null, /square/],
    ['nan', colourModel({ gain: Number.NaN }), null, /./],
    ['classes', colourModel(), cardOf({ classes: ['Background', 'A', 'B'] }), /names 3 classes, the model has 2/],
    ['input', colourModel(), cardOf({ input: 'pixels' }), /calls the input pixels/],
    ['no-card', colourModel(), { weights: 'manifest' }, /beside the model.*move it away/],
  ];
  for (const [name, bytes, card, sentence] of refusals) {
    const path = await writeModel(folder, name, bytes, card);
    await expect(client.model.import({ path }), name).rejects.toMatchObject({
      code: expect.stringMatching(/model-unusable|model-output-invalid/),
      message: expect.stringMatching(sentence),
    });
  }
  expect([models(folder), await client.model.list(), (await client.project.get()).classes]).toEqual(before);
  await workstation.close();
});

test('a model of one fixed size and batch predicts, and unknown classes become the project’s', async () => {
  const folder = temporaryFolder();
  const { client, workstation, slideId, ended } = await furnished(folder, 700, 500);
  const fixed = colourModel({ batch: 1, size: [128, 128], gain: 9 });
  const card = cardOf({ name: 'fixed', fixedSizePx: 128, classes: ['Background', 'Mitosis'] });
  const [one, two] = await Promise.all([
    client.model.import({ path: await writeModel(folder, 'fixed', fixed, card) }),
    client.model.import({ path: await writeModel(folder, 'fixed-too', fixed, card) }),
  ]);
  expect(one.modelId).toBe(two.modelId);
  expect((await client.project.get()).classes.map(({ name }) => name)).toEqual(['Background', 'Nucleus', 'Mitosis']);
  const whole = { x: 0, y: 0, width: 700, height: 500 };
  const job = await ended(client.predict.start({ slideId, region: whole, modelId: one.modelId }));
  expect(job).toMatchObject({ state: 'done', result: { tiles: 2 } });
  await workstation.close();
});
