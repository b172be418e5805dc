/** A layer in the window: exact at low power, frugal with requests, current after changes. */
import { expect, test, vi } from 'vitest';
import { MASK_TILE_PX } from '../../src/core/label.ts';
import { encodeTile } from '../../src/core/mask/codec.ts';
import { parentTile } from '../../src/core/mask/pyramid.ts';
import { TILE_LENGTH } from '../../src/core/mask/tile-grid.ts';
import { createRandom } from '../../src/core/random.ts';
import { LabelLayer } from '../../src/renderer/viewer/label-layer.ts';

function randomTile(seed: number): Uint8Array {
  const random = createRandom(seed);
  const labels = new Uint8Array(TILE_LENGTH);
  for (let i = 0; i < 400; i++) {
    const start = random.int(TILE_LENGTH);
    labels.fill(random.int(4), start, start + random.int(300));
  }
  return labels;
}

/** A layer over tiles that a test may change; it records what was fetched. */
function layerOver(tiles: Map<string, Uint8Array | 'damaged'>) {
  const fetched: string[] = [];
  const errors: unknown[] = [];
  let together = 0;
  let most = 0;
  const layer = new LabelLayer(1, {
    async fetchTile({ column, row }) {
      fetched.push(`${column}/${row}`);
      most = Math.max(most, ++together);
      await new Promise((resolve) => setTimeout(resolve, 2));
      together--;
      const labels = tiles.get(`${column}/${row}`);
      if (labels === 'damaged') return new Uint8Array([1, 2, 3]);
      return labels ? encodeTile(labels) : null;
    },
    onChange: () => undefined,
    onError: (error) => errors.push(error),
  });
  const keys = [...tiles.keys()].flatMap((key) => key.split('/').map(Number));
  layer.setContents(1, keys);
  return { layer, fetched, errors, most: () => most };
}

const settled = (layer: LabelLayer, view: Parameters<LabelLayer['want']>[0]) =>
  vi.waitFor(() => expect(layer.want(view)).toBe(0), 5000);

function grid(size: number): Map<string, Uint8Array> {
  const tiles = new Map<string, Uint8Array>();
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) tiles.set(`${column}/${row}`, randomTile(row * 10 + column + 1));
  return tiles;
}

test('what is shown at low power is the exact downsample by the rule of core, never a sample', async () => {
  const tiles = grid(4);
  tiles.delete('3/3');
  const level1 = (column: number, row: number) =>
    parentTile([0, 1, 2, 3].map((i) => tiles.get(`${2 * column + (i & 1)}/${2 * row + (i >> 1)}`) ?? null));
  const level2 = parentTile([level1(0, 0), level1(1, 0), level1(0, 1), level1(1, 1)]);
  const { layer } = layerOver(tiles);
  const address = { level: 2, column: 0, row: 0 };
  await settled(layer, [address]);
  expect(layer.labels(address)).toEqual(level2);
});

test('only tiles that exist and are in view are asked for, a few at a time', async () => {
  const { layer, fetched, most } = layerOver(grid(6));
  const view = [
    { level: 0, column: 1, row: 1 },
    { level: 0, column: 2, row: 1 },
    { level: 0, column: 40, row: 1 },
  ];
  await settled(layer, view);
  expect(fetched.sort()).toEqual(['1/1', '2/1']);
  await settled(layer, [{ level: 3, column: 0, row: 0 }]);
  expect(fetched.length).toBe(36);
  expect(most()).toBeLessThanOrEqual(6);
});

test('a change fetches the changed tiles alone, and resolves when they are on screen', async () => {
  const tiles = grid(2);
  const { layer, fetched } = layerOver(tiles);
  const view = [0, 1].flatMap((row) => [0, 1].map((column) => ({ level: 0, column, row })));
  await settled(layer, view);
  fetched.length = 0;
  const next = randomTile(99);
  tiles.set('1/0', next);
  await layer.markChanged(2, [1, 0]);
  expect(fetched).toEqual(['1/0']);
  expect(layer.labels({ level: 0, column: 1, row: 0 })).toEqual(next);
});

test('a changed tile out of view is not fetched until it is wanted', async () => {
  const tiles = grid(2);
  const { layer, fetched } = layerOver(tiles);
  await settled(layer, [{ level: 0, column: 0, row: 0 }]);
  await layer.markChanged(2, [1, 1]);
  expect(fetched).toEqual(['0/0']);
});

test('a tile that becomes empty leaves the screen', async () => {
  const tiles = grid(1);
  const { layer } = layerOver(tiles);
  await settled(layer, [{ level: 0, column: 0, row: 0 }]);
  tiles.delete('0/0');
  await layer.markChanged(2, [0, 0]);
  expect(layer.labels({ level: 0, column: 0, row: 0 })?.some((value) => value !== 0)).toBe(false);
});

test('until its own content has come, a plane shows the coarser one over it', async () => {
  const tiles = new Map([
    ['0/0', new Uint8Array(TILE_LENGTH).fill(2)],
    ['1/1', new Uint8Array(TILE_LENGTH)],
  ]);
  const { layer } = layerOver(tiles);
  await settled(layer, [{ level: 1, column: 0, row: 0 }]);
  layer.want([{ level: 0, column: 0, row: 0 }]);
  expect(layer.labels({ level: 0, column: 0, row: 0 })?.[MASK_TILE_PX * 5 + 5]).toBe(2);
});

test('a damaged tile is told and shown empty; the others stay', async () => {
  const { layer, errors } = layerOver(
    new Map<string, Uint8Array | 'damaged'>([
      ['0/0', 'damaged'],
      ['1/0', randomTile(3)],
    ]),
  );
  await settled(layer, [
    { level: 0, column: 0, row: 0 },
    { level: 0, column: 1, row: 0 },
  ]);
  expect(errors).toHaveLength(1);
  expect(String(errors[0])).toContain('damaged');
  expect(layer.labels({ level: 0, column: 0, row: 0 })).toBeNull();
  expect(layer.labels({ level: 0, column: 1, row: 0 })).toEqual(randomTile(3));
});
