/**
 * Rectangles and points. Coordinates are full-resolution (level-0) pixels unless a name says otherwise;
 * a rectangle holds x ≤ px < x + width.
 */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function rect(x: number, y: number, width: number, height: number): Rect {
  return { x, y, width, height };
}

export function isEmptyRect(r: Rect): boolean {
  return !(r.width > 0 && r.height > 0);
}

/** The common part of two rectangles; width and height are 0 where there is none. */
export function intersectRect(a: Rect, b: Rect): Rect {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  const width = Math.max(0, Math.min(a.x + a.width, b.x + b.width) - x);
  const height = Math.max(0, Math.min(a.y + a.height, b.y + b.height) - y);
  return { x, y, width, height };
}

/** The smallest rectangle that holds both; an empty one does not count. */
export function unionRect(a: Rect, b: Rect): Rect {
  if (isEmptyRect(a)) return b;
  if (isEmptyRect(b)) return a;
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  };
}

/** The rectangle in another pixel grid (`factor` source pixels per target pixel), grown to whole pixels. */
export function scaleRectOut(r: Rect, factor: number): Rect {
  const x = Math.floor(r.x / factor);
  const y = Math.floor(r.y / factor);
  return { x, y, width: Math.ceil((r.x + r.width) / factor) - x, height: Math.ceil((r.y + r.height) / factor) - y };
}

/** Tile columns and rows (inclusive first, exclusive last) that a rectangle touches in a grid of `tilePx`. */
export function tilesOf(r: Rect, tilePx: number): { x0: number; y0: number; x1: number; y1: number } {
  if (isEmptyRect(r)) return { x0: 0, y0: 0, x1: 0, y1: 0 };
  return {
    x0: Math.floor(r.x / tilePx),
    y0: Math.floor(r.y / tilePx),
    x1: Math.ceil((r.x + r.width) / tilePx),
    y1: Math.ceil((r.y + r.height) / tilePx),
  };
}
