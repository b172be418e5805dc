/**
 * Uncompressed COCO run lengths of one object: numbers of zeros, ones, zeros … down the columns, from the left
 * (the format's own order), at full resolution. Pure; works from the outline, never from a picture of the slide.
 */
import type { ContourPolygon } from '../../core/mask/contour.ts';

export interface RleFrame {
  /** Level-0 pixels. */
  readonly widthPx: number;
  readonly heightPx: number;
  readonly maskDownsample: number;
}

/** The counts add up to widthPx × heightPx; parts of mask pixels beyond the slide's edge are cut off. */
export function cocoRle(polygon: ContourPolygon, frame: RleFrame): number[] {
  const { widthPx, heightPx, maskDownsample } = frame;
  const columns = columnCrossings(polygon);
  const counts: number[] = [];
  let end = 0;
  for (let column = 0; column < columns.length; column++) {
    const firstX = (polygon.bounds.x + column) * maskDownsample;
    const crossings = columns[column]!.map((y) => Math.min(heightPx, y * maskDownsample));
    for (let x = firstX; x < Math.min(widthPx, firstX + maskDownsample); x++) {
      for (let i = 0; i < crossings.length; i += 2) {
        const from = x * heightPx + crossings[i]!;
        const to = x * heightPx + crossings[i + 1]!;
        if (from === end && counts.length > 0) counts[counts.length - 1]! += to - from;
        else counts.push(from - end, to - from);
        end = to;
      }
    }
  }
  const rest = widthPx * heightPx - end;
  return rest > 0 ? [...counts, rest] : counts;
}

/** Where each mask column of the object's bounds enters and leaves it, ascending. */
function columnCrossings({ outer, holes, bounds }: ContourPolygon): number[][] {
  const columns = Array.from({ length: bounds.width }, () => [] as number[]);
  for (const ring of [outer, ...holes]) {
    for (let i = 0; i < ring.length; i += 2) {
      const next = (i + 2) % ring.length;
      const from = Math.min(ring[i]!, ring[next]!) - bounds.x;
      const to = Math.max(ring[i]!, ring[next]!) - bounds.x;
      for (let column = from; column < to; column++) columns[column]!.push(ring[i + 1]!);
    }
  }
  for (const crossings of columns) crossings.sort((a, b) => a - b);
  return columns;
}
