/**
 * From a gesture to mask pixels: brush strokes and closed polygons become row spans. A pixel belongs to a shape when its
 * centre does. Points are flat x, y lists in level-0 pixels; spans are mask pixels, clipped to the slide.
 * It knows no labels and no tiles.
 *
 * A stroke is exactly the union of one capsule per pair of neighbouring points. So a stroke drawn piece by piece in the
 * window, in any batches that share their end points, gives the very pixels that the store gives for the whole.
 */
import { HistoloopError } from '../errors.ts';
import { type Capsule, capsuleRows, capsuleSpans } from './capsule.ts';
import { polygonSpans } from './polygon.ts';
import { createSpanUnion, type SpanSink } from './spans.ts';
import type { MaskGrid } from './tile-grid.ts';

/** Keeps arithmetic finite; no slide is near this wide. */
const FAR = 2 ** 40;
/** A brush is never thinner than this (mask pixels), so that every click on the slide marks a pixel. */
const THINNEST_RADIUS = Math.SQRT1_2 + 2 ** -20;
/** Rows that all pieces of one gesture may take together: a second or two of work. */
const MAX_ROW_STEPS = 2e8;

export interface StrokeShape {
  readonly points: ArrayLike<number>;
  /** Level-0 pixels. */
  readonly radius: number;
}

/**
 * A round brush dragged along the points; one point is a disc. Rows ascend; spans within a row ascend and are disjoint.
 * Errors: `bad-input` for no point, a coordinate that is no finite number, a radius that is not positive, too long a gesture.
 */
export function rasteriseStroke(stroke: StrokeShape, grid: MaskGrid, sink: SpanSink): void {
  if (!(stroke.radius > 0 && Number.isFinite(stroke.radius))) {
    throw new HistoloopError('bad-input', `the brush radius is ${stroke.radius}; it must be a positive number`);
  }
  const points = toMaskPoints(stroke.points, grid, 1);
  const radius = Math.min(FAR, Math.max(THINNEST_RADIUS, stroke.radius / grid.downsample));
  if (points.length <= 4) {
    capsuleSpans(capsuleAt(points, 0, radius), grid, sink);
    return;
  }
  requireBearable(points, grid, radius);
  const union = createSpanUnion();
  for (let i = 0; i + 2 < points.length; i += 2) capsuleSpans(capsuleAt(points, i, radius), grid, union.add);
  union.emit(sink);
}

/**
 * A closed polygon by the even-odd rule; its last point is joined to the first. A centre exactly on an edge belongs to the
 * part right of or below it, so polygons that share an edge neither overlap nor leave a gap. Order as for strokes.
 * Errors: `bad-input` for fewer than three points, a coordinate that is no finite number, too large a gesture.
 */
export function rasterisePolygon(points: ArrayLike<number>, grid: MaskGrid, sink: SpanSink): void {
  const maskPoints = toMaskPoints(points, grid, 3);
  requireBearable(maskPoints, grid, 0);
  polygonSpans(maskPoints, grid, sink);
}

/** From the point at an offset to the next one, or to itself at the end of the list. */
function capsuleAt(points: Float64Array, at: number, radius: number): Capsule {
  const next = at + 2 < points.length ? at + 2 : at;
  return { ax: points[at]!, ay: points[at + 1]!, bx: points[next]!, by: points[next + 1]!, radius };
}

function toMaskPoints(points: ArrayLike<number>, grid: MaskGrid, atLeast: number): Float64Array {
  if (points.length % 2 !== 0 || points.length < 2 * atLeast) {
    throw new HistoloopError(
      'bad-input',
      `a gesture of ${points.length} coordinates; it needs x and y of at least ${atLeast} point${atLeast > 1 ? 's' : ''}`,
    );
  }
  const scaled = new Float64Array(points.length);
  for (let i = 0; i < points.length; i++) {
    const value = points[i]!;
    if (!Number.isFinite(value)) {
      throw new HistoloopError('bad-input', `coordinate ${i} of the gesture is ${value}; it must be a finite number`);
    }
    scaled[i] = Math.min(FAR, Math.max(-FAR, value / grid.downsample));
  }
  return scaled;
}

/** Refuses what would hold the database thread for seconds, before any work is done. */
function requireBearable(points: Float64Array, grid: MaskGrid, radius: number): void {
  let steps = 0;
  for (let i = 0; i < points.length; i += 2) {
    const { first, last } = capsuleRows(capsuleAt(points, i, radius), grid);
    steps += Math.max(0, last - first + 1);
  }
  if (steps <= MAX_ROW_STEPS) return;
  throw new HistoloopError(
    'bad-input',
    `the gesture takes ${steps} row steps, more than ${MAX_ROW_STEPS}; draw it in parts`,
  );
}
