/**
 * Fills rings by the even-odd rule at pixel centres: the way back from outlines to pixels. Coordinates may be fractions.
 * Two polygons that share an edge share no pixel and leave none out. It writes no mask: spans go to a callback.
 */
import { HistoloopError } from '../errors.ts';
import type { Ring } from './contour-ring.ts';

/** More crossings than this are a broken or hostile outline, not a drawing: a million corners on 200 rows each. */
const MAX_CROSSINGS = 200_000_000;

/** A ring's edge from its upper to its lower end, so that a shared edge always crosses a row at the same x. */
interface Edge {
  readonly x: number;
  readonly y: number;
  readonly toX: number;
  readonly toY: number;
  readonly firstRow: number;
  /** Exclusive. */
  readonly endRow: number;
}

export interface FillArea {
  readonly widthPx: number;
  readonly heightPx: number;
  /** Units of the rings' coordinates per pixel. Default 1. */
  readonly scale?: number;
}

/**
 * Calls `span(y, from, to)` for every stretch of pixels inside the rings and the area, row by row, left to right. A pixel
 * is inside where its centre is; a centre exactly on an edge belongs to the right or lower side.
 * Errors: `bad-input` where the rings would take hours (`data.crossings`).
 */
export function fillRings(
  rings: readonly Ring[],
  area: FillArea,
  span: (y: number, from: number, to: number) => void,
): void {
  const edges = rings.flatMap((ring) => edgesOf(ring, area));
  const crossings = edges.reduce((sum, edge) => sum + edge.endRow - edge.firstRow, 0);
  if (crossings > MAX_CROSSINGS) {
    const message = `an outline crosses pixel rows ${crossings} times; at most ${MAX_CROSSINGS} are drawn: simplify it`;
    throw new HistoloopError('bad-input', message, { data: { crossings } });
  }
  edges.sort((a, b) => a.firstRow - b.firstRow);
  let active: Edge[] = [];
  let next = 0;
  for (let y = edges[0]?.firstRow ?? 0; next < edges.length || active.length > 0; y++) {
    active = active.filter((edge) => edge.endRow > y);
    while (next < edges.length && edges[next]!.firstRow === y) active.push(edges[next++]!);
    if (active.length === 0 && next < edges.length) y = edges[next]!.firstRow - 1;
    else fillRow(y, active, area, span);
  }
}

function fillRow(
  y: number,
  active: readonly Edge[],
  area: FillArea,
  span: (y: number, from: number, to: number) => void,
): void {
  const xs = new Float64Array(active.length);
  for (let i = 0; i < active.length; i++) xs[i] = crossingOf(active[i]!, y + 0.5);
  xs.sort();
  for (let i = 0; i + 1 < xs.length; i += 2) {
    const from = Math.max(0, Math.ceil(xs[i]! - 0.5));
    const to = Math.min(area.widthPx, Math.ceil(xs[i + 1]! - 0.5));
    if (from < to) span(y, from, to);
  }
}

/** Never beyond the edge's own ends, whatever rounding does to a nearly level one. */
function crossingOf({ x, y, toX, toY }: Edge, centreY: number): number {
  const crossing = x + ((centreY - y) * (toX - x)) / (toY - y);
  return Math.min(Math.max(x, toX), Math.max(Math.min(x, toX), crossing));
}

function edgesOf(ring: Ring, area: FillArea): Edge[] {
  const { heightPx, scale = 1 } = area;
  const edges: Edge[] = [];
  for (let i = 0; i < ring.length; i += 2) {
    const next = (i + 2) % ring.length;
    const swap = ring[i + 1]! > ring[next + 1]!;
    const [upper, lower] = swap ? [next, i] : [i, next];
    const [x, y] = [ring[upper]! / scale, ring[upper + 1]! / scale];
    const [toX, toY] = [ring[lower]! / scale, ring[lower + 1]! / scale];
    const firstRow = Math.max(0, Math.ceil(y - 0.5));
    const endRow = Math.min(heightPx, Math.ceil(toY - 0.5));
    if (firstRow < endRow) edges.push({ x, y, toX, toY, firstRow, endRow });
  }
  return edges;
}

/** Pixels of whole polygons (outer ring and holes) written into a raster of their labels. */
export function fillPolygons(
  polygons: readonly { readonly label: number; readonly outer: Ring; readonly holes: readonly Ring[] }[],
  area: FillArea,
): Uint8Array {
  const data = new Uint8Array(area.widthPx * area.heightPx);
  for (const { label, outer, holes } of polygons) {
    fillRings([outer, ...holes], area, (y, from, to) =>
      data.fill(label, y * area.widthPx + from, y * area.widthPx + to),
    );
  }
  return data;
}
