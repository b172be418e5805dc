/**
 * One piece of a brush stroke: all pixels within a radius of a line, row by row. Everything in mask pixels.
 * A capsule's row is the hull of the rows of its end discs and of the strip between them, each by the same arithmetic
 * wherever it is drawn, so a capsule holds its end discs to the last bit.
 */
import type { SpanSink } from './spans.ts';
import type { MaskGrid } from './tile-grid.ts';

export interface Capsule {
  readonly ax: number;
  readonly ay: number;
  readonly bx: number;
  readonly by: number;
  readonly radius: number;
}

/** An interval on one row that only grows; empty where low > high. */
interface Interval {
  low: number;
  high: number;
}

/** Rows ascending, at most one span a row, clipped to the slide. Ends that are the same point make a disc. */
export function capsuleSpans(capsule: Capsule, grid: MaskGrid, sink: SpanSink): void {
  const { ax, ay, bx, by, radius } = capsule;
  const { first, last } = capsuleRows(capsule, grid);
  const length = Math.hypot(bx - ax, by - ay);
  const row: Interval = { low: 0, high: 0 };
  for (let y = first; y <= last; y++) {
    row.low = Number.POSITIVE_INFINITY;
    row.high = Number.NEGATIVE_INFINITY;
    growByDisc(row, ax, y + 0.5 - ay, radius);
    if (length > 0) {
      growByDisc(row, bx, y + 0.5 - by, radius);
      growByStrip(row, capsule, length, y + 0.5 - ay);
    }
    const x0 = Math.max(0, Math.ceil(row.low - 0.5));
    const x1 = Math.min(grid.width, Math.floor(row.high - 0.5) + 1);
    if (x0 < x1) sink(y, x0, x1);
  }
}

/** First and last row (inclusive) that a capsule can touch; last < first where it lies off the slide. */
export function capsuleRows(capsule: Capsule, grid: MaskGrid): { readonly first: number; readonly last: number } {
  const { ay, by, radius } = capsule;
  return {
    first: Math.max(0, Math.ceil(Math.min(ay, by) - radius - 0.5)),
    last: Math.min(grid.height - 1, Math.floor(Math.max(ay, by) + radius - 0.5)),
  };
}

function growByDisc(row: Interval, centre: number, dy: number, radius: number): void {
  if (Math.abs(dy) > radius) return;
  const half = Math.sqrt(radius * radius - dy * dy);
  row.low = Math.min(row.low, centre - half);
  row.high = Math.max(row.high, centre + half);
}

/** The points whose foot lies between the ends (0 ≤ x·ux + dy·uy ≤ length) and that are near enough (|dy·ux − x·uy| ≤ radius). */
function growByStrip(row: Interval, capsule: Capsule, length: number, dy: number): void {
  const { ax, radius } = capsule;
  const ux = (capsule.bx - ax) / length;
  const uy = (capsule.by - capsule.ay) / length;
  const along = -dy * uy;
  const across = dy * ux;
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  if (ux !== 0) {
    low = Math.min(along / ux, (along + length) / ux);
    high = Math.max(along / ux, (along + length) / ux);
  } else if (along > 0 || along + length < 0) return;
  if (uy !== 0) {
    low = Math.max(low, Math.min((across - radius) / uy, (across + radius) / uy));
    high = Math.min(high, Math.max((across - radius) / uy, (across + radius) / uy));
  } else if (Math.abs(across) > radius) return;
  if (low > high) return;
  row.low = Math.min(row.low, ax + low);
  row.high = Math.max(row.high, ax + high);
}
