/** Predicting in 8 bits: measured once on the slide at hand, kept beside the model, refused where it says something else. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decodeTile } from '../../../src/core/mask/codec.ts';
import { temporaryFolder } from '../../fixtures/temporary.ts';
import { furnished } from './small-project.ts';

const WHOLE = { x: 0, y: 0, width: 1100, height: 600 };

/** A project with the built-in model: that of `furnished` has one convolution only. */
async function withBuiltIn(folder = temporaryFolder()) {
  const project = await furnished(folder, WHOLE.width, WHOLE.height);
  const models = await project.client.model.list();
  const { modelId } = models.find(({ state }) => state === 'built-in')!;
  const predict = (eightBit: boolean, region = WHOLE) =>
    project.ended(project.client.predict.start({ slideId: project.slideId, region, modelId, eightBit }));
  return { ...project, folder, predict };
}

type Project = Awaited<ReturnType<typeof withBuiltIn>>;

async function firstTile({ client, slideId, workstation }: Project): Promise<Uint8Array> {
  const { predictions } = await client.slide.get({ slideId });
  return decodeTile((await workstation.maskTile(predictions[0]!.layerId, 0, 0))!, 512 * 512);
}

async function keptFile(folder: string): Promise<string> {
  const found = (await readdir(join(folder, 'models'))).filter((name) => name.endsWith('.8bit.json'));
  expect(found).toHaveLength(1);
  return join(folder, 'models', found[0]!);
}

test('8 bits predict what the full model does, and what was measured lies beside the model', async () => {
  const [full, small] = [await withBuiltIn(), await withBuiltIn()];
  expect((await full.predict(false)).error).toBeNull();
  expect(await small.predict(true)).toMatchObject({ state: 'done', error: null, result: { tiles: 6 } });
  const [wanted, found] = [await firstTile(full), await firstTile(small)];
  expect(new Set(wanted)).toEqual(new Set([1, 2]));
  expect(wanted.filter((label, i) => label !== found[i]).length / wanted.length).toBeLessThan(0.01);
  const kept = JSON.parse(await readFile(await keptFile(small.folder), 'utf8'));
  expect(kept.format).toBe('histoloop-eight-bit/1');
  expect(Object.values(kept.agreement)).toHaveLength(1);
  await full.workstation.close();
  await small.workstation.close();
});

test('a model without a layer to put in 8 bits is refused', async () => {
  const { client, slideId, ended, workstation } = await furnished(temporaryFolder(), 600, 512);
  const job = await ended(client.predict.start({ slideId, region: WHOLE, modelId: null, eightBit: true }));
  expect(job.error).toMatchObject({ code: 'model-unusable', message: expect.stringMatching(/no convolution/) });
  await workstation.close();
});

test('a model that says something else in 8 bits is refused with a sentence, and damaged notes are measured anew', async () => {
  const project = await withBuiltIn();
  const predict = (x: number) => project.predict(true, { ...WHOLE, x, width: 100 });
  expect((await predict(0)).state).toBe('done');
  const path = await keptFile(project.folder);
  const kept = JSON.parse(await readFile(path, 'utf8'));
  const poor = Object.fromEntries(Object.keys(kept.agreement).map((slide) => [slide, 0.42]));
  await writeFile(path, JSON.stringify({ ...kept, agreement: poor }));
  const refused = await predict(600);
  expect(refused.error).toMatchObject({
    code: 'model-unusable',
    message: expect.stringMatching(/0\.420.*without 8-bit/),
  });
  for (const damage of [
    '',
    '{',
    JSON.stringify({ ...kept, modelSha256: 'another' }),
    '{"format":"histoloop-eight-bit/1"}',
  ]) {
    await writeFile(path, damage);
    expect((await predict(1050)).error).toBeNull();
  }
  await project.workstation.close();
});
