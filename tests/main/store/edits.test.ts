import { describe, expect, test } from 'vitest';
import type { EditOperation } from '../../../src/core/contract.ts';
import { ACCEPTED_BIT, MASK_TILE_PX } from '../../../src/core/label.ts';
import { decodeTile } from '../../../src/core/mask/codec.ts';
import { TILE_LENGTH } from '../../../src/core/mask/tile-grid.ts';
import { openProjectDatabase } from '../../../src/main/store/project-database.ts';
import { hashOfLayer, record, sampleModel, sampleSlide, stroke, temporaryFolder } from './project-fixture.ts';

function openSample() {
  const folder = temporaryFolder();
  const project = openProjectDatabase(folder, { user: 'ann' });
  const layerId = project.methods.addSlide(sampleSlide()).humanLayerId;
  return { ...project, store: project.methods, folder, layerId };
}

const solid = (label: number) => new Uint8Array(TILE_LENGTH).fill(label);

describe('a stroke', () => {
  test('is there after the project is opened again, with who, when, which tool and which model', () => {
    const { store, folder, layerId, close } = openSample();
    const result = store.edit({ ...record(layerId, 'r1'), modelId: 'model-7' }, stroke(1000, 1000));
    expect(result).toEqual({ history: { editId: 1, canUndo: true, canRedo: false }, tiles: [0, 0, 1, 0, 0, 1, 1, 1] });
    const before = hashOfLayer(store, layerId);
    close();
    const again = openProjectDatabase(folder);
    expect(hashOfLayer(again.methods, layerId)).toBe(before);
    const [entry] = again.methods.history('slide-1', 10);
    expect(entry).toMatchObject({
      editId: 1,
      tool: 'brush',
      user: 'ann',
      modelId: 'model-7',
      target: null,
      undone: false,
    });
    expect(Date.now() - Date.parse(entry!.at)).toBeLessThan(60_000);
    again.close();
  });

  test('sent twice is made once, also when other strokes came between', () => {
    const { store, layerId, close } = openSample();
    store.edit(record(layerId, 'r1'), stroke(1000, 1000, 2));
    store.edit(record(layerId, 'r2'), stroke(1000, 1000, 0, 300));
    const before = hashOfLayer(store, layerId);
    const repeated = store.edit(record(layerId, 'r1'), stroke(1000, 1000, 2));
    expect(repeated).toEqual({
      history: { editId: 2, canUndo: true, canRedo: false },
      tiles: [0, 0, 1, 0, 0, 1, 1, 1],
    });
    expect(hashOfLayer(store, layerId)).toBe(before);
    expect(store.history('slide-1', 10)).toHaveLength(2);
    const other = store.addSlide(sampleSlide('slide-2')).humanLayerId;
    expect(() => store.edit(record(other, 'r1'), stroke(5, 5))).toThrowError(
      expect.objectContaining({ code: 'conflict' }),
    );
    close();
  });

  test('that changes nothing is recorded, but there is nothing to undo in it and it counts for nothing', () => {
    const { store, layerId, close } = openSample();
    const result = store.edit(record(layerId, 'r1'), stroke(1000, 1000, 0));
    expect(result).toEqual({ history: { editId: 1, canUndo: false, canRedo: false }, tiles: [] });
    expect([store.correctionCount(), store.correctionBlocks(), store.tiles(layerId)]).toEqual([0, [], []]);
    close();
  });

  test.each<[string, EditOperation]>([
    ['a class that the project has not', stroke(100, 100, 9)],
    ['a label that is none', stroke(100, 100, 300)],
    ['NaN', stroke(Number.NaN, 100)],
    ['a prediction layer that is a person’s', { kind: 'accept', points: [0, 0, 9, 0, 9, 9], predictionLayerId: 1 }],
  ])('with %s is refused and leaves no trace', (_, operation) => {
    const { store, layerId, close } = openSample();
    expect(() => store.edit(record(layerId, 'r1'), operation)).toThrowError(
      expect.objectContaining({ code: 'bad-input' }),
    );
    expect([store.history('slide-1', 10), store.tiles(layerId)]).toEqual([[], []]);
    expect(store.edit(record(layerId, 'r1'), stroke(100, 100)).history.editId).toBe(1);
    close();
  });

  test('on a layer that is not there, or is a model’s, or without a request id, is refused', () => {
    const { store, layerId, close } = openSample();
    store.addModel(sampleModel());
    const { layerId: predictionId } = store.predictionLayer('slide-1', 'model-1');
    expect(() => store.edit(record(99, 'r'), stroke(1, 1))).toThrowError(
      expect.objectContaining({ code: 'not-found' }),
    );
    expect(() => store.edit(record(predictionId, 'r'), stroke(1, 1))).toThrowError(
      expect.objectContaining({ code: 'bad-input' }),
    );
    expect(() => store.edit(record(layerId, ''), stroke(1, 1))).toThrowError(
      expect.objectContaining({ code: 'bad-input' }),
    );
    close();
  });

  test('erased leaves no tile to ask for', () => {
    const { store, layerId, close } = openSample();
    store.edit(record(layerId, 'r1'), stroke(300, 300));
    expect(store.tiles(layerId)).toEqual([0, 0]);
    store.edit(record(layerId, 'r2'), stroke(300, 300, 0, 200));
    expect(store.tiles(layerId)).toEqual([]);
    expect(store.tile(layerId, 0, 0)).toBeNull();
    close();
  });

  test('with a clock that jumps back keeps its place in the history', () => {
    let minute = 59;
    const project = openProjectDatabase(temporaryFolder(), {}, () => `2026-01-01T00:${minute--}:00.000Z`);
    const layerId = project.methods.addSlide(sampleSlide()).humanLayerId;
    for (const id of ['a', 'b', 'c']) project.methods.edit(record(layerId, id), stroke(minute * 50, 300));
    expect(project.methods.history('slide-1', 2).map((entry) => entry.editId)).toEqual([3, 2]);
    project.methods.undo(layerId, 'u', 'ann');
    expect(project.methods.history('slide-1', 4).map((entry) => entry.undone)).toEqual([false, true, false, false]);
    project.close();
  });
});

describe('accepting a prediction', () => {
  test('keeps the model’s pixels apart from a person’s, for good', () => {
    const { store, layerId, close } = openSample();
    store.addModel(sampleModel());
    const { layerId: predictionLayerId } = store.predictionLayer('slide-1', 'model-1');
    store.putPrediction(predictionLayerId, [{ column: 0, row: 0, labels: solid(2) }]);
    store.edit(record(layerId, 'r1'), { kind: 'stroke', points: [200, 200], radius: 20, label: 1 });
    const accept: EditOperation = { kind: 'accept', points: [0, 0, 600, 0, 600, 600, 0, 600], predictionLayerId };
    store.edit(record(layerId, 'r2'), accept);
    store.putPrediction(predictionLayerId, [{ column: 0, row: 0, labels: solid(1) }]);
    const labels = decodeTile(store.tile(layerId, 0, 0)!, TILE_LENGTH);
    expect(labels[100 * MASK_TILE_PX + 100]).toBe(1);
    expect(labels[200 * MASK_TILE_PX + 200]).toBe(2 | ACCEPTED_BIT);
    expect(labels[400 * MASK_TILE_PX + 400]).toBe(0);
    close();
  });

  test('of another slide is refused', () => {
    const { store, layerId, close } = openSample();
    store.addModel(sampleModel());
    store.addSlide(sampleSlide('slide-2'));
    const { layerId: predictionLayerId } = store.predictionLayer('slide-2', 'model-1');
    const accept: EditOperation = { kind: 'accept', points: [0, 0, 600, 0, 600, 600], predictionLayerId };
    expect(() => store.edit(record(layerId, 'r'), accept)).toThrowError(expect.objectContaining({ code: 'bad-input' }));
    close();
  });
});

describe('an imported mask', () => {
  test('is one edit that can be undone, and keeps what it says nothing about', () => {
    const { store, layerId, close } = openSample();
    store.edit(record(layerId, 'r1'), stroke(600, 600));
    const before = hashOfLayer(store, layerId);
    const half = solid(0).fill(1, 0, TILE_LENGTH / 4);
    const tiles = [
      { column: 0, row: 0, labels: half },
      { column: 3, row: 2, labels: solid(2 | ACCEPTED_BIT) },
      { column: 1, row: 1, labels: solid(0) },
    ];
    expect(store.importLabels(record(layerId, 'r2'), tiles).tiles).toEqual([0, 0, 3, 2]);
    expect(store.importLabels(record(layerId, 'r2'), tiles).history.editId).toBe(2);
    expect(store.readLabels(layerId, { x: 300, y: 302, width: 1, height: 1 })).toEqual(Uint8Array.of(2));
    expect(store.correctionCount()).toBe(2);
    store.undo(layerId, 'u1', 'ann');
    expect(hashOfLayer(store, layerId)).toBe(before);
    close();
  });

  test.each([
    ['a tile off the slide', [{ column: 8, row: 0, labels: solid(2) }]],
    ['a tile of the wrong size', [{ column: 0, row: 0, labels: new Uint8Array(7) }]],
    ['an unknown class', [{ column: 0, row: 0, labels: solid(9) }]],
    ['a tile given twice', [1, 2].map((label) => ({ column: 0, row: 0, labels: solid(label) }))],
  ])('with %s is refused as a whole', (_, tiles) => {
    const { store, layerId, close } = openSample();
    const good = { column: 1, row: 1, labels: solid(2) };
    expect(() => store.importLabels(record(layerId, 'r'), [good, ...tiles])).toThrowError(
      expect.objectContaining({ code: 'bad-input' }),
    );
    expect([store.tiles(layerId), store.correctionBlocks()]).toEqual([[], []]);
    close();
  });
});

describe('correction blocks', () => {
  test('are assigned in order of first correction, every fourth held out, the second first', () => {
    const { store, layerId, close } = openSample();
    const other = store.addSlide(sampleSlide('slide-2')).humanLayerId;
    for (let i = 0; i < 7; i++) {
      const layer = i % 2 === 0 ? layerId : other;
      store.edit(record(layer, `r${i}`), { kind: 'stroke', points: [i * 512 + 100, 100], radius: 10, label: 2 });
    }
    const blocks = store.correctionBlocks();
    const parts = ['train', 'held-out', 'train', 'train', 'train', 'held-out', 'train'];
    expect(blocks.map((block) => block.part)).toEqual(parts);
    expect(blocks.map(({ slideId, column, editId }) => [slideId, column, editId]).slice(0, 3)).toEqual([
      ['slide-1', 0, 1],
      ['slide-2', 1, 2],
      ['slide-1', 2, 3],
    ]);
    close();
  });

  test('keep their part when corrected again, undone, imported over, or opened again', () => {
    const { store, folder, layerId, close } = openSample();
    for (let i = 0; i < 6; i++) store.edit(record(layerId, `r${i}`), stroke(i * 512 + 100, 100, 2, 20));
    const before = store.correctionBlocks();
    for (let i = 0; i < 6; i++) store.undo(layerId, `u${i}`, 'ann');
    for (let i = 5; i >= 0; i--) store.edit(record(layerId, `again${i}`), stroke(i * 512 + 100, 100, 1, 20));
    store.importLabels(record(layerId, 'import'), [{ column: 0, row: 0, labels: solid(2) }]);
    close();
    const again = openProjectDatabase(folder);
    const known = (row: number) => again.methods.correctionBlocks().filter((block) => block.row === row);
    expect(known(0)).toEqual(before);
    expect(known(1).map((block) => block.column)).toEqual([0, 1]);
    again.close();
  });
});

describe('reading labels of a rectangle', () => {
  test('puts tiles together over their borders, with nothing beyond the slide', () => {
    const { store, layerId, close } = openSample();
    store.importLabels(record(layerId, 'r'), [
      { column: 6, row: 7, labels: solid(1) },
      { column: 7, row: 7, labels: solid(2) },
    ]);
    const labels = store.readLabels(layerId, { x: 3500, y: 3580, width: 700, height: 600 });
    const at = (x: number, y: number) => labels[(y - 3580) * 700 + x - 3500];
    expect([at(3583, 3584), at(3584, 3584), at(4095, 4095), at(4096, 4095), at(4095, 4096), at(3584, 3583)]).toEqual([
      1, 2, 2, 0, 0, 0,
    ]);
    expect(labels.filter((label) => label === 2)).toHaveLength(512 * 512);
    expect(labels.filter((label) => label === 1)).toHaveLength(84 * 512);
    expect(store.readLabels(layerId, { x: -50, y: -50, width: 10, height: 10 }).every((label) => label === 0)).toBe(
      true,
    );
    close();
  });

  test.each([
    { x: 0.5, y: 0, width: 1, height: 1 },
    { x: 0, y: 0, width: -1, height: 1 },
    { x: 0, y: 0, width: 1e6, height: 1e6 },
    { x: Number.NaN, y: 0, width: 1, height: 1 },
  ])('refuses %j', (maskRect) => {
    const { store, layerId, close } = openSample();
    expect(() => store.readLabels(layerId, maskRect)).toThrowError(expect.objectContaining({ code: 'bad-input' }));
    close();
  });

  test('of a tile whose bytes were changed on disk says that it is damaged, and other tiles still work', () => {
    const { store, sql, layerId, close } = openSample();
    store.edit(record(layerId, 'r1'), stroke(300, 300));
    store.edit(record(layerId, 'r2'), stroke(3000, 3000));
    for (const damage of [
      'zeroblob(40)',
      "x'00'",
      'CAST(substr(data, 1, length(data) - 3) AS BLOB)',
      "CAST(substr(data, 1, 4) || x'0102030405' AS BLOB)",
      'CAST(substr(data, 1, 4) || substr((SELECT data FROM tile_version WHERE edit_id = 2), 5) AS BLOB)',
    ]) {
      const data = sql.get<{ data: Uint8Array }>('SELECT data FROM tile_version WHERE edit_id = 1')!.data;
      sql.run(`UPDATE tile_version SET data = ${damage} WHERE edit_id = 1`);
      const damaged = expect.objectContaining({ code: 'tile-damaged' });
      expect(() => store.tile(layerId, 0, 0)).toThrowError(damaged);
      expect(() => store.edit(record(layerId, 'r3'), stroke(320, 320))).toThrowError(damaged);
      expect(store.tile(layerId, 2, 2)).not.toBeNull();
      sql.run('UPDATE tile_version SET data = ? WHERE edit_id = 1', data);
    }
    store.edit(record(layerId, 'r3'), stroke(320, 320));
    close();
  });
});
