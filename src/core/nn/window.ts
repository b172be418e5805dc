/** The geometry of sliding windows (convolution, pooling): kernel, stride, padding, dilation, and the sizes they give. */
import { HistoloopError } from '../errors.ts';
import { intsOf, stringOf } from './attributes.ts';
import type { Attributes } from './graph.ts';

/** No tile is larger along an axis; a damaged model may ask for billions. */
const MAX_SIZE = 2 ** 17;

/** Everything per spatial axis, defaults filled in and automatic padding resolved. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padBegin: readonly number[];
  readonly padEnd: readonly number[];
}

/** The window of a Conv or pooling node over an input of spatial size `input`; `kernel` where the weights say it. */
export function windowOf(attributes: Attributes, input: readonly number[], kernel?: readonly number[]): Window {
  const axes = input.length;
  const size = kernel ?? intsOf(attributes, 'kernel_shape') ?? [];
  const ones = new Array<number>(axes).fill(1);
  const strides = intsOf(attributes, 'strides') ?? ones;
  const dilations = intsOf(attributes, 'dilations') ?? ones;
  const pads = intsOf(attributes, 'pads') ?? new Array<number>(2 * axes).fill(0);
  if (size.length !== axes || strides.length !== axes || dilations.length !== axes || pads.length !== 2 * axes) {
    throw new HistoloopError('model-unusable', `a window of ${size.length} axes does not fit ${axes} spatial axes`);
  }
  if (axes === 0) throw new HistoloopError('model-unusable', 'a window needs a picture, not a list of numbers');
  if ([...size, ...strides, ...dilations].some((value) => !(value >= 1 && value <= MAX_SIZE))) {
    throw new HistoloopError(
      'model-unusable',
      `kernel ${size}, strides ${strides} and dilations ${dilations} must lie between 1 and ${MAX_SIZE}`,
    );
  }
  if (pads.some((pad) => !(Math.abs(pad) <= MAX_SIZE))) {
    throw new HistoloopError('model-unusable', `padding ${pads} is beyond any picture`);
  }
  const mode = stringOf(attributes, 'auto_pad', 'NOTSET');
  const window = { kernel: size, strides, dilations };
  if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') return { ...window, ...samePads(window, input, mode) };
  if (mode === 'VALID') return { ...window, padBegin: ones.map(() => 0), padEnd: ones.map(() => 0) };
  return { ...window, padBegin: pads.slice(0, axes), padEnd: pads.slice(axes) };
}

type Unpadded = Pick<Window, 'kernel' | 'strides' | 'dilations'>;

function samePads(window: Unpadded, input: readonly number[], mode: string): Pick<Window, 'padBegin' | 'padEnd'> {
  const totals = input.map((size, axis) => {
    const out = Math.ceil(size / window.strides[axis]);
    return Math.max(0, (out - 1) * window.strides[axis] + reach(window, axis) - size);
  });
  const small = totals.map((total) => Math.floor(total / 2));
  const large = totals.map((total, axis) => total - small[axis]);
  return mode === 'SAME_UPPER' ? { padBegin: small, padEnd: large } : { padBegin: large, padEnd: small };
}

/** Pixels from the first to the last tap of the window. */
export function reach(window: Pick<Window, 'kernel' | 'dilations'>, axis: number): number {
  return window.dilations[axis] * (window.kernel[axis] - 1) + 1;
}

/**
 * Pixels per axis at the far edge that no window reaches; on the way back they get nothing. Negative where the last
 * window hangs over the padding, as it may when sizes are rounded up.
 */
export function tooWide(image: readonly number[], out: readonly number[], window: Window): number[] {
  return image.map((size, axis) => {
    const used = window.strides[axis] * (out[axis] - 1) + reach(window, axis);
    return size + window.padBegin[axis] + window.padEnd[axis] - used;
  });
}

export interface PoolAxis {
  readonly input: number;
  readonly output: number;
  /** Whether padding counts as pixels; what hangs over it never does. */
  readonly padding: boolean;
}

/** What each pixel of an average pool's windows weighs along one axis: one over the pixels that the window holds. */
export function poolShares(window: Window, axis: number, { input, output, padding }: PoolAxis): number[] {
  return Array.from({ length: output }, (_, at) => {
    const start = at * window.strides[axis] - window.padBegin[axis];
    const [from, to] = padding ? [start, input + window.padEnd[axis]] : [0, input];
    const dilation = window.dilations[axis];
    const first = Math.max(0, Math.ceil((from - start) / dilation));
    const last = Math.min(window.kernel[axis] - 1, Math.ceil((to - start) / dilation) - 1);
    return 1 / Math.max(0, last - first + 1);
  });
}

/** Spatial size of a convolution's or pooling's output. */
export function slideDims(window: Window, input: readonly number[], ceil = false): number[] {
  return input.map((size, axis) => {
    const room = size + window.padBegin[axis] + window.padEnd[axis] - reach(window, axis);
    if (room < 0)
      throw new HistoloopError('model-unusable', `a window of ${reach(window, axis)} does not fit into ${size} pixels`);
    const steps = ceil ? Math.ceil(room / window.strides[axis]) : Math.floor(room / window.strides[axis]);
    // ONNX: a window that would start in the padding after the end does not count.
    const starts = steps * window.strides[axis] >= size + window.padBegin[axis] ? steps - 1 : steps;
    return (ceil ? starts : steps) + 1;
  });
}

/** Window and output size of a ConvTranspose over an input of spatial size `input`. */
export function transposedWindow(
  attributes: Attributes,
  input: readonly number[],
  kernel: readonly number[],
): { window: Window; output: number[] } {
  const { auto_pad: auto, output_shape: _, ...plain } = attributes;
  const base = windowOf(plain, input, kernel);
  const extra = intsOf(attributes, 'output_padding') ?? input.map(() => 0);
  const mode = auto?.kind === 'string' ? auto.value : 'NOTSET';
  if (extra.length !== input.length || extra.some((more) => !(more >= 0 && more <= MAX_SIZE))) {
    throw new HistoloopError('model-unusable', `output padding ${extra} does not fit ${input.length} axes`);
  }
  const full = input.map((size, axis) => base.strides[axis] * (size - 1) + extra[axis] + reach(base, axis));
  const same = mode.startsWith('SAME') ? input.map((size, axis) => size * base.strides[axis]) : undefined;
  const wanted = intsOf(attributes, 'output_shape') ?? same;
  if (wanted === undefined) {
    const output = full.map((size, axis) => size - base.padBegin[axis] - base.padEnd[axis]);
    return { window: base, output: somethingLeft(output) };
  }
  const totals = full.map((size, axis) => Math.max(0, size - wanted[axis]));
  const small = totals.map((total) => Math.floor(total / 2));
  const large = totals.map((total, axis) => total - small[axis]);
  const pads = mode === 'SAME_UPPER' ? { padBegin: small, padEnd: large } : { padBegin: large, padEnd: small };
  return { window: { ...base, ...pads }, output: somethingLeft(wanted) };
}

function somethingLeft(output: readonly number[]): number[] {
  if (output.length > 0 && output.every((size) => size >= 1 && size <= MAX_SIZE)) return [...output];
  throw new HistoloopError('model-unusable', `the result would be ${output.join('×')} pixels`);
}
