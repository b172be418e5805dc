/**
 * Predicts mask tiles of a slide: reads windows at the model's resolution, runs them, blends the class
 * probabilities (windows.ts) and hands over one finished tile of labels after the other.
 * Must not store anything, nor decide which tiles are worth it (tissue.ts).
 */
import { throwIfCancelled } from '../cancel.ts';
import { assert, HistoloopError } from '../errors.ts';
import type { Rect } from '../geometry.ts';
import { MASK_TILE_PX, MAX_CLASS_ID, NOTHING } from '../label.ts';
import type { ModelCard } from './model-card.ts';
import type { PredictOptions, PredictReport } from './predict-options.ts';
import { labelTile } from './tile-labels.ts';
import { type BegunArea, createWindowSource } from './window-source.ts';
import { type WindowGrid, windowGrid } from './windows.ts';

const DEFAULT_WINDOW_PX = 512;
const DEFAULT_OVERLAP_PX = 96;

/** Tiles are done in square groups of this many a side, so that neighbours share windows. */
const GROUP_TILES = 4;
/** Windows to have begun: more than one tile waits for, so that some are left to run while it is put together and stored. */
const WINDOWS_AHEAD = 12;
/** Beyond this the slide and the model were not made for each other, and a block would fill the memory. */
export const GREATEST_SCALE = 16;

/** Sizes this close are one: a scanner's own tolerance is larger, and pixels that are not resampled stay sharp. */
const SAME_SIZE = 0.02;

/**
 * Model pixels per mask pixel where both sizes are known, else 1 (and the caller should say so).
 * `slidePixelUm`: micrometres per level-0 pixel, or null.
 */
export function modelScale(card: ModelCard, slidePixelUm: number | null, maskDownsample: number): number {
  if (card.pixelSizeUm === null || slidePixelUm === null) return 1;
  const scale = (slidePixelUm * maskDownsample) / card.pixelSizeUm;
  return Math.abs(scale - 1) <= SAME_SIZE ? 1 : scale;
}

/**
 * Predicts the tiles and calls `onTile` once for each (in groups of neighbours, not in the order given).
 * Errors: `cancelled` (between windows; tiles already handed over stay good), `model-output-invalid`, `model-unusable`,
 * and whatever `source` and `session` throw.
 */
export async function predictTiles(options: PredictOptions): Promise<PredictReport> {
  checkOptions(options);
  const windows = createWindowSource(options, gridFor(options));
  const tiles = groupTiles(options.tiles);
  const begun: BegunArea[] = [];
  let next = 0;
  for (const tile of tiles) {
    throwIfCancelled(options.signal);
    while (next < tiles.length && (begun.length < 2 || windows.underWay() < WINDOWS_AHEAD)) {
      begun.push(windows.begin(modelArea(options, tiles[next++]!)));
    }
    const canvas = await begun.shift()!.paint();
    await options.onTile({ ...tile, ...labelTile(canvas, options, tile) });
  }
  return { tiles: tiles.length, windows: windows.runCount() };
}

function checkOptions({ card, classIds, tiles, modelPixelsPerMaskPixel: scale }: PredictOptions): void {
  assert(tiles.length % 2 === 0, 'tiles must be a flat list of column, row');
  assert(classIds.length === card.classes.length, `${classIds.length} labels for ${card.classes.length} model classes`);
  assert(
    classIds.every((id) => Number.isInteger(id) && id > NOTHING && id <= MAX_CLASS_ID),
    `labels of model classes must be 1..127, not ${classIds.join(', ')}`,
  );
  if (!(scale >= 1 / GREATEST_SCALE && scale <= GREATEST_SCALE)) {
    const message = `model ${card.name} looks at ${card.pixelSizeUm} µm per pixel, ${scale} of its pixels to one of this slide's mask: more than ${GREATEST_SCALE} times apart; check the slide's pixel size or use another model`;
    throw new HistoloopError('bad-input', message, { data: { scale } });
  }
}

/** The caller's windows, or 512 with 96 in common; smaller where the whole slide fits into less. */
function gridFor(options: PredictOptions): WindowGrid {
  const { card, modelPixelsPerMaskPixel: scale } = options;
  const wanted = card.fixedSizePx ?? options.windowPx ?? DEFAULT_WINDOW_PX;
  const overlap = options.overlapPx ?? Math.min(DEFAULT_OVERLAP_PX, 2 * Math.floor(wanted / 8));
  const longest = Math.ceil(Math.max(options.maskWidthPx, options.maskHeightPx) * scale) + overlap;
  const needed = card.fixedSizePx ?? Math.max(2 * overlap, Math.min(wanted, longest));
  return windowGrid(Math.ceil(needed / card.sizeMultiple) * card.sizeMultiple, overlap);
}

/** Tiles sorted into squares of GROUP_TILES², so that one group's windows serve several tiles. */
function groupTiles(flat: readonly number[]): { column: number; row: number }[] {
  const tiles: { column: number; row: number }[] = [];
  for (let i = 0; i < flat.length; i += 2) tiles.push({ column: flat[i]!, row: flat[i + 1]! });
  const group = (index: number) => Math.floor(index / GROUP_TILES);
  return tiles.sort(
    (a, b) => group(a.row) - group(b.row) || group(a.column) - group(b.column) || a.row - b.row || a.column - b.column,
  );
}

/** Model pixels that the labels of a tile are read from: one more on each side where they are interpolated. */
function modelArea(options: PredictOptions, tile: { column: number; row: number }): Rect {
  const { modelPixelsPerMaskPixel: scale, maskWidthPx, maskHeightPx } = options;
  const margin = scale === 1 ? 0 : 1;
  const x = Math.floor(tile.column * MASK_TILE_PX * scale) - margin;
  const y = Math.floor(tile.row * MASK_TILE_PX * scale) - margin;
  const right = Math.ceil(Math.min((tile.column + 1) * MASK_TILE_PX, maskWidthPx) * scale) + margin;
  const bottom = Math.ceil(Math.min((tile.row + 1) * MASK_TILE_PX, maskHeightPx) * scale) + margin;
  assert(right > x && bottom > y, `tile ${tile.column}, ${tile.row} lies outside the mask`);
  return { x, y, width: right - x, height: bottom - y };
}
