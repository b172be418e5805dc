/** Predictions that are cut off: by a person, by a dead engine, by the end of the program, by another pixel size. */
import { expect, test } from 'vitest';
import { decodeTile } from '../../../src/core/mask/codec.ts';
import type { Workstation } from '../../../src/main/workstation.ts';
import { temporaryFolder } from '../../fixtures/temporary.ts';
import { cardOf, colourModel, eavesdrop, furnished, isDisc, openProject, writeModel } from './small-project.ts';

type Furnished = Awaited<ReturnType<typeof furnished>>;
const ALL_TILES = 12;
const WHOLE = { x: 0, y: 0, width: 2048, height: 1536 };

/** Calls back at the first tiles of a prediction. */
async function atFirstTiles(workstation: Workstation, then: () => unknown): Promise<void> {
  const { masks, stop } = eavesdrop(workstation);
  await expect.poll(() => masks().length, { interval: 5, timeout: 30_000 }).toBeGreaterThan(0);
  await then();
  await stop();
}

async function tilesOf({ client, slideId }: Pick<Furnished, 'client' | 'slideId'>): Promise<number> {
  const { predictions } = await client.slide.get({ slideId });
  return (await client.mask.tiles({ layerId: predictions[0]!.layerId })).tiles.length / 2;
}

test('a cancelled prediction keeps its tiles and goes on from there', async () => {
  const project = await furnished(temporaryFolder());
  const { client, slideId, ended } = project;
  const started = client.predict.start({ slideId, region: WHOLE, modelId: null });
  const { jobId } = await started;
  await atFirstTiles(project.workstation, () => client.job.cancel({ jobId }));
  expect(await ended(started)).toMatchObject({ state: 'cancelled', resumable: true });
  const kept = await tilesOf(project);
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(ALL_TILES);
  const { predictions } = await client.slide.get({ slideId });
  const { masks, stop } = eavesdrop(project.workstation);
  expect(await ended(client.job.resume({ jobId }))).toMatchObject({ state: 'done', result: { tiles: ALL_TILES } });
  await expect.poll(() => masks().flatMap(({ tiles }) => tiles).length / 2).toBe(ALL_TILES - kept);
  await stop();
  const bytes = await project.workstation.maskTile(predictions[0]!.layerId, 1, 1);
  const labels = decodeTile(bytes!, 512 * 512);
  expect([labels[32 * 512 + 32], labels[0]]).toEqual([isDisc(544, 544) ? 2 : 1, 1]);
  await project.workstation.close();
});

test('a prediction cut off by closing is there to be resumed when the project is opened again', async () => {
  const folder = temporaryFolder();
  const first = await furnished(folder);
  await first.client.predict.start({ slideId: first.slideId, region: WHOLE, modelId: null });
  await atFirstTiles(first.workstation, () => {});
  await first.workstation.close();
  const { client, workstation, ended } = await openProject(folder);
  const [job] = (await client.job.list()).filter(({ kind }) => kind === 'predict');
  expect(job).toMatchObject({ resumable: true });
  const kept = await tilesOf({ client, slideId: first.slideId });
  expect(kept).toBeGreaterThan(0);
  expect(await ended(client.job.resume({ jobId: job!.jobId }))).toMatchObject({ state: 'done' });
  expect(await tilesOf({ client, slideId: first.slideId })).toBe(ALL_TILES);
  await workstation.close();
});

test('killing the engine under a prediction costs nothing but time', async () => {
  const project = await furnished(temporaryFolder());
  const { client, slideId, ended } = project;
  const started = client.predict.start({ slideId, region: WHOLE, modelId: null });
  await started;
  await atFirstTiles(project.workstation, project.killEngine);
  expect(await ended(started)).toMatchObject({ state: 'done', error: null });
  expect(await tilesOf(project)).toBe(ALL_TILES);
  await project.workstation.close();
});

test('another pixel size forgets what was predicted at the old one, and tells every window', async () => {
  const folder = temporaryFolder();
  const project = await furnished(folder, 1024, 600);
  const { client, slideId, ended } = project;
  const scaled = await writeModel(
    folder,
    'scaled',
    colourModel({ gain: 6 }),
    cardOf({ name: 'scaled', pixelSizeUm: 0.5 }),
  );
  const { modelId } = await client.model.import({ path: scaled });
  await client.slide.setPixelSize({ slideId, pixelSizeUm: 0.5 });
  await ended(client.predict.start({ slideId, region: WHOLE, modelId }));
  expect(await tilesOf(project)).toBe(4);
  const { masks, stop } = eavesdrop(project.workstation);
  await client.slide.setPixelSize({ slideId, pixelSizeUm: 0.25 });
  expect(await tilesOf(project)).toBe(0);
  await expect.poll(() => masks().map(({ tiles }) => tiles.length)).toEqual([8]);
  await stop();
  expect(await ended(client.predict.start({ slideId, region: WHOLE, modelId }))).toMatchObject({ state: 'done' });
  expect(await tilesOf(project)).toBe(4);
  await client.slide.setPixelSize({ slideId, pixelSizeUm: 100 });
  const far = await ended(client.predict.start({ slideId, region: WHOLE, modelId }));
  expect(far.error).toMatchObject({ code: 'bad-input', message: expect.stringMatching(/too far apart/) });
  await project.workstation.close();
});

test('a region beyond the slide is cut at its border, and one beside it is refused', async () => {
  const project = await furnished(temporaryFolder(), 700, 600);
  const { client, slideId, ended } = project;
  const over = { x: 650.5, y: -900, width: 5000, height: 5000 };
  expect((await ended(client.predict.start({ slideId, region: over, modelId: null }))).result).toMatchObject({
    tiles: 2,
  });
  const beside = { x: 700, y: 0, width: 10, height: 10 };
  await expect(client.predict.start({ slideId, region: beside, modelId: null })).rejects.toMatchObject({
    code: 'bad-input',
  });
  await project.workstation.close();
});

test('a class keeps its id when it is renamed, so that a model goes on meaning the same', async () => {
  const project = await furnished(temporaryFolder(), 600, 512);
  const { client, slideId, ended } = project;
  await client.project.saveClass({ id: 2, name: 'Zellkern', color: '#112233' });
  await ended(client.predict.start({ slideId, region: WHOLE, modelId: null }));
  expect((await client.project.get()).classes.map(({ name }) => name)).toEqual(['Background', 'Zellkern']);
  const { predictions } = await client.slide.get({ slideId });
  const labels = decodeTile((await project.workstation.maskTile(predictions[0]!.layerId, 0, 0))!, 512 * 512);
  expect(new Set(labels)).toEqual(new Set([1, 2]));
  await project.workstation.close();
});
