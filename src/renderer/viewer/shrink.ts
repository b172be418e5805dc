/** Halves a square of labels by the rule of core/mask/pyramid, for squares smaller than a tile. */
import { parentValue } from '../../core/mask/pyramid.ts';

/** `size`×`size` labels (size even) to half that, row-major. */
export function halveSquare(labels: Uint8Array, size: number): Uint8Array {
  const half = size / 2;
  const out = new Uint8Array(half * half);
  for (let y = 0, to = 0; y < half; y++) {
    let at = 2 * y * size;
    for (let x = 0; x < half; x++, at += 2, to++) {
      const a = labels[at]!;
      const b = labels[at + 1]!;
      const c = labels[at + size]!;
      const d = labels[at + size + 1]!;
      out[to] = a === b && a === c && a === d ? a : parentValue(a, b, c, d);
    }
  }
  return out;
}
