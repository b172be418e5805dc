/**
 * Convolutions on blocked pictures. Each waits until its result is asked for, so that what follows it can be done while the
 * result is still in the processor: a sum, a ReLU, a mean of four. A picture that is joined of several is never joined;
 * each part is convolved with its share of the weights, onto the sum of the others. A doubled picture is never doubled.
 */
import { intOf } from './attributes.ts';
import { BLOCKED_DOMAIN, type BlockedDraft } from './blocked-draft.ts';
import type { BlockedValues } from './blocked-values.ts';
import { blockKernel, type Kernel, kernelOf, mapTaps, shareOf } from './blocked-weights.ts';
import type { Node } from './graph.ts';
import { sameDims } from './tensor.ts';
import { type Window, windowOf } from './window.ts';

export interface WaitingConvolution {
  readonly node: Node;
  /** Output channels wanted: start…end−1. */
  readonly channels: readonly [number, number];
  /** A value of the result's shape that is added. */
  readonly sum: string | null;
  readonly relu: boolean;
  /** Where only the means of two by two pixels are wanted: what they are multiplied by. */
  readonly halved?: number;
}

/** Takes a Conv into the blocked layout where its channels allow it. */
export function convolve(values: BlockedValues, node: Node): boolean {
  if (!canBlock(values, node)) return false;
  const channels = values.draft.dims(node.outputs[0])[1];
  values.wait(node.outputs[0], { node, channels: [0, channels], sum: null, relu: false });
  return true;
}

function canBlock({ draft, block }: BlockedValues, node: Node): boolean {
  const image = draft.dims(node.inputs[0]);
  const out = draft.dims(node.outputs[0]);
  if (image.length !== 4 || out[1] % block !== 0) return false;
  const group = intOf(node.attributes, 'group', 1);
  if (group === 1) return image[1] % block === 0 || image[1] < block;
  const depthwise = image[1] === group && out[1] === group;
  const whole = (image[1] / group) % block === 0 && (out[1] / group) % block === 0;
  return image[1] % block === 0 && (depthwise || whole);
}

/** Means of two by two pixels of a convolution are one convolution in steps of two, with half the products. */
export function poolConvolution(values: BlockedValues, node: Node, pool: Window): boolean {
  const { draft } = values;
  const waiting = values.waitingAt(node.inputs[0]);
  if (waiting === undefined || !draft.usedOnce(node.inputs[0])) return false;
  const bare = waiting.sum === null && !waiting.relu && waiting.halved === undefined && !waiting.node.inputs[2];
  const even = draft
    .dims(node.inputs[0])
    .slice(2)
    .every((size) => size % 2 === 0);
  const byTwo = [...pool.kernel, ...pool.strides].every((size) => size === 2);
  const unpadded = [...pool.padBegin, ...pool.padEnd].every((pad) => pad === 0);
  if (!bare || !even || !byTwo || !unpadded || !isPlain3x3(draft, waiting.node)) return false;
  values.wait(node.outputs[0], { ...waiting, halved: 1 });
  return true;
}

function isPlain3x3(draft: BlockedDraft, node: Node): boolean {
  const window = windowOf(node.attributes, draft.dims(node.inputs[0]).slice(2), draft.dims(node.inputs[1]).slice(2));
  const ones = [...window.strides, ...window.dilations, ...window.padBegin, ...window.padEnd];
  return (
    intOf(node.attributes, 'group', 1) === 1 &&
    window.kernel.every((size) => size === 3) &&
    ones.every((size) => size === 1)
  );
}

/** Writes the convolution; gives the name of its blocked result. */
export function emitConvolution(values: BlockedValues, waiting: WaitingConvolution): string {
  const { draft } = values;
  const { node, channels } = waiting;
  const [image, weights] = node.inputs;
  const group = intOf(node.attributes, 'group', 1);
  const kernel = kernelOf(draft, weights, group);
  const wanted = group === 1 ? shareOf(draft, kernel, 0, channels) : kernel;
  const half = values.halfOf(image);
  if (half !== undefined && waiting.sum === null && waiting.halved === undefined && isPlain3x3(draft, node)) {
    return emitDoubled(values, waiting, { half, kernel: wanted });
  }
  const parts = group === 1 && values.isBlocked(image) ? values.partsOf(image) : [image];
  const windows = waiting.halved === undefined ? windowAttributes(draft, node) : HALVING;
  let sum = waiting.sum === null ? '' : values.blocked(waiting.sum);
  let from = 0;
  parts.forEach((part, i) => {
    const last = i === parts.length - 1;
    const width = draft.dims(part)[1];
    const share = group === 1 ? shareOf(draft, wanted, 1, [from, from + width]) : wanted;
    const inputs = {
      image: width < values.block ? values.plain(part) : values.blocked(part),
      kernel:
        waiting.halved === undefined
          ? share
          : mapTaps(draft, share, { to: 4, reads: halving, factor: waiting.halved / 4 }),
      bias: last ? biasOf(draft, waiting) : '',
      sum,
    };
    from += width;
    sum = emitOne(values, inputs, { ...windows, group, ...(last && waiting.relu ? { activation: 'Relu' } : {}) });
  });
  return sum;
}

/** Tap u of four reads taps u and u − 1 of three. */
const halving = (u: number) => [u - 1, u];
const HALVING = { kernel_shape: [4, 4], strides: [2, 2], dilations: [1, 1], pads: [1, 1, 1, 1] } as const;

function biasOf(draft: BlockedDraft, { node, channels }: WaitingConvolution): string {
  return node.inputs[2] ? draft.slice(node.inputs[2], 0, channels) : '';
}

interface Inputs {
  readonly image: string;
  readonly kernel: Kernel;
  readonly bias: string;
  readonly sum: string;
}

type Attributes = Readonly<Record<string, number | string | readonly number[]>>;

function emitOne(values: BlockedValues, { image, kernel, bias, sum }: Inputs, attributes: Attributes): string {
  const { draft, block } = values;
  const weights = planesOf(values, kernel.value) ?? blockKernel(draft, kernel, block);
  const inputs = [image, weights, ...(bias || sum ? [bias] : []), ...(sum ? [sum] : [])];
  const [n, , ...size] = draft.dims(image);
  const pads = attributes.pads as readonly number[];
  const strides = attributes.strides as readonly number[];
  const dilations = attributes.dilations as readonly number[];
  const out = size.map((edge, axis) => {
    const reach = dilations[axis] * (draft.dims(weights)[2 + axis] - 1) + 1;
    return Math.floor((edge + pads[axis] + pads[axis + 2] - reach) / strides[axis]) + 1;
  });
  const dims = [n, draft.dims(weights)[0], ...out];
  return draft.add({ op: 'Conv', domain: BLOCKED_DOMAIN, inputs, dims, attributes });
}

/** Weights that are the planes of a blocked picture, one for each channel, are blocked already. */
function planesOf(values: BlockedValues, weights: string): string | null {
  const { draft } = values;
  const view = draft.makers.get(weights);
  const picture = view?.op === 'Reshape' ? view.inputs[0] : '';
  const [n, c, h, w] = draft.dims(picture);
  if (!values.isBlocked(picture) || !sameDims(draft.dims(weights), [n * c, 1, h, w])) return null;
  return draft.reshape(values.blocked(picture), [n * c, 1, h, w]);
}

/**
 * A 3×3 convolution of a doubled picture: each of the four pixels that a small pixel becomes sees two by two small pixels,
 * by sums of the nine weights. The four results are woven together.
 */
function emitDoubled(
  values: BlockedValues,
  waiting: WaitingConvolution,
  { half, kernel }: { half: string; kernel: Kernel },
): string {
  const { draft, block } = values;
  const bias = biasOf(draft, waiting);
  const phase = (down: 0 | 1, across: 0 | 1) => {
    const pads = [1 - down, 1 - across, down, across];
    const reads = (to: number, axis: 0 | 1) => MEETING[axis === 0 ? down : across][to];
    const attributes = { kernel_shape: [2, 2], strides: [1, 1], dilations: [1, 1], pads, group: 1 };
    const activation = waiting.relu ? { activation: 'Relu' } : {};
    const inputs = {
      image: values.blocked(half),
      kernel: mapTaps(draft, kernel, { to: 2, reads, factor: 1 }),
      bias,
      sum: '',
    };
    return emitOne(values, inputs, { ...attributes, ...activation });
  };
  const [n, , h, w] = draft.dims(half);
  const width = waiting.channels[1] - waiting.channels[0];
  const rows = (n * width * h) / block;
  const row = (down: 0 | 1) => {
    const pixels = [phase(down, 0), phase(down, 1)].map((value) => draft.reshape(value, [rows * w, block]));
    const dims = [rows * w, 2 * block];
    return draft.reshape(draft.add({ op: 'Concat', inputs: pixels, dims, attributes: { axis: 1 } }), [
      rows,
      w * 2 * block,
    ]);
  };
  const dims = [rows, w * 4 * block];
  const woven = draft.add({ op: 'Concat', inputs: [row(0), row(1)], dims, attributes: { axis: 1 } });
  return draft.reshape(woven, [n, width, 2 * h, 2 * w]);
}

/** Of three weights in a row, those that meet in each of the two small pixels that a phase looks at. */
const MEETING: readonly (readonly (readonly number[])[])[] = [
  [[0], [1, 2]],
  [[0, 1], [2]],
];

function windowAttributes(draft: BlockedDraft, node: Node) {
  const window = windowOf(node.attributes, draft.dims(node.inputs[0]).slice(2), draft.dims(node.inputs[1]).slice(2));
  return {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.padBegin, ...window.padEnd],
  };
}
