/** The geometry of Resize: sizes, and one matrix per axis that turns input rows into output rows. */
import { HistoloopError } from '../errors.ts';
import { stringOf } from './attributes.ts';
import type { Attributes } from './graph.ts';

export interface ResizeAxis {
  readonly inputSize: number;
  readonly outputSize: number;
  readonly scale: number;
}

/** No tile is larger along an axis; a damaged model may ask for billions. */
const MAX_SIZE = 2 ** 17;

/** Scales and output size per axis, from whichever of the two inputs is there. */
export function resizeAxes(dims: readonly number[], scales: readonly number[], sizes: readonly number[]): ResizeAxis[] {
  if (scales.length !== dims.length && sizes.length !== dims.length) {
    throw new HistoloopError('model-unusable', `a Resize needs ${dims.length} scales or sizes`);
  }
  return dims.map((inputSize, axis) => {
    // In float32 as the runtime does: 5 · 1.8 is 9 there, but just below it in doubles.
    const outputSize = sizes.length > 0 ? sizes[axis] : Math.floor(Math.fround(inputSize * scales[axis]));
    if (!(outputSize <= MAX_SIZE)) {
      throw new HistoloopError('model-unusable', `a Resize to ${outputSize} pixels is more than ${MAX_SIZE}`);
    }
    return { inputSize, outputSize, scale: sizes.length > 0 ? outputSize / inputSize : scales[axis] };
  });
}

function sourceOf(axis: ResizeAxis, at: number, mode: string): number {
  const { inputSize, outputSize, scale } = axis;
  switch (mode) {
    case 'asymmetric':
      return at / scale;
    case 'align_corners':
      return outputSize === 1 ? 0 : (at * (inputSize - 1)) / (outputSize - 1);
    case 'pytorch_half_pixel':
      return outputSize > 1 ? (at + 0.5) / scale - 0.5 : 0;
    case 'half_pixel':
      return (at + 0.5) / scale - 0.5;
    default:
      throw new HistoloopError(
        'model-unusable',
        `Resize with coordinates '${mode}' is not supported; export with 'half_pixel'`,
      );
  }
}

function nearest(source: number, mode: string): number {
  switch (mode) {
    case 'floor':
      return Math.floor(source);
    case 'ceil':
      return Math.ceil(source);
    case 'round_prefer_ceil':
      return Math.floor(source + 0.5);
    default:
      return Math.ceil(source - 0.5);
  }
}

/** One output row as a weighted sum of input rows. */
export interface Taps {
  readonly from: readonly number[];
  readonly weights: readonly number[];
}

/** For each output position of one axis, the input positions it reads. Error: `model-unusable` for cubic. */
export function resizeTaps(axis: ResizeAxis, attributes: Attributes): Taps[] {
  const mode = stringOf(attributes, 'mode', 'nearest');
  const coordinates = stringOf(attributes, 'coordinate_transformation_mode', 'half_pixel');
  const rounding = stringOf(attributes, 'nearest_mode', 'round_prefer_floor');
  const last = axis.inputSize - 1;
  const clamp = (at: number) => Math.min(last, Math.max(0, at));
  return Array.from({ length: axis.outputSize }, (_, at) => {
    if (axis.outputSize === axis.inputSize && axis.scale === 1) return { from: [at], weights: [1] };
    const source = sourceOf(axis, at, coordinates);
    if (mode === 'nearest') return { from: [clamp(nearest(source, rounding))], weights: [1] };
    if (mode !== 'linear') {
      throw new HistoloopError(
        'model-unusable',
        `Resize in mode '${mode}' is not supported; export with linear or nearest`,
      );
    }
    const inside = clamp(source);
    const low = Math.min(Math.floor(inside), last);
    const share = inside - low;
    return share === 0 ? { from: [low], weights: [1] } : { from: [low, clamp(low + 1)], weights: [1 - share, share] };
  });
}

/** The whole factor k where the axis merely repeats each value k times, else null. */
export function repeatFactor(axis: ResizeAxis, attributes: Attributes): number | null {
  const factor = axis.outputSize / axis.inputSize;
  if (!Number.isInteger(factor)) return null;
  if (stringOf(attributes, 'mode', 'nearest') !== 'nearest' && factor !== 1) return null;
  const repeats = resizeTaps(axis, attributes).every((taps, at) => taps.from[0] === Math.floor(at / factor));
  return repeats ? factor : null;
}
