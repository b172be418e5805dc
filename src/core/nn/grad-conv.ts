/**
 * Gradients of Conv and ConvTranspose in two spatial axes: any stride, dilation, padding and number of groups. The
 * weight gradient is ONE three-dimensional Conv (measured fastest on a CPU) or a MatMul per kernel tap (for WebGPU);
 * depthwise it is one Conv of planes in the blocked layout, one sum of products per tap elsewhere.
 */
import { HistoloopError } from '../errors.ts';
import { intOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { allButChannel, type Lowering, type Rule } from './grad-rule.ts';
import { nodeLabel } from './verify.ts';
import { reach, tooWide, transposedWindow, type Window, windowOf } from './window.ts';

/** A convolution as the weight gradient sees it: what went in, the gradient of what came out. */
interface Pair {
  /** [N, Ci, H, W] */
  readonly image: string;
  /** [N, Co, Ho, Wo] */
  readonly slope: string;
  readonly window: Window;
  readonly group: number;
}

const conv: Rule = ({ g, node, x, dy, needs, lowering }) => {
  const dims = requirePlane(g, node, x[0]);
  const window = windowOf(node.attributes, dims.slice(2), g.dims(x[1]).slice(2));
  const group = intOf(node.attributes, 'group', 1);
  const slope = dy[0]!;
  return [
    needs[0] ? imageGradient(g, { slope, weights: x[1], window, group, dims }) : null,
    needs[1] ? weightGradient(g, { image: x[0], slope, window, group }, lowering) : null,
    needs[2] ? g.sum(slope, allButChannel(4), false) : null,
  ];
};

const convTranspose: Rule = ({ g, node, x, dy, needs, lowering }) => {
  const dims = requirePlane(g, node, x[0]);
  const { window } = transposedWindow(node.attributes, dims.slice(2), g.dims(x[1]).slice(2));
  const group = intOf(node.attributes, 'group', 1);
  // Going back through a transposed convolution is the plain convolution, and so for its weights with the roles swapped.
  const back = () => g.op('Conv', [dy[0]!, x[1]], { ...convAttributes(window), group });
  return [
    needs[0] ? back() : null,
    needs[1] ? weightGradient(g, { image: dy[0]!, slope: x[0], window, group }, lowering) : null,
    needs[2] ? g.sum(dy[0]!, allButChannel(4), false) : null,
  ];
};

function requirePlane(g: GraphBuilder, node: Parameters<Rule>[0]['node'], image: string): readonly number[] {
  const dims = g.dims(image);
  if (dims.length === 4) return dims;
  throw new HistoloopError(
    'model-unusable',
    `${nodeLabel(node)} works on ${dims.length - 2} spatial axes; only pictures (2 axes) can be trained on`,
  );
}

function convAttributes(window: Window) {
  return {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.padBegin, ...window.padEnd],
  };
}

interface Backward {
  readonly slope: string;
  readonly weights: string;
  readonly window: Window;
  readonly group: number;
  /** Shape of the image whose gradient is wanted. */
  readonly dims: readonly number[];
}

function imageGradient(g: GraphBuilder, back: Backward): string {
  const { window } = back;
  const begin = window.padBegin.map((pad, axis) => reach(window, axis) - 1 - pad);
  const end = window.padEnd.map((pad, axis) => reach(window, axis) - 1 - pad);
  const plain = window.strides.every((stride) => stride === 1) && [...begin, ...end].every((pad) => pad >= 0);
  return plain ? flippedConv(g, back, [...begin, ...end]) : upConv(g, back);
}

/** Stride 1: a convolution with the weights turned by 180° and their channel axes swapped. */
function flippedConv(g: GraphBuilder, { slope, weights, window, group }: Backward, pads: readonly number[]): string {
  const [co, ci, kh, kw] = g.dims(weights);
  const grouped = g.reshape(weights, [group, co / group, ci, kh * kw]);
  const turned = kh * kw === 1 ? grouped : g.op('Gather', [grouped, g.ints(reversed(kh * kw))], { axis: 3 });
  const swapped = g.reshape(g.transpose(turned, [0, 2, 1, 3]), [group * ci, co / group, kh, kw]);
  return g.op('Conv', [slope, swapped], { kernel_shape: [kh, kw], dilations: window.dilations, pads, group });
}

function reversed(count: number): number[] {
  return Array.from({ length: count }, (_, i) => count - 1 - i);
}

/** Any stride: a transposed convolution, padded back to the size of the image. */
function upConv(g: GraphBuilder, { slope, weights, window, group, dims }: Backward): string {
  const extra = tooWide(dims.slice(2), g.dims(slope).slice(2), window);
  return g.op('ConvTranspose', [slope, weights], {
    ...convAttributes(window),
    output_padding: extra,
    group,
  });
}

function weightGradient(g: GraphBuilder, pair: Pair, lowering: Lowering): string {
  const { window } = pair;
  const single = [...window.kernel, ...window.strides].every((size) => size === 1);
  const unpadded = [...window.padBegin, ...window.padEnd].every((pad) => pad === 0);
  if (g.dims(pair.image)[1] === pair.group) return depthwise(g, pair, lowering);
  if ((single && unpadded) || lowering.weightGradient === 'shifted-matmul') return byMatMul(g, pair);
  return canSwap(g, pair) ? bySwappedConv(g, pair) : byConv3d(g, pair);
}

/** [N, C, H, W] → [1, N·group, H, W, C/group]: each sample and group becomes a channel, channels become the last axis. */
function channelsLast(g: GraphBuilder, image: string, group: number): string {
  const [n, c, h, w] = g.dims(image);
  const turned = g.transpose(g.reshape(image, [n * group, c / group, h, w]), [0, 2, 3, 1]);
  return g.reshape(turned, [1, n * group, h, w, c / group]);
}

/**
 * dW[o,c,i,j] = Σ_{n,y,x} dY[n,o,y,x] · X[n,c,s·y+d·i−p,s·x+d·j−p] as a convolution of X with dY as its kernel: stride
 * and dilation change places, and the channels of X are a third spatial axis of kernel size 1.
 */
function byConv3d(g: GraphBuilder, { image, slope, window, group }: Pair): string {
  const [n, ci, h, w] = g.dims(image);
  const [, co, ho, wo] = g.dims(slope);
  const [kh, kw] = window.kernel;
  const ends = farEnds(window, [h, w], [ho, wo]);
  const seen = g.slice(g.slice(image, 2, 0, h + Math.min(0, ends[0])), 3, 0, w + Math.min(0, ends[1]));
  const taps = g.op('Conv', [channelsLast(g, seen, group), g.reshape(slope, [n * co, 1, ho, wo, 1])], {
    group: n * group,
    kernel_shape: [ho, wo, 1],
    pads: [...window.padBegin, 0, ...ends.map((end) => Math.max(0, end)), 0],
    strides: [...window.dilations, 1],
    dilations: [...window.strides, 1],
  });
  const perSample = g.reshape(taps, [n, co, kh, kw, ci / group]);
  return g.transpose(g.sum(perSample, [0], false), [0, 3, 1, 2]);
}

/** Padding at the far ends with which the slope as a kernel gives just the taps; negative where pixels must be left out. */
function farEnds(window: Window, image: readonly number[], out: readonly number[]): number[] {
  return image.map((size, axis) => {
    const read = window.dilations[axis] * (window.kernel[axis] - 1) + window.strides[axis] * (out[axis] - 1) + 1;
    return read - size - window.padBegin[axis];
  });
}

/** With fewer output than input channels it is cheaper to slide dY over X; needs stride and dilation 1. */
function canSwap(g: GraphBuilder, { image, slope, window }: Pair): boolean {
  const ones = [...window.strides, ...window.dilations].every((size) => size === 1);
  const narrow = [...window.padBegin, ...window.padEnd].every((pad, i) => pad <= window.kernel[i % 2] - 1);
  return ones && narrow && g.dims(slope)[1] < g.dims(image)[1];
}

function bySwappedConv(g: GraphBuilder, { image, slope, window, group }: Pair): string {
  const [n, ci, h, w] = g.dims(image);
  const co = g.dims(slope)[1];
  const [kh, kw] = window.kernel;
  const pads = (side: readonly number[]) => [kh - 1 - side[0], kw - 1 - side[1], 0];
  const taps = g.op('Conv', [channelsLast(g, slope, group), g.reshape(image, [n * ci, 1, h, w, 1])], {
    group: n * group,
    kernel_shape: [h, w, 1],
    pads: [...pads(window.padBegin), ...pads(window.padEnd)],
  });
  const summed = g.sum(g.reshape(taps, [n, group, ci / group, kh * kw, co / group]), [0], false);
  const turned = g.op('Gather', [summed, g.ints(reversed(kh * kw))], { axis: 2 });
  return g.reshape(g.transpose(turned, [0, 3, 1, 2]), [co, ci / group, kh, kw]);
}

/** One matrix product per kernel tap: dY [N·g, Co/g, P] times the shifted X, turned [N·g, P, Ci/g]. */
function byMatMul(g: GraphBuilder, pair: Pair): string {
  const [n, ci] = g.dims(pair.image);
  const [, co, ho, wo] = g.dims(pair.slope);
  const { group } = pair;
  const left = g.reshape(pair.slope, [n * group, co / group, ho * wo]);
  return perTap(g, pair, (shifted) => {
    const right = g.transpose(g.reshape(shifted, [n * group, ci / group, ho * wo]), [0, 2, 1]);
    return g.sum(g.reshape(g.op('MatMul', [left, right]), [n, co, ci / group]), [0], false);
  });
}

/** Depthwise: in the blocked layout one convolution (six times as fast as tap by tap), elsewhere tap by tap. */
function depthwise(g: GraphBuilder, pair: Pair, { blocked }: Lowering): string {
  const channels = g.dims(pair.image)[1];
  const whole = blocked !== undefined && channels % blocked === 0 && g.dims(pair.slope)[1] === channels;
  return whole ? byPlanes(g, pair) : byProducts(g, pair);
}

/** Every plane of every sample is convolved with the slope of the same plane as its kernel. */
function byPlanes(g: GraphBuilder, { image, slope, window }: Pair): string {
  const [n, c, h, w] = g.dims(image);
  const [, , ho, wo] = g.dims(slope);
  const [kh, kw] = window.kernel;
  const ends = farEnds(window, [h, w], [ho, wo]);
  const seen = g.slice(g.slice(image, 2, 0, h + Math.min(0, ends[0])), 3, 0, w + Math.min(0, ends[1]));
  const planes = g.reshape(seen, [1, n * c, ...g.dims(seen).slice(2)]);
  const taps = g.op('Conv', [planes, g.reshape(slope, [n * c, 1, ho, wo])], {
    group: n * c,
    kernel_shape: [ho, wo],
    pads: [...window.padBegin, ...ends.map((end) => Math.max(0, end))],
    strides: window.dilations,
    dilations: window.strides,
  });
  return g.reshape(g.sum(g.reshape(taps, [n, c, kh * kw]), [0], false), [c, 1, kh, kw]);
}

/** Depthwise: each kernel tap is one sum of dY · shifted X; the runtime's 3-D Conv is 50 times slower here. */
function byProducts(g: GraphBuilder, pair: Pair): string {
  const [n, ci] = g.dims(pair.image);
  const [, co, ho, wo] = g.dims(pair.slope);
  const left = g.reshape(pair.slope, [n, ci, co / ci, ho, wo]);
  return perTap(g, pair, (shifted) => {
    const right = g.reshape(shifted, [n, ci, 1, ho, wo]);
    return g.sum(g.mul(left, right), [0, 3, 4], false);
  });
}

/** Kernel taps one by one: `tap` gets the pixels that the tap saw [N,Ci,Ho,Wo] and gives its weights [Co, Ci/g]. */
function perTap(g: GraphBuilder, pair: Pair, tap: (shifted: string) => string): string {
  const { image, slope, window, group } = pair;
  const [, ci, h, w] = g.dims(image);
  const [, co, ho, wo] = g.dims(slope);
  const [kh, kw] = window.kernel;
  const room = [h, w].map((size, axis) => {
    const read = reach(window, axis) + window.strides[axis] * ([ho, wo][axis] - 1);
    return Math.max(0, read - size - window.padBegin[axis]);
  });
  const amounts = [0, 0, ...window.padBegin, 0, 0, ...room];
  const padded = amounts.every((amount) => amount === 0) ? image : g.op('Pad', [image, g.ints(amounts)]);
  const taps = Array.from({ length: kh * kw }, (_, at) => {
    const start = [Math.floor(at / kw) * window.dilations[0], (at % kw) * window.dilations[1]];
    const shifted = strided(g, padded, { start, count: [ho, wo], step: window.strides });
    return g.reshape(tap(shifted), [co, ci / group, 1]);
  });
  return g.reshape(g.concat(taps, 2), [co, ci / group, kh, kw]);
}

interface Cut {
  readonly start: readonly number[];
  readonly count: readonly number[];
  readonly step: readonly number[];
}

function strided(g: GraphBuilder, image: string, { start, count, step }: Cut): string {
  const ends = start.map((from, axis) => from + (count[axis] - 1) * step[axis] + 1);
  const [, , h, w] = g.dims(image);
  if (start[0] === 0 && start[1] === 0 && ends[0] === h && ends[1] === w && step[0] === 1 && step[1] === 1)
    return image;
  return g.op('Slice', [image, g.ints(start), g.ints(ends), g.ints([2, 3]), g.ints(step)]);
}

export const CONV_RULES = { Conv: conv, ConvTranspose: convTranspose } satisfies Record<string, Rule>;
