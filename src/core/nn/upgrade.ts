/**
 * Brings nodes of opsets 7…22 to the one opset we build with, and spells operators we have no row for in ones we have.
 * A rule appends nodes that make the old node's first output; an operator without a rule is appended as it is.
 */
import { HistoloopError } from '../errors.ts';
import { floatOf, intOf, intsOf, stringOf } from './attributes.ts';
import type { GraphBuilder, PlainAttributes } from './builder.ts';
import { attributesOf } from './builder.ts';
import type { Attributes, Node } from './graph.ts';
import { axisOf, sizeOf } from './tensor.ts';
import { isOp, nodeLabel, OPS, type Op, type OpRow } from './verify.ts';

export const OLDEST_OPSET = 7;

type Upgrade = (g: GraphBuilder, node: Node, opset: number) => void;

/** Attributes that change nothing at the values they have by default, and so may be dropped. */
const IDLE: Readonly<Record<string, number>> = {
  antialias: 0,
  is_test: 1,
  keep_aspect_ratio_policy: 0,
  saturate: 1,
  spatial: 1,
  training_mode: 0,
};

/** Appends the node with the attributes that its row knows. */
function asItIs(g: GraphBuilder, node: Node): void {
  if (!isOp(node.op)) {
    g.append(node);
    return;
  }
  const row: OpRow = OPS[node.op];
  const kept = Object.entries(node.attributes).filter(([name, attribute]) => {
    if (Object.hasOwn(row.attributes, name)) return true;
    const idle = Object.hasOwn(IDLE, name) && attribute.kind === 'int' && attribute.value === IDLE[name];
    return !idle && name !== 'consumed_inputs';
  });
  const inputs = [...node.inputs];
  while (inputs.length > row.inputs[0] && inputs.at(-1) === '') inputs.pop();
  const outputs = node.outputs.filter((name, i) => i < row.outputs[1] || (name !== '' && i > row.outputs[1]));
  g.append({ ...node, inputs, outputs: outputs.slice(0, row.outputs[1]), attributes: Object.fromEntries(kept) });
}

interface Rewrite<K extends Op> {
  readonly op: K;
  readonly inputs: readonly string[];
  readonly attributes?: PlainAttributes<K>;
}

/** Appends the node that finally makes the old node's output. */
function finish<K extends Op>(g: GraphBuilder, node: Node, { op, inputs, attributes = {} }: Rewrite<K>): void {
  const made = attributesOf(op, attributes as PlainAttributes<K>);
  g.append({ name: node.name, op, domain: '', inputs, outputs: [node.outputs[0]], attributes: made });
}

function withAttributes(node: Node, drop: readonly string[], inputs: readonly string[]): Node {
  const attributes: Attributes = Object.fromEntries(
    Object.entries(node.attributes).filter(([name]) => !drop.includes(name)),
  );
  return { ...node, inputs, attributes };
}

/** Axes were an attribute before they became an input. */
const axesToInput: Upgrade = (g, node) => {
  const axes = intsOf(node.attributes, 'axes');
  asItIs(g, axes === undefined ? node : withAttributes(node, ['axes'], [node.inputs[0], g.ints(axes)]));
};

const clip: Upgrade = (g, node, opset) => {
  if (opset >= 11) return asItIs(g, node);
  const limit = (name: string) =>
    Object.hasOwn(node.attributes, name) ? g.scalar(floatOf(node.attributes, name, 0)) : '';
  asItIs(g, withAttributes(node, ['min', 'max'], [node.inputs[0], limit('min'), limit('max')]));
};

const flatten: Upgrade = (g, node) => {
  const dims = g.dims(node.inputs[0]);
  const axis = intOf(node.attributes, 'axis', 1);
  const from = axis < 0 ? axis + dims.length : axis;
  const shape = g.ints([sizeOf(dims.slice(0, from)), sizeOf(dims.slice(from))]);
  finish(g, node, { op: 'Reshape', inputs: [node.inputs[0], shape] });
};

/** Before opset 13 softmax ran over everything from its axis on. */
const softmax: Upgrade = (g, node, opset) => {
  const op = node.op as 'Softmax' | 'LogSoftmax';
  const dims = g.dims(node.inputs[0]);
  const axis = axisOf(intOf(node.attributes, 'axis', opset < 13 ? 1 : -1), dims.length);
  if (opset >= 13 || axis === dims.length - 1)
    return finish(g, node, { op, inputs: [node.inputs[0]], attributes: { axis } });
  const flat = g.reshape(node.inputs[0], [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))]);
  finish(g, node, { op: 'Reshape', inputs: [g.op(op, [flat], { axis: 1 }), g.ints(dims)] });
};

const split: Upgrade = (g, node) => {
  const sizes = intsOf(node.attributes, 'split');
  if (sizes !== undefined) return asItIs(g, withAttributes(node, ['split'], [node.inputs[0], g.ints(sizes)]));
  if (node.inputs.length > 1) return asItIs(g, withAttributes(node, ['num_outputs'], node.inputs));
  asItIs(g, { ...node, attributes: { ...node.attributes, num_outputs: { kind: 'int', value: node.outputs.length } } });
};

const slice: Upgrade = (g, node) => {
  const starts = intsOf(node.attributes, 'starts');
  if (starts === undefined) return asItIs(g, node);
  const axes = intsOf(node.attributes, 'axes') ?? starts.map((_, axis) => axis);
  const limits = [starts, intsOf(node.attributes, 'ends') ?? [], axes].map((values) => g.ints(values));
  asItIs(g, withAttributes(node, ['starts', 'ends', 'axes'], [node.inputs[0], ...limits]));
};

const pad: Upgrade = (g, node) => {
  const pads = intsOf(node.attributes, 'pads');
  if (pads === undefined) return asItIs(g, node);
  const value = g.scalar(floatOf(node.attributes, 'value', 0));
  asItIs(g, withAttributes(node, ['pads', 'value'], [node.inputs[0], g.ints(pads), value]));
};

const upsample: Upgrade = (g, node) => {
  const attribute = node.attributes.scales;
  const scales = attribute?.kind === 'floats' ? g.floats([attribute.value.length], attribute.value) : node.inputs[1];
  const mode = stringOf(node.attributes, 'mode', 'nearest');
  const attributes = { mode, coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  finish(g, node, { op: 'Resize', inputs: [node.inputs[0], '', scales], attributes });
};

const resize: Upgrade = (g, node, opset) => (opset < 11 ? upsample(g, node, opset) : asItIs(g, node));

/** Operators of any number of inputs, two at a time. */
function chain(op: 'Add' | 'Max' | 'Min'): Upgrade {
  return (g, node) => {
    const last = node.inputs.at(-1)!;
    if (node.inputs.length < 2) return finish(g, node, { op: 'Identity', inputs: [last] });
    const before = node.inputs.slice(0, -1).reduce((a, b) => g.op(op, [a, b]));
    finish(g, node, { op, inputs: [before, last] });
  };
}

/** [N, C·b², H, W] → [N, C, H·b, W·b]. */
const depthToSpace: Upgrade = (g, node) => {
  const [n, c, h, w] = g.dims(node.inputs[0]);
  const block = intOf(node.attributes, 'blocksize', 1);
  const inner = c / block ** 2;
  const byColumn = stringOf(node.attributes, 'mode', 'DCR') === 'CRD';
  const cut = byColumn ? [n, inner, block, block, h, w] : [n, block, block, inner, h, w];
  const turned = g.transpose(g.reshape(node.inputs[0], cut), byColumn ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
  finish(g, node, { op: 'Reshape', inputs: [turned, g.ints([n, inner, h * block, w * block])] });
};

/** [N, C, H·b, W·b] → [N, C·b², H, W]. */
const spaceToDepth: Upgrade = (g, node) => {
  const [n, c, h, w] = g.dims(node.inputs[0]);
  const block = intOf(node.attributes, 'blocksize', 1);
  const cut = g.reshape(node.inputs[0], [n, c, h / block, block, w / block, block]);
  const turned = g.transpose(cut, [0, 3, 5, 1, 2, 4]);
  finish(g, node, { op: 'Reshape', inputs: [turned, g.ints([n, c * block ** 2, h / block, w / block])] });
};

const layerNormalization: Upgrade = (g, node) => {
  const [x, scale, bias] = node.inputs;
  const rank = g.dims(x).length;
  const axis = axisOf(intOf(node.attributes, 'axis', -1), rank);
  const axes = Array.from({ length: rank - axis }, (_, i) => axis + i);
  const centred = g.sub(x, g.mean(x, axes));
  const variance = g.add(g.mean(g.mul(centred, centred), axes), g.scalar(floatOf(node.attributes, 'epsilon', 1e-5)));
  const scaled = g.mul(g.div(centred, g.op('Sqrt', [variance])), scale);
  if (bias) finish(g, node, { op: 'Add', inputs: [scaled, bias] });
  else finish(g, node, { op: 'Identity', inputs: [scaled] });
};

const gelu: Upgrade = (g, node) => {
  const [x] = node.inputs;
  if (stringOf(node.attributes, 'approximate', 'none') !== 'none') return asItIs(g, node);
  const phi = g.scale(g.add(g.op('Erf', [g.scale(x, Math.SQRT1_2)]), g.scalar(1)), 0.5);
  finish(g, node, { op: 'Mul', inputs: [x, phi] });
};

const UPGRADES: Readonly<Record<string, Upgrade>> = {
  Clip: clip,
  DepthToSpace: depthToSpace,
  Dropout: (g, node) => finish(g, node, { op: 'Identity', inputs: [node.inputs[0]] }),
  Flatten: flatten,
  Gelu: gelu,
  HardSwish: (g, node) => {
    const gate = g.op('HardSigmoid', [node.inputs[0]], { alpha: 1 / 6, beta: 0.5 });
    finish(g, node, { op: 'Mul', inputs: [node.inputs[0], gate] });
  },
  LayerNormalization: layerNormalization,
  LogSoftmax: softmax,
  Max: chain('Max'),
  Min: chain('Min'),
  Pad: pad,
  Reciprocal: (g, node) => finish(g, node, { op: 'Div', inputs: [g.scalar(1), node.inputs[0]] }),
  ReduceMax: axesToInput,
  ReduceMean: axesToInput,
  ReduceMin: axesToInput,
  ReduceProd: axesToInput,
  ReduceSum: axesToInput,
  Resize: resize,
  Slice: slice,
  Softmax: softmax,
  SpaceToDepth: spaceToDepth,
  Split: split,
  Squeeze: axesToInput,
  Sum: chain('Add'),
  Unsqueeze: axesToInput,
  Upsample: upsample,
};

/** Appends what the node means. Errors: `model-unusable`, naming the node. */
export function appendUpgraded(g: GraphBuilder, node: Node, opset: number): void {
  if (opset < OLDEST_OPSET) {
    throw new HistoloopError(
      'model-unusable',
      `the model is written in opset ${opset}; export it with opset 13 or newer`,
    );
  }
  if (node.domain === '' && Object.hasOwn(UPGRADES, node.op)) UPGRADES[node.op](g, node, opset);
  else if (node.domain === '' && !isOp(node.op)) {
    throw new HistoloopError(
      'model-unusable',
      `${nodeLabel(node)} cannot be trained through; export the network without it`,
    );
  } else asItIs(g, node);
}
