/** Whose predictions count on a slide when several versions have predicted, or the newest has not yet. */
import { expect, test } from 'vitest';
import type { LayerRow, Store } from '../../../src/main/store/store-methods.ts';
import { predictedLayers, tilesMissing } from '../../../src/main/tasks/layers.ts';

/** Layers in the order they were made: model → its tiles; the first is the human one. */
function storeOf(layers: readonly (readonly [string, readonly number[]])[]): Store {
  const rows = layers.map(
    ([modelId], i) => ({ layerId: i + 2, slideId: 's', kind: 'prediction', modelId }) as LayerRow,
  );
  const human = { layerId: 1, slideId: 's', kind: 'human', modelId: null } as LayerRow;
  return {
    layersOf: async () => [human, ...rows],
    tiles: async (layerId: number) => (layerId === 1 ? [9, 9] : [...layers[layerId - 2]![1]]),
  } as unknown as Store;
}

const order = async (store: Store, modelId: string | null) =>
  (await predictedLayers(store, 's', modelId)).map(({ layer }) => layer.modelId);

test('the asked-for version comes first, then the newest; the human layer is none of them', async () => {
  const store = storeOf([
    ['v1', [0, 0]],
    ['v2', [0, 0]],
    ['v3', [0, 0]],
  ]);
  expect(await order(store, 'v2')).toEqual(['v2', 'v3', 'v1']);
  expect(await order(store, null)).toEqual(['v3', 'v2', 'v1']);
});

test('a version that has not predicted yet leaves the word to its parent', async () => {
  const store = storeOf([
    ['v1', [0, 0, 1, 0]],
    ['v2', []],
  ]);
  expect(await order(store, 'v2')).toEqual(['v1']);
  expect(await order(storeOf([['v1', []]]), 'v1')).toEqual([]);
});

test('tiles that one list lacks are told in the other’s order', () => {
  expect(tilesMissing([0, 0, 1, 0, 0, 1], [1, 0])).toEqual([0, 0, 0, 1]);
  expect(tilesMissing([], [1, 0])).toEqual([]);
});
