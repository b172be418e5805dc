/** What each output position of a Resize reads along one axis: the coordinate conventions and filters of ONNX. */
import { HistoloopError } from '../errors.ts';
import { floatOf, intOf, stringOf } from './attributes.ts';
import type { Attributes } from './graph.ts';
import { isUnchanged, type ResizeAxis } from './resize.ts';

/** One output row as a weighted sum of input rows. */
export interface Taps {
  readonly from: readonly number[];
  readonly weights: readonly number[];
}

/**
 * Where an output position lies in the input. Which pixel is nearest may hang on the last bit, so `round` is applied after
 * every step: `Math.fround` counts as the runtime does.
 */
function sourceOf(axis: ResizeAxis, at: number, mode: string, round: (value: number) => number): number {
  const { inputSize, outputSize } = axis;
  const scale = round(axis.scale);
  const halfPixel = () => round(round(round(at + 0.5) / scale) - 0.5);
  switch (mode) {
    case 'asymmetric':
      return round(at / scale);
    case 'align_corners':
      return outputSize === 1 ? 0 : round(round(at * (inputSize - 1)) / (outputSize - 1));
    case 'pytorch_half_pixel':
      return outputSize > 1 ? halfPixel() : 0;
    case 'half_pixel':
      return halfPixel();
    case 'half_pixel_symmetric':
      return round(round(round(inputSize / 2) * round(1 - round(outputSize / round(scale * inputSize)))) + halfPixel());
    case 'tf_half_pixel_for_nn':
      return round(round(at + 0.5) / scale);
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
    case 'round_prefer_floor':
      return Math.ceil(source - 0.5);
    default:
      throw new HistoloopError(
        'model-unusable',
        `Resize to the nearest pixel by '${mode}' is not supported; export with 'round_prefer_floor'`,
      );
  }
}

/** Weight of a pixel at a distance, as `cubic` (Keys 1981, equation 4) or `linear`; 0 beyond `reach` pixels. */
interface Filter {
  readonly reach: number;
  readonly weigh: (distance: number) => number;
}

function filterOf(attributes: Attributes, mode: string): Filter {
  if (mode === 'linear') return { reach: 1, weigh: (distance) => Math.max(0, 1 - Math.abs(distance)) };
  if (mode !== 'cubic') {
    throw new HistoloopError(
      'model-unusable',
      `Resize in mode '${mode}' is not supported; export with linear, cubic or nearest`,
    );
  }
  const a = floatOf(attributes, 'cubic_coeff_a', -0.75);
  const weigh = (distance: number) => {
    const d = Math.abs(distance);
    if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  };
  return { reach: 2, weigh };
}

/** For each output position of one axis, the input positions it reads. Error: `model-unusable`. */
export function resizeTaps(axis: ResizeAxis, attributes: Attributes): Taps[] {
  const mode = stringOf(attributes, 'mode', 'nearest');
  const coordinates = stringOf(attributes, 'coordinate_transformation_mode', 'half_pixel');
  const last = axis.inputSize - 1;
  const clamp = (at: number) => Math.min(Math.max(at, 0), last);
  const positions = Array.from({ length: axis.outputSize }, (_, at) => at);
  if (isUnchanged(axis)) return positions.map((at) => ({ from: [at], weights: [1] }));
  if (mode === 'nearest') {
    const rounding = stringOf(attributes, 'nearest_mode', 'round_prefer_floor');
    return positions.map((at) => {
      const source = sourceOf(axis, at, coordinates, Math.fround);
      return { from: [clamp(nearest(source, rounding))], weights: [1] };
    });
  }
  const filter = filterOf(attributes, mode);
  const wide = intOf(attributes, 'antialias', 0) === 1 ? Math.max(1, 1 / axis.scale) : 1;
  const drop = mode === 'cubic' && intOf(attributes, 'exclude_outside', 0) === 1;
  return positions.map((at) => {
    const source = sourceOf(axis, at, coordinates, (value) => value);
    return filteredTaps(mode === 'linear' && wide === 1 ? clamp(source) : source, filter, { last, drop, wide });
  });
}

interface Border {
  /** The last pixel's index. */
  readonly last: number;
  /** Whether pixels outside are dropped and the rest made up for them; else they repeat the border. */
  readonly drop: boolean;
  /** How much wider than usual the filter is, for shrinking with antialias. */
  readonly wide: number;
}

/** Pixels within the filter's reach. */
function filteredTaps(source: number, { reach, weigh }: Filter, { last, drop, wide }: Border): Taps {
  const low = Math.floor(source - reach * wide) + 1;
  const count = Math.floor(source + reach * wide) - low + 1;
  const taps = Array.from({ length: count }, (_, i) => ({ at: low + i, weight: weigh((low + i - source) / wide) }));
  const kept = taps.filter(({ at, weight }) => weight !== 0 && (!drop || (at >= 0 && at <= last)));
  const total = drop || wide > 1 ? kept.reduce((sum, { weight }) => sum + weight, 0) : 1;
  return {
    from: kept.map(({ at }) => Math.min(Math.max(at, 0), last)),
    weights: kept.map(({ weight }) => weight / total),
  };
}

/** 4096 × 4096. */
const MOST_ELEMENTS = 2 ** 24;

/** [outputSize, inputSize]: what each output position takes from each input position. */
export function resizeMatrix(axis: ResizeAxis, attributes: Attributes): Float64Array {
  if (axis.outputSize * axis.inputSize > MOST_ELEMENTS) {
    throw new HistoloopError(
      'model-unusable',
      `a Resize from ${axis.inputSize} to ${axis.outputSize} pixels is more than can be trained through; use smaller tiles`,
    );
  }
  const matrix = new Float64Array(axis.outputSize * axis.inputSize);
  resizeTaps(axis, attributes).forEach(({ from, weights }, row) => {
    from.forEach((column, i) => {
      matrix[row * axis.inputSize + column] += weights[i];
    });
  });
  return matrix;
}

/** The whole factor k where the axis merely repeats each value k times, else null. */
export function repeatFactor(axis: ResizeAxis, attributes: Attributes): number | null {
  const factor = axis.outputSize / axis.inputSize;
  if (!Number.isInteger(factor)) return null;
  if (stringOf(attributes, 'mode', 'nearest') !== 'nearest' && !isUnchanged(axis)) return null;
  const repeats = resizeTaps(axis, attributes).every((taps, at) => taps.from[0] === Math.floor(at / factor));
  return repeats ? factor : null;
}
