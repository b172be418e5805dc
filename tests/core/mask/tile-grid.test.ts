import { describe, expect, test } from 'vitest';
import {
  clipTileToSlide,
  createMaskGrid,
  isTileInside,
  TILE_LENGTH,
  tileKey,
  tileMaskRect,
  tileOfKey,
} from '../../../src/core/mask/tile-grid.ts';

describe('the grid of mask tiles', () => {
  test('covers the slide up to its last, partly covered pixel', () => {
    expect(createMaskGrid(1025, 1024, 2)).toEqual({ downsample: 2, width: 513, height: 512, columns: 2, rows: 1 });
    expect(createMaskGrid(1, 1, 64)).toEqual({ downsample: 64, width: 1, height: 1, columns: 1, rows: 1 });
  });

  test.each([
    [0, 10, 1],
    [10, -1, 1],
    [10, 10, 0],
    [10.5, 10, 1],
    [Number.NaN, 10, 1],
    [Number.POSITIVE_INFINITY, 10, 1],
    [2 ** 40, 10, 1],
  ])('refuses a slide of %s × %s at downsample %s', (width, height, downsample) => {
    expect(() => createMaskGrid(width, height, downsample)).toThrowError(
      expect.objectContaining({ code: 'bad-input' }),
    );
  });

  test('gives every address a key of its own that leads back, and keeps neighbours together', () => {
    const keys = new Set<number>();
    for (const column of [0, 1, 2, 255, 256, 40_000, 65_535]) {
      for (const row of [0, 1, 3, 511, 32_768, 65_535]) {
        const key = tileKey(column, row);
        expect(key).toBeGreaterThanOrEqual(0);
        expect(tileOfKey(key)).toEqual({ column, row });
        keys.add(key);
      }
    }
    expect(keys.size).toBe(42);
    expect([tileKey(0, 0), tileKey(1, 0), tileKey(0, 1), tileKey(1, 1)]).toEqual([0, 1, 2, 3]);
  });

  test('knows no tile beyond the slide, at no strange address', () => {
    const grid = createMaskGrid(1000, 600, 1);
    expect(isTileInside(grid, 1, 1)).toBe(true);
    for (const [column, row] of [
      [2, 0],
      [0, 2],
      [-1, 0],
      [0.5, 0],
      [Number.NaN, 0],
    ] as const) {
      expect(isTileInside(grid, column, row)).toBe(false);
    }
  });

  test('clears what a tile holds beyond the edge of the slide', () => {
    const grid = createMaskGrid(600, 700, 1);
    expect(tileMaskRect(grid, 1, 1)).toEqual({ x: 512, y: 512, width: 88, height: 188 });
    const clipped = clipTileToSlide(grid, 1, 1, new Uint8Array(TILE_LENGTH).fill(2));
    expect(clipped.reduce((sum, label) => sum + label, 0)).toBe(2 * 88 * 188);
  });
});
