/**
 * Smooth randomness as a function of place: a table of random numbers, interpolated. The same place always gives the same
 * value, whatever rectangle is drawn.
 */
import { hash32 } from '../../random.ts';

const SIDE = 256;
const MASK = SIDE - 1;

export type NoiseTable = Float32Array;

/** 256×256 uniform numbers in [0, 1) for one seed; the noise repeats after 256 units. */
export function makeNoiseTable(seed: number): NoiseTable {
  const table = new Float32Array(SIDE * SIDE);
  for (let i = 0; i < table.length; i++) table[i] = hash32(seed, i) / 4294967296;
  return table;
}

/** Value noise in [0, 1], mean 1/2: features about one unit wide. */
export function noiseAt(table: NoiseTable, x: number, y: number): number {
  const ix = Math.floor(x);
  const iy = Math.floor(y);
  const tx = x - ix;
  const ty = y - iy;
  const fx = tx * tx * (3 - 2 * tx);
  const fy = ty * ty * (3 - 2 * ty);
  const left = ix & MASK;
  const right = (ix + 1) & MASK;
  const upper = (iy & MASK) * SIDE;
  const lower = ((iy + 1) & MASK) * SIDE;
  const a = table[upper + left]!;
  const b = table[lower + left]!;
  const top = a + (table[upper + right]! - a) * fx;
  const bottom = b + (table[lower + right]! - b) * fx;
  return top + (bottom - top) * fy;
}

/** Three octaves of noise, in [−1, 1], mean 0: the largest features about one unit wide. */
export function cloudAt(table: NoiseTable, x: number, y: number): number {
  const coarse = noiseAt(table, x, y);
  const middle = noiseAt(table, x * 2.03 + 31.7, y * 2.03 + 11.3);
  const fine = noiseAt(table, x * 4.01 + 7.1, y * 4.01 + 57.9);
  return (coarse * 4 + middle * 2 + fine) * (2 / 7) - 1;
}

/** 0 below −1/2, 1 above 1/2, smooth between. */
export function softStep(t: number): number {
  const u = t <= -0.5 ? 0 : t >= 0.5 ? 1 : t + 0.5;
  return u * u * (3 - 2 * u);
}

/** A quick hash of a place as a signed 32-bit number, for one number a pixel; cells use `hash32`. */
export function pixelHash(seed: number, x: number, y: number): number {
  let h = seed ^ Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
