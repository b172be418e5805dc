/**
 * Masks that others made, as label tiles: a GeoJSON file or a label image. All or nothing: a reader either answers the
 * whole mask or throws. It writes nothing and knows neither the store nor image files.
 */
import { HistoloopError } from '../../core/errors.ts';
import type { LabelClass } from '../../core/label.ts';
import { fillRings } from '../../core/mask/contour-fill.ts';
import { createMaskGrid, type MaskGrid } from '../../core/mask/tile-grid.ts';
import { type ClassMapping, classIdsOfNames, classIdsOfValues, listed } from './class-mapping.ts';
import { type GeoJsonObject, parseGeoJson } from './geojson-objects.ts';
import { createTileCanvas, type LabelTile, type TileCanvas } from './tile-canvas.ts';

/** The slide whose mask is read, and how names or values of the file become classes. */
export interface LabelTarget {
  /** Level-0 pixels. */
  readonly widthPx: number;
  readonly heightPx: number;
  readonly maskDownsample: number;
  readonly classes: readonly LabelClass[];
  /**
   * Name (GeoJSON) or value (label image) in the file → class id; what is not listed is left out; '' stands for objects
   * without a class, '*' for everything else but the value 0. Null: names are the project's own, values are its class
   * ids, anything else is an error.
   */
  readonly mapping: ClassMapping | null;
}

export interface ImportedLabels {
  /** Row by row; only tiles that hold a label. */
  readonly tiles: readonly LabelTile[];
  /** Objects drawn (GeoJSON) or mask pixels set (label image) by class id. */
  readonly counts: ReadonlyMap<number, number>;
  /** What was left out and why, in sentences. */
  readonly warnings: readonly string[];
}

export interface LabelImage {
  readonly width: number;
  readonly height: number;
  /** One value a pixel, row-major. */
  readonly data: Uint8Array | Uint16Array;
}

/**
 * Polygons filled by the even-odd rule at mask pixel centres, later ones over earlier ones; an outline that crosses
 * itself is filled by the same rule. Parts beyond the slide's edge are cut off.
 * Errors: `bad-input`: no whole JSON, a coordinate that is no number, an unknown class, an object that lies beside the
 * slide, nothing to draw.
 */
export function readGeoJsonLabels(bytes: Uint8Array, target: LabelTarget): ImportedLabels {
  const { objects, skipped } = parseGeoJson(bytes);
  const grid = createMaskGrid(target.widthPx, target.heightPx, target.maskDownsample);
  const names = new Map<string, number>();
  for (const { className } of objects) names.set(className, (names.get(className) ?? 0) + 1);
  const ids = classIdsOfNames(names, target.classes, target.mapping);
  const canvas = createTileCanvas();
  const counts = new Map<number, number>();
  let tiny = 0;
  for (const object of objects) {
    const id = ids.get(object.className) ?? 0;
    if (id === 0) continue;
    requireOnSlide(object, target);
    if (drawObject(object, { canvas, grid, id })) counts.set(id, (counts.get(id) ?? 0) + 1);
    else tiny++;
  }
  const warnings = [...skipped].map(([type, count]) => `${count} objects of type ${type} cover no area; left out`);
  for (const [name, id] of ids) {
    const kind = name === '' ? 'without a class' : `of class «${name}»`;
    if (id === 0) warnings.push(`${names.get(name)} objects ${kind}; left out`);
  }
  if (tiny > 0) warnings.push(`${tiny} objects cover the centre of no mask pixel; left out`);
  if (counts.size === 0) throw nothingToDraw(warnings);
  return { tiles: canvas.tiles(), counts, warnings };
}

/** A sign of another slide, another level or an offset: better refused than cut away in silence. */
function requireOnSlide({ polygons, number }: GeoJsonObject, { widthPx, heightPx }: LabelTarget): void {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of polygons.flat()) {
    for (let i = 0; i < ring.length; i += 2) {
      x0 = Math.min(x0, ring[i]!);
      x1 = Math.max(x1, ring[i]!);
      y0 = Math.min(y0, ring[i + 1]!);
      y1 = Math.max(y1, ring[i + 1]!);
    }
  }
  if (polygons.flat().length === 0 || (x0 < widthPx && y0 < heightPx && x1 > 0 && y1 > 0)) return;
  const message =
    `object ${number} lies at x ${x0}…${x1}, y ${y0}…${y1}, beside the slide of ${widthPx}×${heightPx} pixels; ` +
    'the file belongs to another slide, or its coordinates are not full-resolution pixels from the upper left corner';
  throw new HistoloopError('bad-input', message, { data: { object: number } });
}

function drawObject(
  { polygons }: GeoJsonObject,
  { canvas, grid, id }: { canvas: TileCanvas; grid: MaskGrid; id: number },
): boolean {
  let drawn = false;
  const area = { widthPx: grid.width, heightPx: grid.height, scale: grid.downsample };
  for (const rings of polygons) {
    fillRings(rings, area, (y, from, to) => {
      canvas.span(y, from, to, id);
      drawn = true;
    });
  }
  return drawn;
}

function nothingToDraw(warnings: readonly string[]): HistoloopError {
  const why = warnings.length > 0 ? ` (${warnings.join('; ')})` : '';
  return new HistoloopError('bad-input', `the file holds no polygon to lay on the mask${why}`);
}

/**
 * A picture whose values are classes, as large as the slide or as its mask. At full size a mask pixel takes the value
 * at its centre (the lower right of the middle four). Errors: `bad-input`: another size, values without a class, nothing set.
 */
export function labelImageToTiles(image: LabelImage, target: LabelTarget): ImportedLabels {
  const grid = createMaskGrid(target.widthPx, target.heightPx, target.maskDownsample);
  const step = stepOf(image, target, grid);
  const ids = classIdsOfValues(distinctValues(image.data), target.classes, target.mapping);
  const idOf = new Uint8Array(65536);
  for (const [value, id] of ids) idOf[value] = id;
  const canvas = createTileCanvas();
  const counts = new Map<number, number>();
  for (let y = 0; y < grid.height; y++) {
    const line = Math.min(image.height - 1, y * step + (step >> 1)) * image.width;
    const idAt = (x: number) => idOf[image.data[line + Math.min(image.width - 1, x * step + (step >> 1))]!]!;
    for (let from = 0, to = 0; from < grid.width; from = to) {
      const id = idAt(from);
      do to++;
      while (to < grid.width && idAt(to) === id);
      if (id === 0) continue;
      canvas.span(y, from, to, id);
      counts.set(id, (counts.get(id) ?? 0) + to - from);
    }
  }
  if (counts.size === 0)
    throw new HistoloopError('bad-input', 'the label image sets no pixel: every value is left out');
  const left = [...ids].filter(([value, id]) => value !== 0 && id === 0).map(([value]) => value);
  return { tiles: canvas.tiles(), counts, warnings: left.length > 0 ? [`left out the values ${listed(left)}`] : [] };
}

/** Picture pixels per mask pixel. */
function stepOf({ width, height, data }: LabelImage, target: LabelTarget, grid: MaskGrid): number {
  const size = `${width}×${height}`;
  if (data.length !== width * height) {
    throw new HistoloopError('bad-input', `the label image of ${size} holds ${data.length} values`);
  }
  if (width === target.widthPx && height === target.heightPx) return target.maskDownsample;
  if (width === grid.width && height === grid.height) return 1;
  const message =
    `the label image is ${size}; it must be as large as the slide (${target.widthPx}×${target.heightPx}) ` +
    `or as its mask (${grid.width}×${grid.height})`;
  throw new HistoloopError('bad-input', message);
}

function distinctValues(data: Uint8Array | Uint16Array): number[] {
  const seen = new Uint8Array(65536);
  for (let i = 0; i < data.length; i++) seen[data[i]!] = 1;
  const values: number[] = [];
  for (let value = 0; value < seen.length; value++) if (seen[value] === 1) values.push(value);
  return values;
}
