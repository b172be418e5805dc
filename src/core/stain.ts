/**
 * Stains as optical densities: Beer–Lambert, and colour deconvolution with fixed H&E vectors.
 * Method: Ruifrok & Johnston 2001, Anal Quant Cytol Histol 23(4), «Quantification of histochemical staining by color
 * deconvolution»: OD = M c with the stains' unit OD vectors as the columns of M, so c = M⁻¹ OD.
 */
import type { RgbImage } from './slide.ts';

export type Vector3 = readonly [number, number, number];

/** Optical-density vectors (R, G, B) of haematoxylin and eosin, from the same paper. */
export const HAEMATOXYLIN: Vector3 = [0.65, 0.7, 0.29];
export const EOSIN: Vector3 = [0.07, 0.99, 0.11];

/** Optical density −log10((byte + 1) / 256) of every byte value: 0 for white, 2.41 for black. */
export const OPTICAL_DENSITY: Float32Array = Float32Array.from(
  { length: 256 },
  (_, byte) => -Math.log10((byte + 1) / 256),
);

/** The byte of an optical density, the inverse of `OPTICAL_DENSITY`, clamped. */
export function byteOfDensity(density: number): number {
  return Math.max(0, Math.min(255, Math.round(256 * 10 ** -density - 1)));
}

function unit(v: Vector3): Vector3 {
  const length = Math.hypot(...v);
  return [v[0] / length, v[1] / length, v[2] / length];
}

function cross(a: Vector3, b: Vector3): Vector3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function dot(a: Vector3, b: Vector3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** Rows that turn an OD vector into amounts of two stains; what is left lies on their cross product. */
export function unmixingRows(first: Vector3, second: Vector3): readonly [Vector3, Vector3] {
  const a = unit(first);
  const b = unit(second);
  const residual = unit(cross(a, b));
  const rowOf = (p: Vector3, q: Vector3, own: Vector3): Vector3 => {
    const row = cross(p, q);
    const scale = 1 / dot(own, row);
    return [row[0] * scale, row[1] * scale, row[2] * scale];
  };
  return [rowOf(b, residual, a), rowOf(residual, a, b)];
}

/** The amount of haematoxylin (optical density along its vector) of every pixel, row-major; below 0 where light is odd. */
export function haematoxylin(image: RgbImage): Float32Array {
  const [row] = unmixingRows(HAEMATOXYLIN, EOSIN);
  const amounts = new Float32Array(image.width * image.height);
  const od = OPTICAL_DENSITY;
  for (let i = 0, b = 0; i < amounts.length; i++, b += 3) {
    amounts[i] = row[0] * od[image.data[b]!]! + row[1] * od[image.data[b + 1]!]! + row[2] * od[image.data[b + 2]!]!;
  }
  return amounts;
}
