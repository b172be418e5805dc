/**
 * The grid of mask pixels and 512×512 mask tiles over a slide. Pure arithmetic: it knows no labels and reads no tiles.
 * A mask pixel is `downsample` level-0 pixels wide and exists when any part of it lies on the slide; no other is ever set.
 */
import { HistoloopError } from '../errors.ts';
import { intersectRect, type Rect } from '../geometry.ts';
import { MASK_TILE_PX } from '../label.ts';

/** Bytes of one mask tile. */
export const TILE_LENGTH = MASK_TILE_PX * MASK_TILE_PX;

/** Edge in mask pixels of the blocks that are assigned to training or held out. */
export const BLOCK_PX = 256;

/** Tile keys interleave 16 bits of column and row. */
export const MAX_TILES_PER_EDGE = 65536;

/** Width and height in mask pixels, columns and rows in tiles. */
export interface MaskGrid {
  readonly downsample: number;
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  readonly rows: number;
}

/** The grid over a slide of level-0 size. Errors: `bad-input` where a size is no positive whole number or the slide is too large. */
export function createMaskGrid(slideWidthPx: number, slideHeightPx: number, downsample: number): MaskGrid {
  for (const [name, value] of Object.entries({ slideWidthPx, slideHeightPx, downsample })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new HistoloopError('bad-input', `${name} is ${value}; it must be a positive whole number`);
    }
  }
  const width = Math.ceil(slideWidthPx / downsample);
  const height = Math.ceil(slideHeightPx / downsample);
  const columns = Math.ceil(width / MASK_TILE_PX);
  const rows = Math.ceil(height / MASK_TILE_PX);
  if (Math.max(columns, rows) > MAX_TILES_PER_EDGE) {
    throw new HistoloopError(
      'bad-input',
      `a mask of ${width}×${height} pixels is too large; choose a larger mask downsample`,
    );
  }
  return { downsample, width, height, columns, rows };
}

export function isTileInside(grid: MaskGrid, column: number, row: number): boolean {
  return isIndex(column, grid.columns) && isIndex(row, grid.rows);
}

function isIndex(value: number, count: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < count;
}

/** Errors: `bad-input` with the address where the tile does not lie on the slide. */
export function requireTileInside(grid: MaskGrid, column: number, row: number): void {
  if (isTileInside(grid, column, row)) return;
  throw new HistoloopError(
    'bad-input',
    `mask tile ${column}, ${row} lies outside the slide, which has ${grid.columns}×${grid.rows} tiles`,
  );
}

/** The mask pixels of a tile that lie on the slide. */
export function tileMaskRect(grid: MaskGrid, column: number, row: number): Rect {
  const whole = { x: column * MASK_TILE_PX, y: row * MASK_TILE_PX, width: MASK_TILE_PX, height: MASK_TILE_PX };
  return intersectRect(whole, { x: 0, y: 0, width: grid.width, height: grid.height });
}

/** The tile with every pixel beyond the slide's edge cleared; the same array where there is nothing to clear. */
export function clipTileToSlide(grid: MaskGrid, column: number, row: number, labels: Uint8Array): Uint8Array {
  const { width, height } = tileMaskRect(grid, column, row);
  if (width === MASK_TILE_PX && height === MASK_TILE_PX) return labels;
  const clipped = new Uint8Array(TILE_LENGTH);
  for (let y = 0; y < height; y++) {
    const start = y * MASK_TILE_PX;
    clipped.set(labels.subarray(start, start + width), start);
  }
  return clipped;
}

/** One number per tile, neighbours near each other (Morton order): bits of column and row interleaved, column lowest. */
export function tileKey(column: number, row: number): number {
  return (spreadBits(column) | (spreadBits(row) << 1)) >>> 0;
}

export function tileOfKey(key: number): { readonly column: number; readonly row: number } {
  return { column: gatherBits(key), row: gatherBits(key >>> 1) };
}

function spreadBits(value: number): number {
  let v = value & 0xffff;
  v = (v | (v << 8)) & 0x00ff00ff;
  v = (v | (v << 4)) & 0x0f0f0f0f;
  v = (v | (v << 2)) & 0x33333333;
  return (v | (v << 1)) & 0x55555555;
}

function gatherBits(value: number): number {
  let v = value & 0x55555555;
  v = (v | (v >>> 1)) & 0x33333333;
  v = (v | (v >>> 2)) & 0x0f0f0f0f;
  v = (v | (v >>> 4)) & 0x00ff00ff;
  return (v | (v >>> 8)) & 0xffff;
}
