/**
 * Upgrades of convolution and pooling. Sizes rounded up (`ceil_mode`) become padding, because readers of ONNX disagree on
 * them; one spatial axis becomes two.
 */
import { intOf, intsOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import type { Attributes, Node } from './graph.ts';
import { windowShares } from './pool-shares.ts';
import { asItIs, finish, type Upgrade, withAttributes } from './upgrade-rule.ts';
import { reach, slideDims, type Window, windowOf } from './window.ts';

/** Smaller than any pixel. */
const LOWEST = -3.4028234663852886e38;

interface Pooling {
  readonly window: Window;
  readonly image: readonly number[];
  readonly output: readonly number[];
}

function poolingOf(g: GraphBuilder, node: Node): Pooling {
  const image = g.dims(node.inputs[0]).slice(2);
  const window = windowOf(node.attributes, image);
  return { window, image, output: slideDims(window, image, intOf(node.attributes, 'ceil_mode', 0) === 1) };
}

/** Padding after the end with which sizes rounded down are the wanted ones. */
function endPads({ window, image, output }: Pooling): number[] {
  return image.map((size, axis) => {
    const used = window.strides[axis] * (output[axis] - 1) + reach(window, axis) - size - window.padBegin[axis];
    return Math.max(used, window.padEnd[axis]);
  });
}

interface Padding {
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly value: number;
}

function padded(g: GraphBuilder, image: string, { begins, ends, value }: Padding): string {
  return g.op('Pad', [image, g.ints([0, 0, ...begins, 0, 0, ...ends]), g.scalar(value)]);
}

const maxPool: Upgrade = (g, node) => {
  const plain = withAttributes(node, ['ceil_mode', 'storage_order'], node.inputs);
  if (intOf(node.attributes, 'ceil_mode', 0) === 0) return asItIs(g, plain);
  const pooling = poolingOf(g, node);
  const { window } = pooling;
  const ends = endPads(pooling);
  const attributes = { kernel_shape: window.kernel, strides: window.strides, dilations: window.dilations };
  const inside = ends.every((end, axis) => end < window.kernel[axis]);
  const image = inside ? node.inputs[0] : padded(g, node.inputs[0], { begins: window.padBegin, ends, value: LOWEST });
  const pads = inside ? { pads: [...window.padBegin, ...ends] } : {};
  finish(g, node, { op: 'MaxPool', inputs: [image], attributes: { ...attributes, ...pads } });
};

/** Pixels beyond the padding never count, so padding that counts is written as pixels. */
const averagePool: Upgrade = (g, node) => {
  const dilated = (intsOf(node.attributes, 'dilations') ?? []).some((dilation) => dilation !== 1);
  if (dilated) return dilatedAverage(g, node);
  const plain = withAttributes(node, ['ceil_mode', 'dilations'], node.inputs);
  if (intOf(node.attributes, 'ceil_mode', 0) === 0) return asItIs(g, plain);
  const pooling = poolingOf(g, node);
  const { window } = pooling;
  const counted = intOf(node.attributes, 'count_include_pad', 0) === 1;
  const image = counted
    ? padded(g, node.inputs[0], { begins: window.padBegin, ends: window.padEnd, value: 0 })
    : node.inputs[0];
  const added = (pads: readonly number[]) => (counted ? pads.map(() => 0) : pads);
  const ends = endPads(pooling).map((end, axis) => end - (counted ? window.padEnd[axis] : 0));
  const attributes = {
    kernel_shape: window.kernel,
    strides: window.strides,
    pads: [...added(window.padBegin), ...ends],
  };
  finish(g, node, { op: 'AveragePool', inputs: [image], attributes });
};

/** Sums by a depthwise convolution with ones, each divided by how many pixels it holds. */
function dilatedAverage(g: GraphBuilder, node: Node): void {
  const pooling = poolingOf(g, node);
  const { window, image, output } = pooling;
  const padding = intOf(node.attributes, 'count_include_pad', 0) === 1;
  const shares = windowShares(g, window, { image, output, padding });
  const sums = windowSums(g, node.inputs[0], pooling);
  finish(g, node, { op: 'Mul', inputs: [sums, shares] });
}

function windowSums(g: GraphBuilder, image: string, pooling: Pooling): string {
  const { kernel, strides, dilations, padBegin } = pooling.window;
  const channels = g.dims(image)[1];
  return g.op('Conv', [image, g.filled([channels, 1, ...kernel], 1)], {
    group: channels,
    kernel_shape: kernel,
    strides,
    dilations,
    pads: [...padBegin, ...endPads(pooling)],
  });
}

/** (Σ |x|^p)^(1/p) over each window. */
const lpPool: Upgrade = (g, node) => {
  const power = intOf(node.attributes, 'p', 2);
  const sums = windowSums(g, absolutePower(g, node.inputs[0], power), poolingOf(g, node));
  finish(g, node, { op: 'Pow', inputs: [sums, g.scalar(1 / power)] });
};

const globalLpPool: Upgrade = (g, node) => {
  const power = intOf(node.attributes, 'p', 2);
  const axes = g.dims(node.inputs[0]).flatMap((_, axis) => (axis < 2 ? [] : [axis]));
  const sums = g.sum(absolutePower(g, node.inputs[0], power), axes);
  finish(g, node, { op: 'Pow', inputs: [sums, g.scalar(1 / power)] });
};

function absolutePower(g: GraphBuilder, value: string, power: number): string {
  if (power === 2) return g.mul(value, value);
  const absolute = g.op('Abs', [value]);
  return power === 1 ? absolute : g.op('Pow', [absolute, g.scalar(power)]);
}

/** Lists of one number per axis; those of begins and ends have two. */
const LISTS = ['dilations', 'kernel_shape', 'output_padding', 'output_shape', 'pads', 'strides'];
const IDLE: Readonly<Record<string, number>> = { output_padding: 0, pads: 0 };

/** A second axis of one pixel that the window does not move along. */
function onTwoAxes(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes).map(([name, attribute]) => {
    if (attribute.kind !== 'ints' || !LISTS.includes(name)) return [name, attribute] as const;
    const still = IDLE[name] ?? 1;
    const value = attribute.value.flatMap((along) => [along, still]);
    return [name, { kind: 'ints', value } as const] as const;
  });
  return Object.fromEntries(entries);
}

/** [N, C, L] is worked on as [N, C, L, 1]. */
function lifted(op: 'Conv' | 'ConvTranspose'): Upgrade {
  return (g, node) => {
    const [image, weights, ...bias] = node.inputs;
    if (g.dims(image).length !== 3 || g.dims(weights).length !== 3) return asItIs(g, node);
    const inputs = [image, weights].map((name) => g.reshape(name, [...g.dims(name), 1]));
    const wide = `${node.outputs[0]}/wide`;
    g.append({
      ...node,
      op,
      inputs: [...inputs, ...bias].filter((name) => name !== ''),
      outputs: [wide],
      attributes: onTwoAxes(node.attributes),
    });
    finish(g, { ...node, name: wide }, { op: 'Reshape', inputs: [wide, g.ints(g.dims(wide).slice(0, 3))] });
  };
}

export const WINDOW_UPGRADES: Readonly<Record<string, Upgrade>> = {
  AveragePool: averagePool,
  Conv: lifted('Conv'),
  ConvTranspose: lifted('ConvTranspose'),
  GlobalLpPool: globalLpPool,
  LpPool: lpPool,
  MaxPool: maxPool,
};
