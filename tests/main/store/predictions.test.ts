import { describe, expect, test } from 'vitest';
import { decodeTile } from '../../../src/core/mask/codec.ts';
import { TILE_LENGTH } from '../../../src/core/mask/tile-grid.ts';
import { openProjectDatabase } from '../../../src/main/store/project-database.ts';
import { record, sampleModel, sampleSlide, stroke, temporaryFolder } from './project-fixture.ts';

const solid = (label: number) => new Uint8Array(TILE_LENGTH).fill(label);

function openPredicted() {
  const folder = temporaryFolder();
  const project = openProjectDatabase(folder);
  const store = project.methods;
  const humanLayerId = store.addSlide({ ...sampleSlide(), widthPx: 3000 }).humanLayerId;
  store.addModel(sampleModel('m1'));
  store.addModel(sampleModel('m2'));
  return { store, folder, humanLayerId, layerId: store.predictionLayer('slide-1', 'm1').layerId, close: project.close };
}

describe('predictions', () => {
  test('are one layer per model version, made when first asked for', () => {
    const { store, layerId, humanLayerId, close } = openPredicted();
    const second = store.predictionLayer('slide-1', 'm2');
    expect(store.predictionLayer('slide-1', 'm1').layerId).toBe(layerId);
    expect(second.layerId).not.toBe(layerId);
    expect(store.layersOf('slide-1').map((layer) => [layer.layerId, layer.kind, layer.modelId])).toEqual([
      [humanLayerId, 'human', null],
      [layerId, 'prediction', 'm1'],
      [second.layerId, 'prediction', 'm2'],
    ]);
    for (const [slideId, modelId] of [
      ['slide-1', 'none'],
      ['none', 'm1'],
    ] as const) {
      expect(() => store.predictionLayer(slideId, modelId)).toThrowError(
        expect.objectContaining({ code: 'not-found' }),
      );
    }
    close();
  });

  test('remember which tiles are done, glass and empty ones included, also after a restart', () => {
    const { store, folder, layerId, close } = openPredicted();
    const tiles = [
      { column: 0, row: 0, labels: solid(2) },
      { column: 1, row: 0, labels: null },
      { column: 0, row: 1, labels: solid(0) },
    ];
    expect(store.putPrediction(layerId, tiles)).toBe(1);
    close();
    const again = openProjectDatabase(folder);
    expect(again.methods.predictedTiles(layerId)).toEqual([0, 0, 1, 0, 0, 1]);
    expect(again.methods.tiles(layerId)).toEqual([0, 0]);
    expect(again.methods.tile(layerId, 1, 0)).toBeNull();
    again.close();
  });

  test('are overwritten by a newer run, which the revision tells', () => {
    const { store, layerId, close } = openPredicted();
    expect(store.putPrediction(layerId, [{ column: 2, row: 3, labels: solid(2) }])).toBe(1);
    expect(store.putPrediction(layerId, [])).toBe(1);
    expect(store.putPrediction(layerId, [{ column: 2, row: 3, labels: solid(1) }])).toBe(2);
    expect(store.layer(layerId).revision).toBe(2);
    const labels = decodeTile(store.tile(layerId, 2, 3)!, TILE_LENGTH);
    expect([labels[0], labels[475], labels[476]]).toEqual([1, 1, 0]);
    close();
  });

  test('are forgotten as a whole, so that every tile is predicted anew', () => {
    const { store, layerId, humanLayerId, close } = openPredicted();
    store.putPrediction(layerId, [
      { column: 0, row: 0, labels: solid(2) },
      { column: 1, row: 0, labels: null },
    ]);
    expect(store.clearPrediction(layerId)).toBe(2);
    expect([store.predictedTiles(layerId), store.tiles(layerId), store.tile(layerId, 0, 0)]).toEqual([[], [], null]);
    expect(() => store.clearPrediction(humanLayerId)).toThrowError(expect.objectContaining({ code: 'bad-input' }));
    close();
  });

  test('never touch a person’s layer, its history or its blocks', () => {
    const { store, layerId, humanLayerId, close } = openPredicted();
    store.edit(record(humanLayerId, 'r'), stroke(100, 100));
    const before = [store.historyState('slide-1'), store.correctionBlocks(), store.tile(humanLayerId, 0, 0)];
    store.putPrediction(layerId, [{ column: 0, row: 0, labels: solid(1) }]);
    expect([store.historyState('slide-1'), store.correctionBlocks(), store.tile(humanLayerId, 0, 0)]).toEqual(before);
    close();
  });

  test('with a bad tile among good ones store none of them', () => {
    const { store, layerId, humanLayerId, close } = openPredicted();
    const good = { column: 0, row: 0, labels: solid(2) };
    for (const bad of [
      { column: 3, row: 0, labels: solid(2) },
      { column: 0, row: 1, labels: solid(200) },
      { column: 0, row: 1, labels: new Uint8Array(5) },
    ]) {
      expect(() => store.putPrediction(layerId, [good, bad])).toThrowError(
        expect.objectContaining({ code: 'bad-input' }),
      );
    }
    expect(store.predictedTiles(layerId)).toEqual([]);
    expect(store.layer(layerId).revision).toBe(0);
    expect(() => store.putPrediction(humanLayerId, [good])).toThrowError(
      expect.objectContaining({ code: 'bad-input' }),
    );
    close();
  });
});
