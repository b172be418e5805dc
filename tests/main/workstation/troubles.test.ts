/** What the world does to an open project: files vanish or change, disks are read-only, others look in, imports are hostile. */
import { chmodSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { EditOperation } from '../../../src/core/contract.ts';
import { temporaryFolder } from '../../fixtures/temporary.ts';
import { cardOf, colourModel, eavesdrop, furnished, openProject, writeModel, writePicture } from './small-project.ts';

type Furnished = Awaited<ReturnType<typeof furnished>>;
const square = (x: number, y: number, size: number, label = 2): EditOperation => ({
  kind: 'polygon',
  points: [x, y, x + size, y, x + size, y + size, x, y + size],
  label,
});
const edit = (
  { client, slideId }: Pick<Furnished, 'client' | 'slideId'>,
  requestId: string,
  operation: EditOperation,
) => client.mask.edit({ slideId, requestId, operation, predictionLayerId: null, tool: 'brush' });

test('a slide file that vanished says so, keeps its corrections, and is found where it went', async () => {
  const folder = temporaryFolder();
  const project = await furnished(folder, 400, 300);
  const { client, workstation, slideId, path } = project;
  await edit(project, 'before', square(10, 10, 50));
  const elsewhere = join(folder, 'moved.png');
  renameSync(path, elsewhere);
  await expect(client.slide.get({ slideId })).rejects.toMatchObject({ code: 'file-missing' });
  expect((await client.project.get()).slides[0]!.problem).toMatch(/not there; connect its disk/);
  await edit(project, 'while it is away', square(80, 80, 50));
  expect((await client.slide.add({ path: elsewhere })).slideId).toBe(slideId);
  expect((await client.slide.get({ slideId })).history).toMatchObject({ canUndo: true });
  expect((await client.project.get()).slides[0]!.problem).toBeNull();
  await workstation.close();
});

test('another picture under the slide’s name is refused, whatever its size, until the old one is back', async () => {
  const folder = temporaryFolder();
  const { client, workstation, slideId, path, ended } = await furnished(folder, 400, 300);
  await client.slide.get({ slideId });
  const kept = await readFile(path);
  for (const [width, shift] of [
    [400, 7],
    [500, 0],
  ] as const) {
    await writePicture(path, width, 300, shift);
    await expect(client.slide.get({ slideId })).rejects.toMatchObject({
      code: 'conflict',
      message: /put the old file back/,
    });
    const job = await ended(client.predict.start({ slideId, region: null, modelId: null }));
    expect(job.error).toMatchObject({ code: 'conflict' });
  }
  writeFileSync(path, kept);
  utimesSync(path, 1, 1);
  expect((await client.slide.get({ slideId })).info.widthPx).toBe(400);
  truncateSync(path, 100);
  await expect(client.slide.get({ slideId })).rejects.toMatchObject({ code: /slide-damaged|conflict/ });
  await workstation.close();
});

test('a project opened for looking shows everything and refuses every change in words', async () => {
  const folder = temporaryFolder();
  const first = await furnished(folder, 600, 512);
  await edit(first, 'kept', square(10, 10, 50));
  await first.workstation.close();
  const { client, workstation } = await openProject(folder, { readOnly: true, furnish: true });
  const { slideId } = first;
  expect(await client.project.get()).toMatchObject({ readOnly: true, slides: [{ slideId, problem: null }] });
  expect((await client.slide.get({ slideId })).history.canUndo).toBe(true);
  const other = await writeModel(folder, 'other', colourModel({ gain: 5 }));
  for (const change of [
    () => edit({ client, slideId }, 'no', square(100, 10, 50)),
    () => client.mask.undo({ slideId, requestId: 'no-undo' }),
    () => client.project.update({ name: 'other' }),
    () => client.predict.start({ slideId, region: null, modelId: null }),
    () => client.train.start({ steps: 1, seed: 1 }),
    () => client.model.import({ path: other }),
  ]) {
    await expect(change()).rejects.toMatchObject({ code: 'disk-read-only', message: /looking only|read-only/ });
  }
  const target = join(temporaryFolder(), 'export');
  const started = await client.export.start({ slideIds: [slideId], formats: ['geojson'], folder: null });
  expect((await workstation.jobFinished(started.jobId)).state).toBe('done');
  await expect(
    client.export.start({ slideIds: [slideId], formats: ['geojson'], folder: target }),
  ).rejects.toMatchObject({
    code: 'forbidden',
  });
  await workstation.close();
});

test('a second instance and a project of a newer Histoloop are refused in words', async () => {
  const folder = temporaryFolder();
  const first = await furnished(folder, 300, 300);
  await expect(openProject(folder)).rejects.toMatchObject({
    code: 'store-locked',
    message: expect.stringMatching(/close it there/),
  });
  await edit(first, 'still mine', square(10, 10, 50));
  await first.workstation.close();
  const database = new DatabaseSync(join(folder, 'project.sqlite'));
  database.exec('PRAGMA user_version = 999');
  database.close();
  await expect(openProject(folder)).rejects.toMatchObject({
    code: 'store-newer',
    message: expect.stringMatching(/newer/),
  });
});

test.skipIf(process.getuid?.() === 0)(
  'a folder that may not be written keeps a new model out, whole or not at all',
  async () => {
    const folder = temporaryFolder();
    const { client, workstation } = await furnished(folder, 300, 300);
    chmodSync(join(folder, 'models'), 0o500);
    const path = await writeModel(folder, 'other', colourModel({ gain: 5 }));
    await expect(client.model.import({ path })).rejects.toMatchObject({ code: 'disk-read-only' });
    chmodSync(join(folder, 'models'), 0o700);
    await workstation.close();
  },
);

test('a models folder that cannot be written says so and leaves nothing behind', async () => {
  const folder = temporaryFolder();
  const { client, workstation } = await furnished(folder, 300, 300);
  const count = (await client.model.list()).length;
  rmSync(join(folder, 'models'), { recursive: true });
  writeFileSync(join(folder, 'models'), 'a file in the way');
  const path = await writeModel(folder, 'other', colourModel({ gain: 5 }), cardOf());
  await expect(client.model.import({ path })).rejects.toMatchObject({ code: 'bad-input', message: /could not write/ });
  expect(await client.model.list()).toHaveLength(count);
  await workstation.close();
});

test('two windows hear of each other’s edits, in order, and their own carry their name', async () => {
  const project = await furnished(temporaryFolder(), 600, 512);
  const [one, two] = [eavesdrop(project.workstation), eavesdrop(project.workstation)];
  const names = Array.from({ length: 8 }, (_, i) => `window-${i % 2}-${i}`);
  await Promise.all(names.map((name, i) => edit(project, name, square(10 + 60 * i, 10, 40))));
  await expect.poll(() => two.masks().length).toBe(8);
  expect(one.masks()).toEqual(two.masks());
  expect(one.masks().map(({ requestId }) => requestId)).toEqual(names);
  const revisions = one.masks().map(({ revision }) => revision);
  expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  await Promise.all([one.stop(), two.stop()]);
  await project.workstation.close();
});

test('exporting twice gives the same bytes, and edits that arrive meanwhile are wholly in or wholly out', async () => {
  const folder = temporaryFolder();
  const project = await furnished(folder, 1100, 1100);
  const { client, ended, slideId } = project;
  await ended(client.predict.start({ slideId, region: { x: 0, y: 0, width: 600, height: 400 }, modelId: null }));
  await edit(project, 'first', square(100, 100, 800));
  const formats = ['geojson', 'label-png', 'coco'] as const;
  const bytesOf = async (name: string) => {
    const job = await ended(client.export.start({ slideIds: [slideId, slideId], formats, folder: join(folder, name) }));
    if (job.result?.kind !== 'export') throw new Error(`the export ended so: ${JSON.stringify(job.error)}`);
    const { files, folder: target } = job.result;
    return Promise.all(files.map(async (file) => [file, await readFile(join(target, file), 'base64')] as const));
  };
  expect(await bytesOf('a')).toEqual(await bytesOf('b'));
  const exporting = bytesOf('c');
  for (let i = 0; i < 12; i++) await edit(project, `flip-${i}`, square(0, 0, 1100, i % 2 === 0 ? 1 : 2));
  const manifest = (await exporting).find(([file]) => file === 'manifest.json')!;
  const text = JSON.stringify(JSON.parse(Buffer.from(manifest[1], 'base64').toString()));
  const counted = [...text.matchAll(/"human":(\d+)/g)].map((match) => Number(match[1]));
  expect(counted).not.toEqual([]);
  const pixels = Math.max(...counted);
  expect([800 * 800, 1100 * 1100]).toContain(pixels);
  await project.workstation.close();
});

test.each([
  ['nonsense.geojson', '{"type":"FeatureCollection","features":', 'bad-input'],
  ['deep.json', `${'['.repeat(200_000)}`, 'bad-input'],
  ['nan.geojson', '{"type":"Polygon","coordinates":[[["NaN",0],[1,1],[2,2]]]}', 'bad-input'],
  ['picture.png', 'not a picture', 'bad-input|file-unreadable|slide-unsupported|slide-damaged'],
])('a hostile import (%s) is refused and the mask stays as it was', async (name, content, code) => {
  const folder = temporaryFolder();
  const project = await furnished(folder, 300, 300);
  const { client, workstation, slideId } = project;
  const { history } = await edit(project, 'before', square(10, 10, 50));
  const path = join(folder, `import-${name}`);
  writeFileSync(path, content);
  const input = { slideId, requestId: 'hostile', path, classes: null };
  await expect(client.mask.importFile(input)).rejects.toMatchObject({ code: expect.stringMatching(`^(${code})$`) });
  expect((await client.slide.get({ slideId })).history).toEqual(history);
  await workstation.close();
});
