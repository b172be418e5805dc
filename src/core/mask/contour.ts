/**
 * Exact outlines of the objects in a label raster, traced row by row. The vertices are pixel corners, so filling a
 * polygon by the even-odd rule at pixel centres gives back exactly its pixels. Nothing is smoothed or simplified here.
 *
 * An object is a 4-connected region of one label: two pixels that meet at a corner only are two objects, because a GeoJSON
 * ring may not touch itself and a polygon's inside must hang together.
 *
 * The sweep keeps the row above and the outlines of objects that are still open; memory does not grow with the height.
 */
import { assert } from '../errors.ts';
import type { Rect } from '../geometry.ts';
import { type Chain, chainVertices, joinChains, livingChain, newChain } from './contour-chain.ts';
import { linkRegions, livingRegion, type Region, type Run } from './contour-region.ts';
import { type Ring, ringOf, signedArea, simpleRings } from './contour-ring.ts';

export interface ContourPolygon {
  readonly label: number;
  /** Number of mask pixels. */
  readonly areaPx: number;
  /** In mask pixels. */
  readonly bounds: Rect;
  /** Counterclockwise by its numbers (RFC 7946), begun at the topmost, then leftmost corner. */
  readonly outer: Ring;
  /** Clockwise, in the order of their first corners. */
  readonly holes: readonly Ring[];
  /** Pixels by tally value 0…3 of the rows pushed; all zero where no tallies were given. */
  readonly tallies: readonly number[];
}

/** One row of a mask. `labels` and `tally` are as wide as the mask and may be reused by the caller afterwards. */
export interface ContourRow {
  readonly labels: Uint8Array;
  /** Flat from, to, from, to … of columns worth looking at, ascending; the rest counts as 0. Default: all. */
  readonly spans?: readonly number[];
  /** A value 0…3 per pixel to count by object, an origin for example. */
  readonly tally?: Uint8Array;
}

export interface ContourSweep {
  /** Takes the next row down; answers the objects that it ended, topmost then leftmost first pixel first. */
  pushRow(row: ContourRow): readonly ContourPolygon[];
  /** As many empty rows. */
  skipRows(count: number): readonly ContourPolygon[];
  /** After the last row: the objects that reach the lower edge. */
  end(): readonly ContourPolygon[];
}

type Boundary = Chain<Region>;

/** `ignore`: labels that make no objects, besides 0. */
export function createContourSweep(widthPx: number, ignore: readonly number[] = []): ContourSweep {
  const stride = widthPx + 1;
  const wanted = new Uint8Array(256).fill(1);
  for (const label of [0, ...ignore]) wanted[label] = 0;
  let above = new Map<number, Run[]>();
  let y = 0;

  function advance(below: Map<number, Run[]>): ContourPolygon[] {
    const ended: Region[] = [];
    for (const label of new Set([...above.keys(), ...below.keys()])) {
      const upper = above.get(label) ?? [];
      const lower = below.get(label) ?? [];
      linkRegions(upper, lower, label);
      walkLine(upper, lower, y * stride);
      ended.push(...endedRegions(upper, lower));
    }
    above = below;
    y++;
    return ended.sort((a, b) => a.firstPixel - b.firstPixel).map((region) => polygonOf(region, stride));
  }

  function skipRows(count: number): ContourPolygon[] {
    if (count <= 0) return [];
    const ended = advance(new Map());
    y += count - 1;
    return ended;
  }

  return {
    pushRow(row) {
      assert(row.labels.length === widthPx, `a row of ${row.labels.length} labels in a mask ${widthPx} wide`);
      return advance(runsOf(row, wanted, y * stride));
    },
    skipRows,
    end: () => skipRows(1),
  };
}

/** All objects of a mask held in memory. */
export function traceContours(mask: {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}): ContourPolygon[] {
  const sweep = createContourSweep(mask.width);
  const polygons: ContourPolygon[] = [];
  for (let y = 0; y < mask.height; y++) {
    polygons.push(...sweep.pushRow({ labels: mask.data.subarray(y * mask.width, (y + 1) * mask.width) }));
  }
  return polygons.concat(sweep.end());
}

/** Maximal runs of equal labels by label; a run that crosses from one span into the next stays one. */
function runsOf(row: ContourRow, wanted: Uint8Array, rowStart: number): Map<number, Run[]> {
  const { labels, spans = [0, labels.length] } = row;
  const runs = new Map<number, Run[]>();
  for (let s = 0; s < spans.length; s += 2) {
    const end = spans[s + 1]!;
    for (let from = spans[s]!, to = from; from < end; from = to) {
      const label = labels[from]!;
      do to++;
      while (to < end && labels[to] === label);
      if (wanted[label] === 0) continue;
      const tallies = tallyOf(row.tally, from, to);
      const list = runs.get(label) ?? [];
      const last = list.at(-1);
      if (last?.to === from) {
        last.to = to;
        for (let i = 0; i < 4; i++) last.tallies[i]! += tallies[i]!;
      } else list.push({ from, to, tallies, firstPixel: rowStart + from, region: null, left: null, right: null });
      runs.set(label, list);
    }
  }
  return runs;
}

function tallyOf(tally: Uint8Array | undefined, from: number, to: number): number[] {
  const tallies = [0, 0, 0, 0];
  if (tally === undefined) return tallies;
  for (let x = from; x < to; x++) tallies[tally[x]! & 3]!++;
  return tallies;
}

/** Which of the four pixels around a vertex carry the label: above left, above right, below left, below right. */
const TL = 1;
const TR = 2;
const BL = 4;
const BR = 8;

/**
 * Walks one grid line between two rows of runs of one label and leads the boundary through every vertex on it. The
 * boundary keeps the label on its left hand (by the numbers, y growing downwards): down along right edges, up along
 * left ones. Above the line each run therefore holds an open end at its right edge and an open start at its left one.
 */
function walkLine(upper: Run[], lower: Run[], lineStart: number): void {
  let i = 0;
  let j = 0;
  let around = 0;
  let pending: Boundary | null = null;
  while (i < upper.length || j < lower.length) {
    const a = upper[i];
    const b = lower[j];
    const xAbove = a === undefined ? Number.POSITIVE_INFINITY : around & TR ? a.to : a.from;
    const xBelow = b === undefined ? Number.POSITIVE_INFINITY : around & BR ? b.to : b.from;
    const x = Math.min(xAbove, xBelow);
    around = ((around & (TR | BR)) >> 1) | (around & (TR | BR));
    if (xAbove === x) around ^= TR;
    if (xBelow === x) around ^= BR;
    pending = turn(around, { vertex: lineStart + x, above: a, below: b, pending });
    if (xAbove === x && !(around & TR)) i++;
    if (xBelow === x && !(around & BR)) j++;
  }
}

interface Corner {
  readonly vertex: number;
  readonly above: Run | undefined;
  readonly below: Run | undefined;
  /** The chain whose open end or start arrives along the line from the left. */
  readonly pending: Boundary | null;
}

/** Leads the boundary through one vertex; answers the chain that goes on to the right along the line, if one does. */
function turn(around: number, corner: Corner): Boundary | null {
  const { vertex, above, below, pending } = corner;
  switch (around) {
    case TL:
      return close(above!.right!, vertex, pending!);
    case TR:
      return prepend(above!.left!, vertex);
    case BL:
      below!.right = append(pending!, vertex);
      return null;
    case BR:
      below!.left = newChain(vertex, below!.region!);
      return below!.left;
    case TL | BL:
      below!.right = above!.right;
      return null;
    case TR | BR:
      below!.left = above!.left;
      return null;
    case TL | BR:
      livingChain(pending!).pinched = true;
      turn(TL, corner);
      return pinch(turn(BR, corner));
    case TR | BL:
      livingChain(pending!).pinched = true;
      turn(BL, corner);
      return pinch(turn(TR, corner));
    case TL | TR | BL:
      below!.right = newChain(vertex, below!.region!);
      return below!.right;
    case TL | TR | BR:
      below!.left = prepend(pending!, vertex);
      return null;
    case TL | BL | BR:
      return append(above!.right!, vertex);
    case TR | BL | BR:
      return close(pending!, vertex, above!.left!);
    default:
      throw new Error(`bug: no boundary turns at a vertex with ${around} around it`);
  }
}

function pinch(chain: Boundary | null): Boundary | null {
  if (chain !== null) chain.pinched = true;
  return chain;
}

function append(chain: Boundary, vertex: number): Boundary {
  const living = livingChain(chain);
  living.back.push(vertex);
  return living;
}

function prepend(chain: Boundary, vertex: number): Boundary {
  const living = livingChain(chain);
  living.front.push(vertex);
  return living;
}

function close(head: Boundary, vertex: number, tail: Boundary): null {
  const closed = joinChains(head, vertex, tail);
  if (closed === null) return null;
  const vertices = chainVertices(closed);
  const { rings } = livingRegion(closed.owner);
  for (const ring of closed.pinched ? simpleRings(vertices) : [vertices]) rings.push(ring);
  return null;
}

/** Regions of the upper row that no run of the lower row continues. */
function endedRegions(upper: readonly Run[], lower: readonly Run[]): Region[] {
  const alive = new Set(lower.map((run) => livingRegion(run.region!)));
  const ended = new Set(upper.map((run) => livingRegion(run.region!)));
  return [...ended].filter((region) => !alive.has(region));
}

function polygonOf(region: Region, stride: number): ContourPolygon {
  const rings = region.rings.map((vertices) => ringOf(vertices, stride));
  rings.sort((a, b) => a[1]! - b[1]! || a[0]! - b[0]!);
  const outer = rings.filter((ring) => signedArea(ring) > 0);
  assert(outer.length === 1, `an object of label ${region.label} has ${outer.length} outer rings`);
  return {
    label: region.label,
    areaPx: region.areaPx,
    bounds: boundsOf(outer[0]!),
    outer: outer[0]!,
    holes: rings.filter((ring) => ring !== outer[0]),
    tallies: region.tallies,
  };
}

function boundsOf(ring: Ring): Rect {
  let [x0, y0] = [ring[0]!, ring[1]!];
  let [x1, y1] = [x0, y0];
  for (let i = 0; i < ring.length; i += 2) {
    x0 = Math.min(x0, ring[i]!);
    x1 = Math.max(x1, ring[i]!);
    y0 = Math.min(y0, ring[i + 1]!);
    y1 = Math.max(y1, ring[i + 1]!);
  }
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}
