/** Upgrades of operators that work along axes or only move values about. */
import { floatOf, intOf, intsOf } from './attributes.ts';
import { axisOf, sizeOf } from './tensor.ts';
import { asItIs, finish, type Upgrade, withAttributes } from './upgrade-rule.ts';

/** Axes were an attribute before they became an input. */
const axesToInput: Upgrade = (g, node) => {
  const axes = intsOf(node.attributes, 'axes');
  asItIs(g, axes === undefined ? node : withAttributes(node, ['axes'], [node.inputs[0], g.ints(axes)]));
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

export const AXES_UPGRADES: Readonly<Record<string, Upgrade>> = {
  Flatten: flatten,
  LogSoftmax: softmax,
  Pad: pad,
  ReduceMax: axesToInput,
  ReduceMean: axesToInput,
  ReduceMin: axesToInput,
  ReduceProd: axesToInput,
  ReduceSum: axesToInput,
  Slice: slice,
  Softmax: softmax,
  Split: split,
  Squeeze: axesToInput,
  Unsqueeze: axesToInput,
};
