/**
 * Gradients of pooling, in operators that every provider runs (the runtime's own indices of maxima exist on the CPU
 * alone, and scattering by them is no quicker there).
 */
import { intOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { isEqual, type Rule, unbroadcast } from './grad-rule.ts';
import { windowShares } from './pool-shares.ts';
import { sizeOf } from './tensor.ts';
import { tooWide, type Window, windowOf } from './window.ts';

/** Repeats each pixel: [N,C,h,w] → [N,C,h·kh,w·kw]. */
function repeatPixels(g: GraphBuilder, image: string, factors: readonly number[]): string {
  if (factors.every((factor) => factor === 1)) return image;
  return g.op('Resize', [image, '', g.floats([4], [1, 1, ...factors])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
}

/** Windows side by side that cover the image exactly. */
function tiles(window: Window, image: readonly number[]): boolean {
  return image.every(
    (size, axis) =>
      window.kernel[axis] === window.strides[axis] &&
      window.dilations[axis] === 1 &&
      window.padBegin[axis] + window.padEnd[axis] === 0 &&
      size % window.kernel[axis] === 0,
  );
}

/**
 * Each window's gradient goes to its largest pixel. Of equal ones each gets an equal share where windows lie side by side
 * (white background); where they overlap the first in reading order gets it all, as in PyTorch.
 */
const maxPool: Rule = ({ g, node, x, y, dy }) => {
  const dims = g.dims(x[0]);
  const window = windowOf(node.attributes, dims.slice(2));
  if (dims.length !== 4 || !tiles(window, dims.slice(2))) {
    return [overlappingMaxima(g, { image: x[0], largest: y[0], slope: dy[0]!, window })];
  }
  const mask = isEqual(g, x[0], repeatPixels(g, y[0], window.kernel));
  const count = g.scale(
    g.op('AveragePool', [mask], { kernel_shape: window.kernel, strides: window.kernel }),
    sizeOf(window.kernel),
  );
  return [g.mul(mask, repeatPixels(g, g.div(dy[0]!, count), window.kernel))];
};

interface Maxima {
  /** [N,C,…] before pooling. */
  readonly image: string;
  /** [N,C,…] after pooling. */
  readonly largest: string;
  /** Gradient by `largest`. */
  readonly slope: string;
  readonly window: Window;
}

/**
 * The maximum of a window is the maximum over its rows of the maximum in each row, so we go back axis by axis: k taps per
 * axis and not k² in all. Axes are pooled from the last to the first; so the first row wins, and in it the first pixel.
 */
function overlappingMaxima(g: GraphBuilder, { image, largest, slope, window }: Maxima): string {
  const rank = window.kernel.length;
  const before = [image];
  for (let axis = rank - 1; axis > 0; axis--) before.unshift(poolAlong(g, before[0], window, axis));
  let [found, gradient] = [largest, slope];
  for (let axis = 0; axis < rank; axis++) {
    gradient = maximaAlong(g, { image: before[axis], largest: found, slope: gradient, window }, axis);
    found = before[axis];
  }
  return gradient;
}

/** Pools along one spatial axis only. */
function poolAlong(g: GraphBuilder, image: string, window: Window, axis: number): string {
  const only = (values: readonly number[], rest: number) => values.map((value, at) => (at === axis ? value : rest));
  return g.op('MaxPool', [image], {
    kernel_shape: only(window.kernel, 1),
    strides: only(window.strides, 1),
    dilations: only(window.dilations, 1),
    pads: [...only(window.padBegin, 0), ...only(window.padEnd, 0)],
  });
}

/** Smaller than any activation, and so that no product in `isMaximum` is infinite: a GPU may take infinities for anything. */
const LOWEST = -1e8;

/**
 * Back through a maximum along one spatial axis. Tap by tap, what is left of the gradient goes to the windows whose tap is
 * the maximum; the last tap takes what nobody took. Position s·w + d·t of tap t lies in phase (d·t mod s): taps of a phase
 * are added up after a shift, and the phases are interleaved.
 */
function maximaAlong(g: GraphBuilder, { image, largest, slope, window }: Maxima, axis: number): string {
  const [kernel, stride, dilation, pad] = [window.kernel, window.strides, window.dilations, window.padBegin].map(
    (values) => values[axis],
  );
  if (kernel === 1 && stride === 1 && pad + window.padEnd[axis] === 0) return slope;
  const at = axis + 2;
  const [size, count] = [g.dims(image)[at], g.dims(largest)[at]];
  const length = Math.ceil(Math.max(size + pad, stride * (count - 1) + dilation * (kernel - 1) + 1) / stride);
  const padded = padAlong(g, image, { axis: at, begin: pad, end: length * stride - size - pad, value: LOWEST });
  const phases = new Map<number, string>();
  let left = slope;
  for (let tap = 0; tap < kernel; tap++) {
    const start = dilation * tap;
    let taken = left;
    if (tap < kernel - 1) {
      const seen = stridedAlong(g, padded, { axis: at, start, count, stride });
      taken = g.mul(left, isMaximum(g, seen, largest));
      left = g.sub(left, taken);
    }
    const shift = Math.floor(start / stride);
    const moved = padAlong(g, taken, { axis: at, begin: shift, end: length - count - shift, value: 0 });
    const known = phases.get(start % stride);
    phases.set(start % stride, known === undefined ? moved : g.add(known, moved));
  }
  return g.slice(interleave(g, phases, { axis: at, stride }), at, pad, pad + size);
}

/** 1 where a value that is at most the maximum reaches it, else 0; quicker than Equal and Cast. */
function isMaximum(g: GraphBuilder, value: string, maximum: string): string {
  return g.op('HardSigmoid', [g.sub(value, maximum)], { alpha: 1e30, beta: 1 });
}

interface Padding {
  readonly axis: number;
  readonly begin: number;
  readonly end: number;
  readonly value: number;
}

function padAlong(g: GraphBuilder, image: string, { axis, begin, end, value }: Padding): string {
  if (begin === 0 && end === 0) return image;
  const rank = g.dims(image).length;
  const amounts = new Array<number>(2 * rank).fill(0);
  amounts[axis] = begin;
  amounts[axis + rank] = end;
  return g.op('Pad', [image, g.ints(amounts), g.scalar(value)]);
}

interface Stride {
  readonly axis: number;
  readonly start: number;
  readonly count: number;
  readonly stride: number;
}

function stridedAlong(g: GraphBuilder, image: string, { axis, start, count, stride }: Stride): string {
  const end = start + stride * (count - 1) + 1;
  if (stride === 1) return g.slice(image, axis, start, end);
  return g.op('Slice', [image, g.ints([start]), g.ints([end]), g.ints([axis]), g.ints([stride])]);
}

/** Phase p's elements go to p, p + stride, p + 2·stride, … along the axis; a phase that is not there is zero. */
function interleave(
  g: GraphBuilder,
  phases: ReadonlyMap<number, string>,
  { axis, stride }: Pick<Stride, 'axis' | 'stride'>,
): string {
  const dims = g.dims([...phases.values()][0]);
  const single = [...dims.slice(0, axis + 1), 1, ...dims.slice(axis + 1)];
  const parts = Array.from({ length: stride }, (_, phase) => {
    const part = phases.get(phase);
    return part === undefined ? g.filled(single, 0) : g.reshape(part, single);
  });
  const whole = dims.map((dim, at) => (at === axis ? dim * stride : dim));
  return g.reshape(g.concat(parts, axis + 1), whole);
}

const averagePool: Rule = ({ g, node, x, y, dy }) => {
  const dims = g.dims(x[0]);
  const out = g.dims(y[0]).slice(2);
  const window = windowOf(node.attributes, dims.slice(2));
  const padded = [...window.padBegin, ...window.padEnd].some((pad) => pad > 0);
  const whole = !padded && window.kernel.every((size, axis) => out[axis] === 1 && size === dims[axis + 2]);
  const share = 1 / sizeOf(window.kernel);
  if (whole) return [g.expand(g.scale(dy[0]!, share), dims)];
  if (dims.length === 4 && tiles(window, dims.slice(2))) {
    return [repeatPixels(g, g.scale(dy[0]!, share), window.kernel)];
  }
  const padding = intOf(node.attributes, 'count_include_pad', 0) === 1;
  return [overlappingAverage(g, { dims, out, window, dy: dy[0]!, padding })];
};

interface Overlap {
  readonly dims: readonly number[];
  readonly out: readonly number[];
  readonly window: Window;
  readonly dy: string;
  /** Whether padding counts as pixels. */
  readonly padding: boolean;
}

/** Overlapping windows: each output pixel is handed out evenly, which is a transposed convolution with ones. */
function overlappingAverage(g: GraphBuilder, { dims, out, window, dy, padding }: Overlap): string {
  const shares = windowShares(g, window, { image: dims.slice(2), output: out, padding });
  const ones = g.filled([dims[1], 1, ...window.kernel], 1);
  const spare = tooWide(dims.slice(2), out, window);
  return g.op('ConvTranspose', [g.mul(dy, shares), ones], {
    group: dims[1],
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.padBegin, ...window.padEnd.map((pad, axis) => pad + Math.max(0, -spare[axis]))],
    output_padding: spare.map((amount) => Math.max(0, amount)),
  });
}

const globalAveragePool: Rule = ({ g, x, dy }) => {
  const dims = g.dims(x[0]);
  return [g.expand(g.scale(dy[0]!, 1 / sizeOf(dims.slice(2))), dims)];
};

const globalMaxPool: Rule = ({ g, x, y, dy }) => {
  const mask = isEqual(g, x[0], y[0]);
  return [g.mul(mask, g.div(dy[0]!, unbroadcast(g, mask, g.dims(y[0]))))];
};

export const POOL_RULES = {
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  MaxPool: maxPool,
} satisfies Record<string, Rule>;
