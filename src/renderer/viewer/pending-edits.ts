/**
 * Gestures that are drawn but not yet acknowledged, the one under the pointer included. They are kept as gestures, not as
 * pixels, so they cost the same at every zoom and can be drawn again over tiles that arrive later. The same rasteriser as
 * the store's, so the same pixels. It fetches and colours nothing.
 */
import type { EditOperation } from '../../core/contract.ts';
import { never } from '../../core/errors.ts';
import type { Rect } from '../../core/geometry.ts';
import { ACCEPTED_BIT, classOf, MASK_TILE_PX, NOTHING } from '../../core/label.ts';
import { rasterisePolygon, rasteriseStroke } from '../../core/mask/rasterise.ts';
import { createMaskGrid, type MaskGrid } from '../../core/mask/tile-grid.ts';
import type { PlaneAddress } from './label-layer.ts';

/** Flat y, x0, x1 … in pixels of a level, and the rectangle that holds them. */
export interface Spans {
  readonly list: readonly number[];
  readonly bounds: Rect;
}

interface PendingEdit {
  readonly requestId: string;
  readonly operation: EditOperation;
  readonly spansByLevel: Map<number, Spans>;
}

export class PendingEdits {
  private edits: PendingEdit[] = [];
  private readonly grids = new Map<number, MaskGrid>();
  private readonly slide: { widthPx: number; heightPx: number; maskDownsample: number };

  constructor(slide: { widthPx: number; heightPx: number; maskDownsample: number }) {
    this.slide = slide;
  }

  /** Several may share a name. Returns the spans of this one at a level. Errors: `bad-input` (see rasterise). */
  add(requestId: string, operation: EditOperation, level: number): Spans {
    const edit = { requestId, operation, spansByLevel: new Map<number, Spans>() };
    const spans = this.spansOf(edit, level);
    this.edits.push(edit);
    return spans;
  }

  /** Returns the gestures that were removed. */
  remove(requestId: string): EditOperation[] {
    const removed = this.edits.filter((edit) => edit.requestId === requestId);
    this.edits = this.edits.filter((edit) => edit.requestId !== requestId);
    return removed.map((edit) => edit.operation);
  }

  /** Whether any waiting gesture reaches into the plane. */
  touches(address: PlaneAddress): boolean {
    return this.edits.some((edit) => reaches(this.spansOf(edit, address.level), address));
  }

  /** Draws all waiting gestures, oldest first, into a copy of the plane's human labels. */
  drawInto(human: Uint8Array, predicted: Uint8Array | null, address: PlaneAddress): void {
    for (const edit of this.edits) {
      const spans = this.spansOf(edit, address.level);
      if (reaches(spans, address)) paintSpans({ human, predicted }, edit.operation, spans, address);
    }
  }

  private rasterise(operation: EditOperation, level: number): Spans {
    const grid = this.grid(level);
    const list: number[] = [];
    let x0 = Number.POSITIVE_INFINITY;
    let x1 = Number.NEGATIVE_INFINITY;
    const sink = (y: number, start: number, end: number) => {
      list.push(y, start, end);
      if (start < x0) x0 = start;
      if (end > x1) x1 = end;
    };
    if (operation.kind === 'stroke') rasteriseStroke(operation, grid, sink);
    else rasterisePolygon(operation.points, grid, sink);
    if (list.length === 0) return { list, bounds: { x: 0, y: 0, width: 0, height: 0 } };
    const first = list[0]!;
    const last = list[list.length - 3]!;
    return { list, bounds: { x: x0, y: first, width: x1 - x0, height: last - first + 1 } };
  }

  private spansOf(edit: PendingEdit, level: number): Spans {
    let spans = edit.spansByLevel.get(level);
    if (spans === undefined) {
      spans = this.rasterise(edit.operation, level);
      edit.spansByLevel.set(level, spans);
    }
    return spans;
  }

  private grid(level: number): MaskGrid {
    let grid = this.grids.get(level);
    if (grid === undefined) {
      const { widthPx, heightPx, maskDownsample } = this.slide;
      grid = createMaskGrid(widthPx, heightPx, maskDownsample * 2 ** level);
      this.grids.set(level, grid);
    }
    return grid;
  }
}

/** The level-0 rectangle that holds everything a gesture can change, rounding included. */
export function boundsOf(operation: EditOperation): Rect {
  const reach = (operation.kind === 'stroke' ? operation.radius : 0) + 1;
  let [x0, y0, x1, y1] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -Infinity, -Infinity];
  for (let i = 0; i + 1 < operation.points.length; i += 2) {
    x0 = Math.min(x0, operation.points[i]!);
    x1 = Math.max(x1, operation.points[i]!);
    y0 = Math.min(y0, operation.points[i + 1]!);
    y1 = Math.max(y1, operation.points[i + 1]!);
  }
  return { x: x0 - reach, y: y0 - reach, width: x1 - x0 + 2 * reach, height: y1 - y0 + 2 * reach };
}

function reaches({ bounds }: Spans, { column, row }: PlaneAddress): boolean {
  const x = column * MASK_TILE_PX;
  const y = row * MASK_TILE_PX;
  return (
    bounds.x < x + MASK_TILE_PX &&
    bounds.x + bounds.width > x &&
    bounds.y < y + MASK_TILE_PX &&
    bounds.y + bounds.height > y
  );
}

/** Planes that spans reach into, flat column, row …: a superset by their bounds. */
export function planesUnder({ bounds }: Spans): number[] {
  const planes: number[] = [];
  if (bounds.width === 0) return planes;
  const x1 = Math.floor((bounds.x + bounds.width - 1) / MASK_TILE_PX);
  const y1 = Math.floor((bounds.y + bounds.height - 1) / MASK_TILE_PX);
  for (let row = Math.floor(bounds.y / MASK_TILE_PX); row <= y1; row++) {
    for (let column = Math.floor(bounds.x / MASK_TILE_PX); column <= x1; column++) planes.push(column, row);
  }
  return planes;
}

/** Applies a gesture to one plane; returns the changed rectangle in plane pixels (a superset), null where nothing is. */
export function paintSpans(
  labels: { human: Uint8Array; predicted: Uint8Array | null },
  operation: EditOperation,
  spans: Spans,
  { column, row }: PlaneAddress,
): Rect | null {
  const left = column * MASK_TILE_PX;
  const top = row * MASK_TILE_PX;
  for (let i = 0; i < spans.list.length; i += 3) {
    const y = spans.list[i]! - top;
    if (y < 0 || y >= MASK_TILE_PX) continue;
    const x0 = Math.max(0, spans.list[i + 1]! - left);
    const x1 = Math.min(MASK_TILE_PX, spans.list[i + 2]! - left);
    if (x0 < x1) paintRun(labels, operation, y * MASK_TILE_PX + x0, y * MASK_TILE_PX + x1);
  }
  return clip(spans.bounds, left, top);
}

function paintRun(
  { human, predicted }: { human: Uint8Array; predicted: Uint8Array | null },
  operation: EditOperation,
  start: number,
  end: number,
): void {
  switch (operation.kind) {
    case 'stroke':
    case 'polygon':
      human.fill(operation.label, start, end);
      return;
    case 'accept':
      for (let i = start; predicted !== null && i < end; i++) {
        const said = classOf(predicted[i]!);
        if (human[i] === NOTHING && said !== NOTHING) human[i] = said | ACCEPTED_BIT;
      }
      return;
    default:
      never(operation);
  }
}

function clip(bounds: Rect, left: number, top: number): Rect | null {
  const x = Math.max(0, bounds.x - left);
  const y = Math.max(0, bounds.y - top);
  const width = Math.min(MASK_TILE_PX, bounds.x + bounds.width - left) - x;
  const height = Math.min(MASK_TILE_PX, bounds.y + bounds.height - top) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}
