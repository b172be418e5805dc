/**
 * Resampling of an RGB rectangle at any fractional place: area average where the picture shrinks, Catmull-Rom where it
 * grows. Outside the source the edge pixel is repeated. Pure arithmetic on arrays.
 */
import type { Rect } from './geometry.ts';
import type { RgbImage } from './slide.ts';

/** For each output pixel, which source pixels count and how much. */
interface Taps {
  readonly first: Int32Array;
  readonly weights: Float32Array;
  readonly perPixel: number;
}

/** `source[sourceRect]` (source pixels, may be fractional) as `width`×`height` pixels. */
export function resample(source: RgbImage, sourceRect: Rect, width: number, height: number): RgbImage {
  const columns = makeTaps(sourceRect.x, sourceRect.width / width, width);
  const rows = makeTaps(sourceRect.y, sourceRect.height / height, height);
  const across = resampleRows(source, columns, width);
  return { width, height, data: resampleColumns(across, { sourceHeight: source.height, width, height }, rows) };
}

function makeTaps(start: number, scale: number, count: number): Taps {
  const support = scale >= 1 ? scale / 2 : 2;
  const perPixel = Math.ceil(support * 2) + 1;
  const first = new Int32Array(count);
  const weights = new Float32Array(count * perPixel);
  for (let i = 0; i < count; i++) {
    const centre = start + (i + 0.5) * scale;
    const from = Math.floor(centre - support + (scale >= 1 ? 0 : 0.5));
    first[i] = from;
    let sum = 0;
    for (let k = 0; k < perPixel; k++) {
      const weight = scale >= 1 ? overlap(from + k, centre, scale) : catmullRom(from + k + 0.5 - centre);
      weights[i * perPixel + k] = weight;
      sum += weight;
    }
    for (let k = 0; k < perPixel; k++) weights[i * perPixel + k]! /= sum;
  }
  return { first, weights, perPixel };
}

/** How much of source pixel [left, left+1) lies in the output pixel around `centre`. */
function overlap(left: number, centre: number, scale: number): number {
  return Math.max(0, Math.min(left + 1, centre + scale / 2) - Math.max(left, centre - scale / 2));
}

/** Catmull & Rom 1974, the cubic with a = −1/2. */
function catmullRom(distance: number): number {
  const d = Math.abs(distance);
  if (d < 1) return 1.5 * d * d * d - 2.5 * d * d + 1;
  return d < 2 ? -0.5 * d * d * d + 2.5 * d * d - 4 * d + 2 : 0;
}

function resampleRows(source: RgbImage, taps: Taps, width: number): Float32Array {
  const { data } = source;
  const result = new Float32Array(width * source.height * 3);
  const last = source.width - 1;
  for (let y = 0; y < source.height; y++) {
    const rowStart = y * source.width;
    for (let x = 0; x < width; x++) {
      let [r, g, b] = [0, 0, 0];
      for (let k = 0; k < taps.perPixel; k++) {
        const weight = taps.weights[x * taps.perPixel + k]!;
        if (weight === 0) continue;
        const at = (rowStart + Math.min(last, Math.max(0, taps.first[x]! + k))) * 3;
        r += weight * data[at]!;
        g += weight * data[at + 1]!;
        b += weight * data[at + 2]!;
      }
      const to = (y * width + x) * 3;
      result[to] = r;
      result[to + 1] = g;
      result[to + 2] = b;
    }
  }
  return result;
}

function resampleColumns(
  across: Float32Array,
  size: { sourceHeight: number; width: number; height: number },
  taps: Taps,
): Uint8Array {
  const rowLength = size.width * 3;
  const data = new Uint8Array(rowLength * size.height);
  const sum = new Float32Array(rowLength);
  for (let y = 0; y < size.height; y++) {
    sum.fill(0.5);
    for (let k = 0; k < taps.perPixel; k++) {
      const weight = taps.weights[y * taps.perPixel + k]!;
      if (weight === 0) continue;
      const from = Math.min(size.sourceHeight - 1, Math.max(0, taps.first[y]! + k)) * rowLength;
      for (let i = 0; i < rowLength; i++) sum[i]! += weight * across[from + i]!;
    }
    const to = y * rowLength;
    for (let i = 0; i < rowLength; i++) data[to + i] = Math.min(255, Math.max(0, sum[i]!));
  }
  return data;
}

/** Half the size, each pixel the mean of four; the last odd row or column counts twice. */
export function halve(source: RgbImage): RgbImage {
  const width = Math.ceil(source.width / 2);
  const height = Math.ceil(source.height / 2);
  const { data: from } = source;
  const data = new Uint8Array(width * height * 3);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const upper = 2 * y * source.width * 3;
    const lower = Math.min(2 * y + 1, source.height - 1) * source.width * 3;
    for (let x = 0; x < width; x++) {
      const left = 2 * x * 3;
      const right = Math.min(2 * x + 1, source.width - 1) * 3;
      for (let c = 0; c < 3; c++) {
        const total =
          from[upper + left + c]! + from[upper + right + c]! + from[lower + left + c]! + from[lower + right + c]!;
        data[to++] = (total + 2) >> 2;
      }
    }
  }
  return { width, height, data };
}

/** A white picture, the colour of empty glass. */
export function whiteImage(width: number, height: number): RgbImage {
  return { width, height, data: new Uint8Array(width * height * 3).fill(255) };
}

/** Copies the part of `source` that meets `target`, whose top left lies at (x, y) of the source's grid. */
export function pasteImage(target: RgbImage, source: RgbImage, x: number, y: number): void {
  const fromX = Math.max(0, -x);
  const fromY = Math.max(0, -y);
  const endX = Math.min(source.width, target.width - x);
  const endY = Math.min(source.height, target.height - y);
  if (endX <= fromX) return;
  for (let row = fromY; row < endY; row++) {
    const start = row * source.width;
    target.data.set(
      source.data.subarray((start + fromX) * 3, (start + endX) * 3),
      ((y + row) * target.width + x + fromX) * 3,
    );
  }
}

/** The top left `width`×`height` of a picture; the same object where nothing is cut. */
export function cropImage(source: RgbImage, width: number, height: number): RgbImage {
  if (source.width === width && source.height === height) return source;
  const target = whiteImage(width, height);
  pasteImage(target, source, 0, 0);
  return target;
}
