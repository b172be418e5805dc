/** Plane maps between the slide (level-0 pixels) and the screen (CSS pixels of the viewer), rotation and flip included. */
import type { Point, Rect } from '../../core/geometry.ts';

/** x' = a·x + c·y + e, y' = b·x + d·y + f: the order that canvas `setTransform` takes. */
export interface Affine {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
}

/** The map that takes (0,0), (1,0) and (0,1) to the three given points. */
export function affineThrough(origin: Point, unitX: Point, unitY: Point): Affine {
  return {
    a: unitX.x - origin.x,
    b: unitX.y - origin.y,
    c: unitY.x - origin.x,
    d: unitY.y - origin.y,
    e: origin.x,
    f: origin.y,
  };
}

/** Mirrors the result left to right in a viewer `widthPx` wide. */
export function mirror(map: Affine, widthPx: number): Affine {
  return { a: -map.a, b: map.b, c: -map.c, d: map.d, e: widthPx - map.e, f: map.f };
}

export function apply(map: Affine, point: Point): Point {
  return { x: map.a * point.x + map.c * point.y + map.e, y: map.b * point.x + map.d * point.y + map.f };
}

export function invert(map: Affine): Affine {
  const det = map.a * map.d - map.b * map.c;
  const a = map.d / det;
  const b = -map.b / det;
  const c = -map.c / det;
  const d = map.a / det;
  return { a, b, c, d, e: -(a * map.e + c * map.f), f: -(b * map.e + d * map.f) };
}

/** Screen pixels per level-0 pixel. */
export function scaleOf(map: Affine): number {
  return Math.hypot(map.a, map.b);
}

/** The smallest slide rectangle that holds everything a viewer of this size shows. */
export function visibleRect(map: Affine, widthPx: number, heightPx: number): Rect {
  const back = invert(map);
  const corners = [
    apply(back, { x: 0, y: 0 }),
    apply(back, { x: widthPx, y: 0 }),
    apply(back, { x: 0, y: heightPx }),
    apply(back, { x: widthPx, y: heightPx }),
  ];
  const x = Math.min(...corners.map((corner) => corner.x));
  const y = Math.min(...corners.map((corner) => corner.y));
  const right = Math.max(...corners.map((corner) => corner.x));
  const bottom = Math.max(...corners.map((corner) => corner.y));
  return { x, y, width: right - x, height: bottom - y };
}
