/**
 * Walks one slide's mask from top to bottom, once, and hands every tile and every object to the writers. Holds one row
 * of tiles and the outlines of open objects; knows no file format.
 */
import { setImmediate } from 'node:timers/promises';
import { type CancelSignal, throwIfCancelled } from '../../core/cancel.ts';
import { assert } from '../../core/errors.ts';
import { ACCEPTED_BIT, BACKGROUND, classOf, effectiveClass, MASK_TILE_PX } from '../../core/label.ts';
import { type ContourPolygon, createContourSweep } from '../../core/mask/contour.ts';
import { createMaskGrid, requireTileInside, tileMaskRect } from '../../core/mask/tile-grid.ts';
import type { ExportSlide } from './export-types.ts';

/** What an origin byte means: its place in this list. */
export const ORIGINS = ['none', 'model', 'human', 'accepted'] as const;

/** A tile as a viewer sees it, cut at the slide's edge. */
export interface EffectiveTile {
  readonly column: number;
  readonly row: number;
  readonly width: number;
  readonly height: number;
  /** Class ids, row-major; 0 where nobody said anything. */
  readonly labels: Uint8Array;
  /** Place in ORIGINS by pixel. */
  readonly origins: Uint8Array;
}

/** One slide in one format. Tiles come row by row, left to right; objects as their last row has passed. */
export interface SlideWriter {
  tile?(tile: EffectiveTile): Promise<void>;
  object?(polygon: ContourPolygon): Promise<void>;
  finish(): Promise<void>;
}

export interface ClassCounts {
  /** Objects by ORIGINS, and at the end those of several origins. Background makes no objects. */
  readonly objects: number[];
  /** Mask pixels by ORIGINS. */
  readonly pixels: number[];
}

export interface SweepOptions {
  readonly humanOnly: boolean;
  readonly writers: readonly SlideWriter[];
  readonly signal: CancelSignal | undefined;
  readonly onTile: () => void;
}

/** Answers counts by class id. Errors: `cancelled`, and whatever readers and writers throw. */
export async function sweepSlide(slide: ExportSlide, options: SweepOptions): Promise<Map<number, ClassCounts>> {
  const sweep = createContourSweep(slide.maskWidthPx, [BACKGROUND]);
  const counts = new Map<number, ClassCounts>();
  const letOthersIn = createPauses();
  let y = 0;
  for (const [row, columns] of tileRows(slide)) {
    await giveObjects(sweep.skipRows(row * MASK_TILE_PX - y), counts, options);
    const tiles: EffectiveTile[] = [];
    for (const column of columns) {
      throwIfCancelled(options.signal);
      const tile = await readTile(slide, { column, row }, options.humanOnly);
      options.onTile();
      await letOthersIn();
      if (!tile.labels.some((label) => label !== 0)) continue;
      countPixels(tile, counts);
      for (const writer of options.writers) await writer.tile?.(tile);
      tiles.push(tile);
    }
    for (const line of linesOf(tiles, slide.maskWidthPx)) {
      await giveObjects(sweep.pushRow(line), counts, options);
      await letOthersIn();
    }
    y = row * MASK_TILE_PX + (tiles[0]?.height ?? 0);
  }
  await giveObjects(sweep.end(), counts, options);
  return counts;
}

/** Gives way to other requests every 10 ms: awaits that are answered at once do not, and a wide row takes a second. */
function createPauses(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < 10) return;
    await setImmediate();
    since = performance.now();
  };
}

/** Columns by tile row, both ascending. Errors: `bad-input` for a tile outside the slide. */
function tileRows(slide: ExportSlide): [number, number[]][] {
  const grid = gridOf(slide);
  const rows = new Map<number, Set<number>>();
  for (let i = 0; i < slide.tiles.length; i += 2) {
    const [column, row] = [slide.tiles[i] ?? -1, slide.tiles[i + 1] ?? -1];
    requireTileInside(grid, column, row);
    rows.set(row, (rows.get(row) ?? new Set()).add(column));
  }
  return [...rows]
    .sort(([a], [b]) => a - b)
    .map(([row, columns]) => [row, [...columns].sort((a, b) => a - b)] as [number, number[]]);
}

function gridOf(slide: ExportSlide) {
  const grid = createMaskGrid(slide.info.widthPx, slide.info.heightPx, slide.maskDownsample);
  assert(
    grid.width === slide.maskWidthPx && grid.height === slide.maskHeightPx,
    `a mask of ${slide.maskWidthPx}×${slide.maskHeightPx} on a grid of ${grid.width}×${grid.height}`,
  );
  return grid;
}

async function readTile(
  slide: ExportSlide,
  { column, row }: { column: number; row: number },
  humanOnly: boolean,
): Promise<EffectiveTile> {
  const maskRect = tileMaskRect(gridOf(slide), column, row);
  const { width, height } = maskRect;
  const human = await slide.readHuman(maskRect);
  const predicted = humanOnly ? new Uint8Array(human.length) : await slide.readPrediction(maskRect);
  assert(human.length === width * height && predicted.length === human.length, 'a tile of the wrong size was read');
  const labels = new Uint8Array(human.length);
  const origins = new Uint8Array(human.length);
  for (let i = 0; i < human.length; i++) {
    const said = human[i] ?? 0;
    labels[i] = classOf(effectiveClass(said, predicted[i] ?? 0));
    if (labels[i] !== 0) origins[i] = said === 0 ? 1 : said & ACCEPTED_BIT ? 3 : 2;
  }
  return { column, row, width, height, labels, origins };
}

/** The pixel rows of a row of tiles; the same two buffers each time. */
function* linesOf(tiles: readonly EffectiveTile[], widthPx: number) {
  const labels = new Uint8Array(widthPx);
  const tally = new Uint8Array(widthPx);
  const spans = tiles.flatMap(({ column, width }) => [column * MASK_TILE_PX, column * MASK_TILE_PX + width]);
  for (let y = 0; y < (tiles[0]?.height ?? 0); y++) {
    for (const tile of tiles) {
      const line = [y * tile.width, (y + 1) * tile.width] as const;
      labels.set(tile.labels.subarray(...line), tile.column * MASK_TILE_PX);
      tally.set(tile.origins.subarray(...line), tile.column * MASK_TILE_PX);
    }
    yield { labels, tally, spans };
  }
}

function countsOf(counts: Map<number, ClassCounts>, label: number): ClassCounts {
  let found = counts.get(label);
  if (found === undefined) {
    found = { objects: [0, 0, 0, 0, 0], pixels: [0, 0, 0, 0] };
    counts.set(label, found);
  }
  return found;
}

function countPixels({ labels, origins }: EffectiveTile, counts: Map<number, ClassCounts>): void {
  const histogram = new Uint32Array(1024);
  for (let i = 0; i < labels.length; i++) histogram[labels[i]! * 4 + origins[i]!]!++;
  for (let slot = 4; slot < histogram.length; slot++) {
    if (histogram[slot]! > 0) countsOf(counts, slot >> 2).pixels[slot & 3]! += histogram[slot]!;
  }
}

async function giveObjects(
  polygons: readonly ContourPolygon[],
  counts: Map<number, ClassCounts>,
  options: SweepOptions,
): Promise<void> {
  for (const polygon of polygons) {
    countsOf(counts, polygon.label).objects[objectOrigin(polygon)]!++;
    for (const writer of options.writers) await writer.object?.(polygon);
  }
}

/** Place in ORIGINS where all pixels share one origin, else one beyond its end. */
export function objectOrigin({ tallies }: ContourPolygon): number {
  const present = [1, 2, 3].filter((origin) => tallies[origin]! > 0);
  return present.length === 1 ? present[0]! : ORIGINS.length;
}

/** The same as a word. */
export function objectOriginName(polygon: ContourPolygon): string {
  return ORIGINS[objectOrigin(polygon)] ?? 'mixed';
}
