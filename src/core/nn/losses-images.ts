/**
 * Losses that look at a pixel's surroundings: structural similarity of two pictures, and slopes of distance maps. Graph
 * functions on the terms of `losses-values.ts`.
 */
import { HistoloopError } from '../errors.ts';
import type { GraphBuilder } from './builder.ts';
import { ALL, power } from './losses.ts';
import type { ValueTerms } from './losses-values.ts';

export interface Similarity {
  /** Largest value minus smallest that a picture can have; default 1. */
  readonly range?: number;
}

const WINDOW_PX = 11;
const WINDOW_SIGMA = 1.5;

/**
 * 1 − SSIM (Wang et al. 2004, eq. 13): windows of 11×11 pixels with a Gaussian of σ = 1.5, C1 = (0.01·L)², C2 = (0.03·L)².
 * Windows that reach beyond the picture are left out; each counts by the weight of its middle.
 * Error: `bad-input` for pictures smaller than a window.
 */
export function similarity(g: GraphBuilder, terms: ValueTerms, { range = 1 }: Similarity = {}): string {
  const [n, channels, h, w] = g.dims(terms.answer);
  if (h < WINDOW_PX || w < WINDOW_PX) {
    throw new HistoloopError(
      'bad-input',
      `the ssim loss looks at ${WINDOW_PX}×${WINDOW_PX} pixels, more than ${h}×${w}`,
    );
  }
  const [x, y] = [terms.answer, terms.target].map((value) => g.reshape(value, [n * channels, 1, h, w]));
  const [meanX, meanXX, meanXY] = blurred(g, [x, g.mul(x, x), g.mul(x, y)]);
  const [meanY, meanYY] = blurred(g, [y, g.mul(y, y)]);
  const [xx, xy, yy] = [g.mul(meanX, meanX), g.mul(meanX, meanY), g.mul(meanY, meanY)];
  const squares = g.add(xx, yy);
  const [c1, c2] = [0.01, 0.03].map((k) => g.scalar((k * range) ** 2));
  const above = g.mul(g.add(g.scale(xy, 2), c1), g.add(g.scale(g.sub(meanXY, xy), 2), c2));
  const spread = g.sub(g.add(meanXX, meanYY), squares);
  const unlike = g.sub(g.scalar(1), g.div(above, g.mul(g.add(squares, c1), g.add(spread, c2))));
  return meanOfMiddles(g, unlike, terms);
}

/** Each picture [M,1,H,W] under the Gaussian window, without the border. Two thin convolutions for all of them. */
function blurred(g: GraphBuilder, pictures: readonly string[]): string[] {
  const middle = (WINDOW_PX - 1) / 2;
  const bell = Float64Array.from({ length: WINDOW_PX }, (_, i) =>
    Math.exp(-((i - middle) ** 2) / (2 * WINDOW_SIGMA ** 2)),
  );
  const total = bell.reduce((a, b) => a + b);
  const weights = bell.map((value) => value / total);
  const count = g.dims(pictures[0])[0];
  const down = g.op('Conv', [g.concat(pictures, 0), g.floats([1, 1, WINDOW_PX, 1], weights)]);
  const both = g.op('Conv', [down, g.floats([1, 1, 1, WINDOW_PX], weights)]);
  return pictures.map((_, i) => g.slice(both, 0, i * count, (i + 1) * count));
}

function meanOfMiddles(g: GraphBuilder, map: string, { answer, weight }: ValueTerms): string {
  const [n, channels] = g.dims(answer);
  const [, , h, w] = g.dims(map);
  const edge = (WINDOW_PX - 1) / 2;
  const middles = g.slice(g.slice(weight, 2, edge, edge + h), 3, edge, edge + w);
  const sum = g.sum(g.mul(g.reshape(map, [n, channels, h, w]), middles), ALL);
  const count = g.op('Max', [g.scale(g.sum(middles, ALL), channels), g.scalar(1e-12)]);
  return g.reshape(g.div(sum, count), [1]);
}

export interface SlopeError {
  /** Which pixels count: by their weight (default), or only those of them that the main head's target calls a class ≥ 1. */
  readonly within?: 'weight' | 'foreground';
}

/**
 * Mean squared error of the slopes of two maps, horizontal distances [N,0,H,W] along x and vertical ones [N,1,H,W] along y
 * (Graham et al. 2019, HoVer-Net, eq. 3). The slope is a 5×5 Sobel-like filter with weights x / (x² + y²).
 * Errors: `bad-input` for other than two channels, or where there is no class target to tell the foreground by.
 */
export function slopeError(g: GraphBuilder, terms: ValueTerms, { within = 'weight' }: SlopeError = {}): string {
  const channels = g.dims(terms.answer)[1];
  if (channels !== 2) {
    throw new HistoloopError(
      'bad-input',
      `gradient-mse needs a horizontal and a vertical map, not ${channels} channels`,
    );
  }
  const weight = within === 'weight' ? terms.weight : g.mul(terms.weight, foregroundOf(terms));
  const kernels = g.floats([2, 1, 5, 5], [...sobel((x) => x), ...sobel((_, y) => y)]);
  // Slopes are linear: the difference of slopes is the slope of the difference.
  const slope = g.op('Conv', [terms.error, kernels], { group: 2, pads: [2, 2, 2, 2] });
  const count = g.op('Max', [g.scale(g.sum(weight, ALL), 2), g.scalar(1e-12)]);
  return g.reshape(g.div(g.sum(g.mul(power(g, slope, 2), weight), ALL), count), [1]);
}

function foregroundOf({ foreground }: ValueTerms): string {
  if (foreground !== null) return foreground;
  throw new HistoloopError('bad-input', 'gradient-mse within the foreground needs a main head that is told classes');
}

function sobel(part: (x: number, y: number) => number): number[] {
  return Array.from({ length: 25 }, (_, i) => {
    const [x, y] = [(i % 5) - 2, Math.floor(i / 5) - 2];
    return x === 0 && y === 0 ? 0 : part(x, y) / (x * x + y * y);
  });
}
