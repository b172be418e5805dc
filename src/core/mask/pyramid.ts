/**
 * Label tiles for low power: a parent tile is half as fine as its four children.
 * Foreground first: a parent pixel takes the most frequent foreground value (class 2 and up) of its four, the first in
 * reading order where two are as frequent; else Background where any is; else 0. So a parent pixel is foreground exactly
 * where any mask pixel under it is: a nucleus that was drawn, or missed, never fades out at low power.
 */
import type { Rect } from '../geometry.ts';
import { BACKGROUND, classOf, MASK_TILE_PX, NOTHING } from '../label.ts';
import { TILE_LENGTH } from './tile-grid.ts';

const HALF = MASK_TILE_PX / 2;
const WHOLE: Rect = { x: 0, y: 0, width: MASK_TILE_PX, height: MASK_TILE_PX };

/** The value of one parent pixel from its four mask bytes in reading order; accepted values stay accepted. */
export function parentValue(a: number, b: number, c: number, d: number): number {
  if (a === b && a === c && a === d) return a;
  const four = [a, b, c, d];
  let best = NOTHING;
  let bestCount = 0;
  for (const value of four) {
    if (classOf(value) <= BACKGROUND) continue;
    const count = four.filter((other) => other === value).length;
    if (count > bestCount) {
      best = value;
      bestCount = count;
    }
  }
  return best !== NOTHING ? best : (four.find((value) => value !== NOTHING) ?? NOTHING);
}

/**
 * Writes a child tile (null: empty) into its quarter of the parent; `childRect` limits the work to a changed part of the
 * child, in its pixels. Column and row are the child's own: their lowest bits say which quarter.
 */
export function drawIntoParent(
  parent: Uint8Array,
  child: { readonly column: number; readonly row: number; readonly labels: Uint8Array | null },
  childRect: Rect = WHOLE,
): void {
  const offset = (child.row & 1) * HALF * MASK_TILE_PX + (child.column & 1) * HALF;
  const x0 = Math.max(0, childRect.x >> 1);
  const x1 = Math.min(HALF, (childRect.x + childRect.width + 1) >> 1);
  const y1 = Math.min(HALF, (childRect.y + childRect.height + 1) >> 1);
  const { labels } = child;
  for (let y = Math.max(0, childRect.y >> 1); y < y1; y++) {
    const target = offset + y * MASK_TILE_PX;
    if (labels === null) {
      parent.fill(NOTHING, target + x0, target + x1);
      continue;
    }
    for (let x = x0, at = 2 * y * MASK_TILE_PX + 2 * x0; x < x1; x++, at += 2) {
      const below = at + MASK_TILE_PX;
      parent[target + x] = parentValue(labels[at]!, labels[at + 1]!, labels[below]!, labels[below + 1]!);
    }
  }
}

/** The parent of four children in reading order, null where all four are empty. */
export function parentTile(children: readonly (Uint8Array | null)[]): Uint8Array | null {
  if (children.every((child) => child === null)) return null;
  const parent = new Uint8Array(TILE_LENGTH);
  children.forEach((labels, i) => {
    drawIntoParent(parent, { column: i & 1, row: i >> 1, labels });
  });
  return parent;
}
