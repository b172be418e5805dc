import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeTile } from '../../../src/core/mask/codec.ts';
import { TILE_LENGTH } from '../../../src/core/mask/tile-grid.ts';
import { openStore } from '../../../src/main/store/store.ts';
import { record, sampleModel, sampleSlide, stroke, temporaryFolder } from './project-fixture.ts';

const code = (value: string) => expect.objectContaining({ code: value });

describe('the store as the workstation holds it', () => {
  test('answers every call in order and gives tiles and rectangles as bytes of their own', async () => {
    const folder = temporaryFolder();
    const store = await openStore(folder, { user: 'ann' });
    expect([store.folder, store.readOnly]).toEqual([folder, false]);
    const { humanLayerId: layerId } = await store.addSlide(sampleSlide());
    const edits = await Promise.all([1, 2, 3].map((i) => store.edit(record(layerId, `r${i}`), stroke(i * 100, 300))));
    expect(edits.map((edit) => edit.history.editId)).toEqual([1, 2, 3]);
    const tile = await store.tile(layerId, 0, 0);
    const labels = await store.readLabels(layerId, { x: 0, y: 0, width: 512, height: 512 });
    expect(tile!.buffer.byteLength).toBe(tile!.byteLength);
    expect(Buffer.compare(decodeTile(tile!, TILE_LENGTH), labels)).toBe(0);
    expect(await store.tile(layerId, 0, 0)).toEqual(tile);
    expect(await store.tile(layerId, 5, 5)).toBeNull();
    await store.close();
  });

  test('leaves the caller its own bytes', async () => {
    const store = await openStore(temporaryFolder());
    await store.addSlide(sampleSlide());
    await store.addModel(sampleModel());
    const { layerId } = await store.predictionLayer('slide-1', 'model-1');
    const labels = new Uint8Array(TILE_LENGTH).fill(2);
    await store.putPrediction(layerId, [{ column: 0, row: 0, labels }]);
    expect([labels.length, labels[77]]).toEqual([TILE_LENGTH, 2]);
    await store.close();
  });

  test('brings errors over as they were, code and sentence and data', async () => {
    const folder = temporaryFolder();
    const store = await openStore(folder);
    await expect(store.slides()).resolves.toEqual([]);
    await expect(store.layer(9)).rejects.toThrowError(code('not-found'));
    await expect(openStore(folder)).rejects.toMatchObject({
      code: 'store-locked',
      data: { path: join(folder, 'project.sqlite') },
    });
    await expect(store.layersOf('none')).rejects.toThrowError(/slide none is not in this project/);
    await store.close();
    await expect(openStore(join(folder, 'none'), { createIfMissing: false })).rejects.toThrowError(
      code('file-missing'),
    );
  });

  test('saves what was called before close, refuses what comes after, and closes twice without harm', async () => {
    const folder = temporaryFolder();
    const store = await openStore(folder);
    const { humanLayerId } = await store.addSlide(sampleSlide());
    const last = store.edit(record(humanLayerId, 'last'), stroke(100, 100));
    await Promise.all([store.close(), store.close()]);
    expect((await last).history.editId).toBe(1);
    await expect(store.project()).rejects.toThrowError(/the project is closed/);
    const again = await openStore(folder, { readOnly: true });
    expect(again.readOnly).toBe(true);
    expect(await again.correctionCount()).toBe(1);
    await expect(again.undo(humanLayerId, 'u', 'ann')).rejects.toThrowError(code('disk-read-only'));
    await again.close();
  });
});
