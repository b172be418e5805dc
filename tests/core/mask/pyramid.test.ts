import { describe, expect, test } from 'vitest';
import { classOf, MASK_TILE_PX } from '../../../src/core/label.ts';
import { drawIntoParent, parentTile, parentValue } from '../../../src/core/mask/pyramid.ts';
import { TILE_LENGTH } from '../../../src/core/mask/tile-grid.ts';
import { createRandom } from '../../../src/core/random.ts';

function sparseTile(seed: number): Uint8Array {
  const random = createRandom(seed);
  const tile = new Uint8Array(TILE_LENGTH);
  for (let i = 0; i < 400; i++) tile[random.int(TILE_LENGTH)] = [1, 2, 3, 130][random.int(4)]!;
  return tile;
}

describe('labels at low power', () => {
  test.each([
    [[0, 0, 0, 0], 0],
    [[2, 2, 2, 2], 2],
    [[0, 0, 0, 2], 2],
    [[1, 1, 1, 2], 2],
    [[0, 1, 0, 0], 1],
    [[2, 3, 3, 1], 3],
    [[3, 3, 2, 2], 3],
    [[129, 0, 0, 130], 130],
  ])('%j shows as %i', ([a, b, c, d], shown) => {
    expect(parentValue(a!, b!, c!, d!)).toBe(shown);
  });

  test('show foreground exactly where any pixel under them is foreground, three levels up', () => {
    const tile = sparseTile(1);
    let level = tile;
    for (let halvings = 1; halvings <= 3; halvings++) {
      level = parentTile([level, null, null, null])!;
      const edge = MASK_TILE_PX >> halvings;
      for (let y = 0; y < edge; y++) {
        for (let x = 0; x < edge; x++) {
          let any = false;
          for (let i = 0; i < 4 ** halvings; i++) {
            const under = ((y << halvings) + (i >> halvings)) * MASK_TILE_PX + (x << halvings) + (i % 2 ** halvings);
            any ||= classOf(tile[under]!) > 1;
          }
          expect(classOf(level[y * MASK_TILE_PX + x]!) > 1).toBe(any);
        }
      }
    }
  });

  test('of four children lie in their own quarters; four empty ones have no parent', () => {
    const solid = (label: number) => new Uint8Array(TILE_LENGTH).fill(label);
    const parent = parentTile([solid(2), solid(3), null, solid(5)])!;
    const at = (x: number, y: number) => parent[y * MASK_TILE_PX + x];
    expect([at(0, 0), at(255, 255), at(256, 0), at(511, 255)]).toEqual([2, 2, 3, 3]);
    expect([at(0, 256), at(255, 511), at(256, 256), at(511, 511)]).toEqual([0, 0, 5, 5]);
    expect(parentTile([null, null, null, null])).toBeNull();
  });

  test('redrawn for a changed part only are the labels redrawn whole', () => {
    const random = createRandom(9);
    for (let i = 0; i < 30; i++) {
      const labels = sparseTile(i);
      const parent = parentTile([null, labels, null, null])!;
      const dirty = { x: random.int(500), y: random.int(500), width: 1 + random.int(80), height: 1 + random.int(80) };
      for (let y = dirty.y; y < Math.min(512, dirty.y + dirty.height); y++) {
        labels.fill(random.int(4), y * 512 + dirty.x, y * 512 + Math.min(512, dirty.x + dirty.width));
      }
      drawIntoParent(parent, { column: 5, row: 8, labels }, dirty);
      expect(Buffer.compare(parent, parentTile([null, labels, null, null])!)).toBe(0);
    }
  });
});
