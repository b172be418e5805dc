import { describe, expect, test } from 'vitest';
import type { EditOperation } from '../../../src/core/contract.ts';
import { ACCEPTED_BIT, MASK_TILE_PX } from '../../../src/core/label.ts';
import { applyEdit, editTiles, invertDiff, type MaskDiff } from '../../../src/core/mask/edit.ts';
import { changedBlocks, overlayTile } from '../../../src/core/mask/overlay.ts';
import type { TileSource } from '../../../src/core/mask/tile-draft.ts';
import { createMaskGrid, TILE_LENGTH, tileKey } from '../../../src/core/mask/tile-grid.ts';
import { createRandom } from '../../../src/core/random.ts';

/** Tiles in memory, and a diff laid over them. */
function createLayer() {
  const tiles = new Map<number, Uint8Array>();
  const source: TileSource = { get: (column, row) => tiles.get(tileKey(column, row)) ?? null };
  const put = (diff: MaskDiff) => {
    for (const { column, row, after } of diff.tiles) {
      if (after === null) tiles.delete(tileKey(column, row));
      else tiles.set(tileKey(column, row), after);
    }
  };
  const pixel = (x: number, y: number) => {
    const tile = source.get(Math.floor(x / MASK_TILE_PX), Math.floor(y / MASK_TILE_PX));
    return tile?.[(y % MASK_TILE_PX) * MASK_TILE_PX + (x % MASK_TILE_PX)] ?? 0;
  };
  const snapshot = () => [...tiles].filter(([, tile]) => tile.some((label) => label !== 0)).sort(([a], [b]) => a - b);
  return { tiles, source, put, pixel, snapshot };
}

const grid = createMaskGrid(1500, 1300, 1);
const square = (x0: number, y0: number, x1: number, y1: number) => [x0, y0, x1, y0, x1, y1, x0, y1];
const stroke = (points: number[], radius: number, label: number): EditOperation => ({
  kind: 'stroke',
  points,
  radius,
  label,
});

describe('an edit', () => {
  test('touches only tiles in which a pixel changes, and counts the pixels', () => {
    const layer = createLayer();
    const operation: EditOperation = { kind: 'polygon', points: square(500, 500, 530, 540), label: 2 };
    const diff = applyEdit(grid, operation, { human: layer.source });
    expect(diff.changedPixels).toBe(30 * 40);
    expect(diff.tiles.map(({ column, row, changedPixels }) => [column, row, changedPixels])).toEqual([
      [0, 0, 12 * 12],
      [1, 0, 18 * 12],
      [0, 1, 12 * 28],
      [1, 1, 18 * 28],
    ]);
    layer.put(diff);
    expect(applyEdit(grid, operation, { human: layer.source })).toEqual({ tiles: [], changedPixels: 0 });
  });

  test('never writes into the tiles that it reads', () => {
    const layer = createLayer();
    layer.put(applyEdit(grid, stroke([300, 300], 100, 2), { human: layer.source }));
    const before = layer.tiles.get(tileKey(0, 0))!;
    const copy = before.slice();
    applyEdit(grid, stroke([350, 300], 100, 3), { human: layer.source });
    expect(Buffer.compare(before, copy)).toBe(0);
  });

  test('with label 0 gives the pixels back, and where nothing was said does nothing', () => {
    const layer = createLayer();
    expect(applyEdit(grid, stroke([300, 300], 100, 0), { human: layer.source }).tiles).toEqual([]);
    layer.put(applyEdit(grid, stroke([300, 300], 20, 5), { human: layer.source }));
    const diff = applyEdit(grid, stroke([300, 300], 100, 0), { human: layer.source });
    expect(diff.changedPixels).toBeGreaterThan(1200);
    layer.put(diff);
    expect(layer.snapshot()).toEqual([]);
  });

  test('sets no pixel beyond the edge of the slide', () => {
    const layer = createLayer();
    const diff = applyEdit(grid, stroke([1490, 1290], 300, 2), { human: layer.source });
    layer.put(diff);
    const edge = layer.tiles.get(tileKey(2, 2))!;
    const beyond = edge.filter(
      (_, i) => i % MASK_TILE_PX >= 1500 - 1024 || Math.floor(i / MASK_TILE_PX) >= 1300 - 1024,
    );
    expect(beyond.some((label) => label !== 0)).toBe(false);
    expect(edge.filter((label) => label === 2).length).toBe(
      diff.tiles.find(({ column, row }) => column === 2 && row === 2)!.changedPixels,
    );
    expect(Math.max(...[...layer.tiles.keys()])).toBe(tileKey(2, 2));
  });

  test.each([-1, 128, 1.5, Number.NaN])('with label %s is refused before any tile is read', (label) => {
    const human = {
      get: () => {
        throw new Error('read');
      },
    };
    expect(() => editTiles(grid, stroke([1, 1], 5, label), { human })).toThrowError(
      expect.objectContaining({ code: 'bad-input' }),
    );
  });

  test('at each mask downsample marks the same part of the slide', () => {
    for (const downsample of [1, 2, 4, 16]) {
      const coarse = createMaskGrid(4096, 4096, downsample);
      const diff = applyEdit(coarse, stroke([1000, 1000, 3000, 2000], 160, 2), { human: createLayer().source });
      const area = diff.changedPixels * downsample ** 2;
      const truth = Math.PI * 160 ** 2 + 2 * 160 * Math.hypot(2000, 1000);
      expect(Math.abs(area - truth) / truth).toBeLessThan(0.01);
    }
  });
});

describe('accepting a prediction', () => {
  const predicted = createLayer();
  predicted.put(
    applyEdit(grid, { kind: 'polygon', points: square(100, 100, 700, 200), label: 4 }, { human: predicted.source }),
  );
  const accept: EditOperation = { kind: 'accept', points: square(50, 50, 650, 150), predictionLayerId: 7 };

  test('takes over predicted pixels inside the polygon, marked as accepted, and no pixel of a person', () => {
    const layer = createLayer();
    layer.put(applyEdit(grid, stroke([300, 120], 10, 2), { human: layer.source }));
    const diff = applyEdit(grid, accept, { human: layer.source, predicted: predicted.source });
    layer.put(diff);
    expect(layer.pixel(200, 120)).toBe(4 | ACCEPTED_BIT);
    expect(layer.pixel(600, 120)).toBe(4 | ACCEPTED_BIT);
    expect(layer.pixel(300, 120)).toBe(2);
    expect(layer.pixel(200, 90)).toBe(0);
    expect(layer.pixel(660, 120)).toBe(0);
    expect(layer.pixel(200, 160)).toBe(0);
    expect(applyEdit(grid, accept, { human: layer.source, predicted: predicted.source }).tiles).toEqual([]);
  });

  test('without a prediction says what is missing', () => {
    expect(() => applyEdit(grid, accept, { human: createLayer().source })).toThrowError(
      expect.objectContaining({ code: 'bad-input' }),
    );
  });
});

describe('a diff', () => {
  test('of any gestures, taken back in turn, leads to every earlier state', () => {
    const random = createRandom(42);
    const layer = createLayer();
    const states = [layer.snapshot()];
    const diffs: MaskDiff[] = [];
    for (let i = 0; i < 25; i++) {
      const at = () => random.next() * 1600 - 50;
      const points = Array.from({ length: 2 * (3 + random.int(6)) }, at);
      const label = random.int(4);
      const operation: EditOperation =
        i % 3 === 0 ? { kind: 'polygon', points, label } : stroke(points, 1 + random.next() * 80, label);
      const diff = applyEdit(grid, operation, { human: layer.source });
      layer.put(diff);
      diffs.push(diff);
      states.push(layer.snapshot());
    }
    for (let i = diffs.length - 1; i >= 0; i--) {
      layer.put(invertDiff(diffs[i]!));
      expect(layer.snapshot().length).toBe(states[i]!.length);
      layer.snapshot().forEach(([key, tile], k) => {
        expect(key).toBe(states[i]![k]![0]);
        expect(Buffer.compare(tile, states[i]![k]![1])).toBe(0);
      });
    }
  });

  test('names the 256-pixel blocks in which pixels changed', () => {
    const layer = createLayer();
    const diff = applyEdit(
      grid,
      { kind: 'polygon', points: square(250, 250, 262, 255), label: 2 },
      { human: layer.source },
    );
    expect(diff.tiles.map(changedBlocks)).toEqual([[0, 0, 1, 0]]);
    const far = applyEdit(grid, stroke([1000, 1000], 3, 2), { human: layer.source });
    expect(far.tiles.map(changedBlocks)).toEqual([[3, 3]]);
    expect(invertDiff(far).tiles.map(changedBlocks)).toEqual([[3, 3]]);
  });
});

describe('laying an imported tile over a layer', () => {
  test('replaces where the import says something and keeps the rest', () => {
    const layer = createLayer();
    layer.put(applyEdit(grid, stroke([300, 300], 50, 2), { human: layer.source }));
    const labels = new Uint8Array(TILE_LENGTH);
    labels.fill(3, 0, 300 * MASK_TILE_PX);
    const change = overlayTile(grid, layer.source, { column: 0, row: 0, labels })!;
    expect(change.after![310 * MASK_TILE_PX + 300]).toBe(2);
    expect(change.after![290 * MASK_TILE_PX + 300]).toBe(3);
    expect(change.changedPixels).toBe(300 * MASK_TILE_PX);
    expect(overlayTile(grid, layer.source, { column: 0, row: 0, labels: new Uint8Array(TILE_LENGTH) })).toBeNull();
  });

  test('refuses a tile off the slide or of another size', () => {
    const { source } = createLayer();
    for (const tile of [
      { column: 3, row: 0, labels: new Uint8Array(TILE_LENGTH) },
      { column: -1, row: 0, labels: new Uint8Array(TILE_LENGTH) },
      { column: 0, row: 0, labels: new Uint8Array(TILE_LENGTH - 1) },
    ]) {
      expect(() => overlayTile(grid, source, tile)).toThrowError(expect.objectContaining({ code: 'bad-input' }));
    }
  });
});
