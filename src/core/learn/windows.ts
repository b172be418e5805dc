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

/** Windows along one axis: first inclusive, last exclusive. */
export interface WindowSpan {
  readonly first: number;
  readonly last: number;
}

/**
 * Windows along one axis that reach into [from, to). Of a slide `length` model pixels long, windows that would only lend
 * their fading edge to its border are left out.
 */
export function windowsOf(grid: WindowGrid, from: number, to: number, length: number): WindowSpan {
  const half = grid.overlap / 2;
  const first = Math.floor((from + half - grid.size) / grid.stride) + 1;
  const last = Math.ceil((to + half) / grid.stride);
  return { first: Math.max(0, first), last: Math.min(Math.max(1, Math.ceil(length / grid.stride)), last) };
}

/** Shares (0…255) of a rectangle of model pixels, being put together from windows. */
export interface Canvas extends Rect {
  readonly planes: number;
  /** [P, H, W], weighted sums until `finishCanvas`. */
  readonly sums: Float32Array;
}

export function createCanvas(area: Rect, planes: number): Canvas {
  return { ...area, planes, sums: new Float32Array(planes * area.width * area.height) };
}

/** Adds the part of a window ([P, size, size] shares that starts at `left`, `top`) that lies on the canvas. */
export function addWindow(canvas: Canvas, grid: WindowGrid, window: Uint8Array, left: number, top: number): void {
  const x0 = Math.max(canvas.x, left);
  const x1 = Math.min(canvas.x + canvas.width, left + grid.size);
  const y0 = Math.max(canvas.y, top);
  const y1 = Math.min(canvas.y + canvas.height, top + grid.size);
  const { sums } = canvas;
  const { weights } = grid;
  for (let p = 0; p < canvas.planes; p++) {
    for (let y = y0; y < y1; y++) {
      const to = (p * canvas.height + y - canvas.y) * canvas.width - canvas.x;
      const from = (p * grid.size + y - top) * grid.size - left;
      const vertical = weights[y - top]!;
      for (let x = x0; x < x1; x++) sums[to + x]! += vertical * weights[x - left]! * window[from + x]!;
    }
  }
}

/**
 * Divides by the weights, in place, once every window of the two spans was added. They are below 1 only where the slide's
 * border has no neighbour.
 */
export function finishCanvas(canvas: Canvas, grid: WindowGrid, columns: WindowSpan, rows: WindowSpan): void {
  const across = weightsAlong(grid, columns, canvas.x, canvas.width);
  const down = weightsAlong(grid, rows, canvas.y, canvas.height);
  const whole = (weight: number) => Math.abs(weight - 1) < 1e-6;
  const wholeAcross = across.every(whole);
  for (let row = 0; row < canvas.planes * canvas.height; row++) {
    const vertical = down[row % canvas.height]!;
    if (wholeAcross && whole(vertical)) continue;
    const start = row * canvas.width;
    for (let x = 0; x < canvas.width; x++) canvas.sums[start + x]! /= vertical * across[x]!;
  }
}

/** What the weights of the windows add up to at each of `length` pixels from `start` on. */
function weightsAlong(grid: WindowGrid, span: WindowSpan, start: number, length: number): Float32Array {
  const sums = new Float32Array(length);
  for (let k = span.first; k < span.last; k++) {
    const first = windowStart(grid, k) - start;
    for (let i = Math.max(0, -first); i < grid.size && first + i < length; i++) sums[first + i]! += grid.weights[i]!;
  }
  assert(
    sums.every((weight) => weight > 0),
    'a pixel of the canvas was covered by no window',
  );
  return sums;
}
