/** Even-odd filling of one closed polygon by scanline, in mask pixels. Points have been checked before (rasterise). */
import type { SpanSink } from './spans.ts';
import type { MaskGrid } from './tile-grid.ts';

/** Edges as parallel lists, always from their upper to their lower end, so that both neighbours of an edge see the same line. */
interface Edges {
  readonly topX: Float64Array;
  readonly topY: Float64Array;
  readonly bottomX: Float64Array;
  readonly bottomY: Float64Array;
  /** Edge numbers by ascending first row. */
  readonly order: Uint32Array;
}

/** Rows ascend; spans within a row ascend and are disjoint. Takes memory in step with the points, not with the rows. */
export function polygonSpans(points: Float64Array, grid: MaskGrid, sink: SpanSink): void {
  const edges = toEdges(points);
  const { order } = edges;
  let next = 0;
  let active: number[] = [];
  let y = order.length > 0 ? Math.max(0, firstRow(edges, order[0]!)) : grid.height;
  for (; y < grid.height && (next < order.length || active.length > 0); y++) {
    while (next < order.length && firstRow(edges, order[next]!) <= y) active.push(order[next++]!);
    active = active.filter((edge) => edges.bottomY[edge]! > y + 0.5);
    emitCrossings(edges, active, y, grid.width, sink);
    if (active.length === 0 && next < order.length) y = Math.max(y, firstRow(edges, order[next]!) - 1);
  }
}

/** The first row whose centre lies at or below the edge's upper end. */
function firstRow(edges: Edges, edge: number): number {
  return Math.ceil(edges.topY[edge]! - 0.5);
}

function toEdges(points: Float64Array): Edges {
  const count = points.length / 2;
  const topX = new Float64Array(count);
  const topY = new Float64Array(count);
  const bottomX = new Float64Array(count);
  const bottomY = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const a = 2 * i;
    const b = (a + 2) % points.length;
    const [top, bottom] = points[a + 1]! <= points[b + 1]! ? [a, b] : [b, a];
    topX[i] = points[top]!;
    topY[i] = points[top + 1]!;
    bottomX[i] = points[bottom]!;
    bottomY[i] = points[bottom + 1]!;
  }
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => topY[a]! - topY[b]!);
  return { topX, topY, bottomX, bottomY, order };
}

function emitCrossings(edges: Edges, active: readonly number[], y: number, width: number, sink: SpanSink): void {
  const crossings = new Float64Array(active.length);
  for (let i = 0; i < active.length; i++) crossings[i] = crossingOf(edges, active[i]!, y + 0.5);
  crossings.sort();
  let from = 0;
  let to = 0;
  for (let i = 0; i + 1 < crossings.length; i += 2) {
    const x0 = Math.max(0, Math.ceil(crossings[i]! - 0.5));
    const x1 = Math.min(width, Math.ceil(crossings[i + 1]! - 0.5));
    if (x0 >= x1) continue;
    if (x0 === to && to > from) {
      to = x1;
      continue;
    }
    if (to > from) sink(y, from, to);
    from = x0;
    to = x1;
  }
  if (to > from) sink(y, from, to);
}

/** Never outside the edge's own extent, whatever rounding does to a nearly level edge. */
function crossingOf(edges: Edges, edge: number, centreY: number): number {
  const ax = edges.topX[edge]!;
  const ay = edges.topY[edge]!;
  const bx = edges.bottomX[edge]!;
  const x = ax + ((centreY - ay) * (bx - ax)) / (edges.bottomY[edge]! - ay);
  return Math.min(Math.max(ax, bx), Math.max(Math.min(ax, bx), x));
}
