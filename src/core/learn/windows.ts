/**
 * How a slide is cut into overlapping network windows, and how their answers are blended into one.
 * The grid of windows hangs on the slide, not on what was asked for: a pixel gets the same answer whichever tile,
 * region or order it is predicted in, so there is no seam between tiles, chunks or two runs.
 * Blending: separable Hann ramps over the overlap (seeds-spec D14); neighbours' ramps add up to 1.
 */
import { assert } from '../errors.ts';
import type { Rect } from '../geometry.ts';

/** All lengths in model pixels. Window k covers [k·stride − overlap/2, k·stride − overlap/2 + size). */
export interface WindowGrid {
  readonly size: number;
  readonly overlap: number;
  readonly stride: number;
  /** Weight of each of the `size` pixels along one axis. */
  readonly weights: Float32Array;
}

/** A grid of windows of `size` model pixels that share `overlap` of them (even, at most half the size). */
export function windowGrid(size: number, overlap: number): WindowGrid {
  assert(overlap >= 2 && overlap % 2 === 0 && overlap * 2 <= size, `window ${size} cannot overlap by ${overlap}`);
  const weights = new Float32Array(size).fill(1);
  for (let i = 0; i < overlap; i++) {
    const rise = Math.sin((Math.PI / 2) * ((i + 0.5) / overlap)) ** 2;
    weights[i] = rise;
    weights[size - 1 - i] = rise;
  }
  return { size, overlap, stride: size - overlap, weights };
}

/** First pixel of window k along an axis. */
export function windowStart(grid: WindowGrid, k: number): number {
  return k * grid.stride - grid.overlap / 2;
}

/**
 * Windows along one axis that reach into [from, to): first inclusive, last exclusive. Of a slide `length` model pixels
 * long, windows that would only lend their fading edge to its border are left out.
 */
export function windowsOf(grid: WindowGrid, from: number, to: number, length: number): { first: number; last: number } {
  const half = grid.overlap / 2;
  const first = Math.floor((from + half - grid.size) / grid.stride) + 1;
  const last = Math.ceil((to + half) / grid.stride);
  return { first: Math.max(0, first), last: Math.min(Math.max(1, Math.ceil(length / grid.stride)), last) };
}

/** Class probabilities of a rectangle of model pixels, being put together from windows. */
export interface Canvas extends Rect {
  readonly classCount: number;
  /** [K, H, W], weighted sums until `finishCanvas`. */
  readonly sums: Float32Array;
  readonly weights: Float32Array;
}

export function createCanvas(area: Rect, classCount: number): Canvas {
  const plane = area.width * area.height;
  return { ...area, classCount, sums: new Float32Array(classCount * plane), weights: new Float32Array(plane) };
}

/** Adds the part of a window ([K, size, size] probabilities that starts at `left`, `top`) that lies on the canvas. */
export function addWindow(canvas: Canvas, grid: WindowGrid, window: Float32Array, left: number, top: number): void {
  const x0 = Math.max(canvas.x, left);
  const x1 = Math.min(canvas.x + canvas.width, left + grid.size);
  const y0 = Math.max(canvas.y, top);
  const y1 = Math.min(canvas.y + canvas.height, top + grid.size);
  const plane = canvas.width * canvas.height;
  const windowPlane = grid.size * grid.size;
  for (let y = y0; y < y1; y++) {
    const to = (y - canvas.y) * canvas.width - canvas.x;
    const from = (y - top) * grid.size - left;
    const vertical = grid.weights[y - top]!;
    for (let x = x0; x < x1; x++) canvas.weights[to + x]! += vertical * grid.weights[x - left]!;
    for (let c = 0; c < canvas.classCount; c++) {
      const target = c * plane + to;
      const source = c * windowPlane + from;
      for (let x = x0; x < x1; x++)
        canvas.sums[target + x]! += vertical * grid.weights[x - left]! * window[source + x]!;
    }
  }
}

/** Divides by the weights, in place (they are below 1 only where the slide's border has no neighbour). */
export function finishCanvas(canvas: Canvas): void {
  const plane = canvas.weights.length;
  for (let i = 0; i < plane; i++) {
    const weight = canvas.weights[i]!;
    assert(weight > 0, 'a pixel of the canvas was covered by no window');
    for (let c = 0; c < canvas.classCount; c++) canvas.sums[c * plane + i]! /= weight;
  }
}
