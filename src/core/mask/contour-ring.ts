/** Closed rings of pixel corners: cut where they touch themselves, measured, put into one canonical order. Pure functions. */

/** Flat x, y, x, y … of pixel corners; the first corner is not repeated at the end; no corner lies on a straight line. */
export type Ring = readonly number[];

/**
 * Cuts a closed walk at every vertex it visits twice, so that each piece is simple. A region that closes on itself over a
 * corner becomes an outer ring and a hole that touch in one point, which the simple-feature rules allow; a ring that
 * touches itself they do not.
 */
export function simpleRings(vertices: readonly number[]): number[][] {
  const rings: number[][] = [];
  const path: number[] = [];
  const placeOf = new Map<number, number>();
  for (const vertex of vertices) {
    const seenAt = placeOf.get(vertex);
    if (seenAt !== undefined) {
      const loop = path.splice(seenAt);
      for (const passed of loop) placeOf.delete(passed);
      rings.push(loop);
    }
    placeOf.set(vertex, path.length);
    path.push(vertex);
  }
  rings.push(path);
  return rings;
}

/** Flat coordinates of a ring of vertices (y × stride + x), begun at its topmost, then leftmost corner. */
export function ringOf(vertices: readonly number[], stride: number): number[] {
  let start = 0;
  for (let i = 1; i < vertices.length; i++) if (vertices[i]! < vertices[start]!) start = i;
  const ring = new Array<number>(vertices.length * 2);
  for (let i = 0; i < vertices.length; i++) {
    const vertex = vertices[(start + i) % vertices.length]!;
    ring[2 * i] = vertex % stride;
    ring[2 * i + 1] = Math.floor(vertex / stride);
  }
  return ring;
}

/** Shoelace area, positive where the ring is counterclockwise by its numbers (RFC 7946: an outer ring). */
export function signedArea(ring: Ring): number {
  let twice = 0;
  for (let i = 0; i < ring.length; i += 2) {
    const next = (i + 2) % ring.length;
    twice += ring[i]! * ring[next + 1]! - ring[next]! * ring[i + 1]!;
  }
  return twice / 2;
}
