/** Upgrades of operators that work along axes or only move values about. */
import { floatOf, intOf, intsOf, stringOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { questionOf } from './grad-rule.ts';
import type { Node } from './graph.ts';
import { codeOfType, typeOfCode } from './onnx-tensor.ts';
import { padAmounts } from './shape-axes.ts';
import { constantNumbers, refuse } from './shape-question.ts';
import { axisOf, numbersOf, sizeOf, tensorOf } from './tensor.ts';
import { INDEX_UPGRADES } from './upgrade-index.ts';
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
  if (stringOf(node.attributes, 'mode', 'constant') === 'wrap') return wrap(g, node);
  const pads = intsOf(node.attributes, 'pads');
  if (pads === undefined) return asItIs(g, node);
  const value = g.scalar(floatOf(node.attributes, 'value', 0));
  asItIs(g, withAttributes(node, ['pads', 'value'], [node.inputs[0], g.ints(pads), value]));
};

/** Borders from the far side (opset 19): what they repeat, joined on. */
const wrap = (g: GraphBuilder, node: Node) => {
  const { before, after } = padAmounts(questionOf({ g, node }));
  const whole = before.map((amount, axis) => {
    const size = g.dims(node.inputs[0])[axis] + Math.min(0, amount) + Math.min(0, after[axis]);
    return { size, before: Math.max(0, amount), after: Math.max(0, after[axis]), cut: Math.max(0, -amount) };
  });
  let value = node.inputs[0];
  whole.forEach(({ size, before: ahead, after: behind, cut }, axis) => {
    if (Math.max(ahead, behind) > size) {
      throw refuse(`a border of ${Math.max(ahead, behind)} repeats an axis of ${size} more than once`);
    }
    const core = g.slice(value, axis, cut, cut + size);
    const parts = [
      ...(ahead > 0 ? [g.slice(core, axis, size - ahead, size)] : []),
      core,
      ...(behind > 0 ? [g.slice(core, axis, 0, behind)] : []),
    ];
    value = g.concat(parts, axis);
  });
  finish(g, node, { op: 'Identity', inputs: [value] });
};

/** A reduction of values that are first changed one by one, and perhaps once more afterwards. */
function reduction(before: (g: GraphBuilder, x: string) => string, after?: 'Log'): Upgrade {
  return (g, node, opset) => {
    const changed = { ...node, op: 'ReduceSum', inputs: [before(g, node.inputs[0]), ...node.inputs.slice(1)] };
    if (after === undefined) return axesToInput(g, changed, opset);
    const sum = `${node.outputs[0]}/sum`;
    axesToInput(g, { ...changed, outputs: [sum] }, opset);
    finish(g, node, { op: after, inputs: [sum] });
  };
}

/** The triangle as a choice, not a product: what is masked away may be infinite. */
const trilu: Upgrade = (g, node) => {
  const [x, offset = ''] = node.inputs;
  const [rows, columns] = g.dims(x).slice(-2);
  const k = offset === '' ? 0 : (constantNumbers(questionOf({ g, node }), 1)?.[0] ?? 0);
  const upper = intOf(node.attributes, 'upper', 1) === 1;
  const kept = Array.from({ length: rows * columns }, (_, i) => {
    const right = (i % columns) - Math.floor(i / columns) - k;
    return (upper ? right >= 0 : right <= 0) ? 1 : 0;
  });
  const mask = g.constant(tensorOf('bool', [rows, columns], kept));
  finish(g, node, { op: 'Where', inputs: [mask, x, g.scalar(0, g.type(x))] });
};

const eyeLike: Upgrade = (g, node) => {
  const [rows, columns] = g.dims(node.inputs[0]);
  const k = intOf(node.attributes, 'k', 0);
  const ones = Array.from({ length: rows * columns }, (_, i) =>
    (i % columns) - Math.floor(i / columns) === k ? 1 : 0,
  );
  const code = intOf(node.attributes, 'dtype', codeOfType(g.type(node.inputs[0])));
  const eye = g.constant(tensorOf(typeOfCode(code, 'an EyeLike'), [rows, columns], ones));
  finish(g, node, { op: 'Identity', inputs: [eye] });
};

const size: Upgrade = (g, node) => {
  const count = g.scalar(sizeOf(g.dims(node.inputs[0])), 'int64');
  finish(g, node, { op: 'Identity', inputs: [count] });
};

const constantOfShape: Upgrade = (g, node) => {
  const value = node.attributes.value;
  if (value?.kind !== 'tensor' || value.value.type !== 'float64') return asItIs(g, node);
  const narrow = tensorOf('float32', value.value.dims, numbersOf(value.value));
  asItIs(g, { ...node, attributes: { ...node.attributes, value: { kind: 'tensor', value: narrow } } });
};

export const AXES_UPGRADES: Readonly<Record<string, Upgrade>> = {
  ...INDEX_UPGRADES,
  ConstantOfShape: constantOfShape,
  EyeLike: eyeLike,
  Flatten: flatten,
  LogSoftmax: softmax,
  Pad: pad,
  ReduceL1: reduction((g, x) => g.op('Abs', [x])),
  ReduceL2: axesToInput,
  ReduceLogSum: reduction((_, x) => x, 'Log'),
  ReduceLogSumExp: axesToInput,
  ReduceMax: axesToInput,
  ReduceMean: axesToInput,
  ReduceMin: axesToInput,
  ReduceProd: axesToInput,
  ReduceSum: axesToInput,
  ReduceSumSquare: reduction((g, x) => g.mul(x, x)),
  Size: size,
  Slice: slice,
  Softmax: softmax,
  Split: split,
  Squeeze: axesToInput,
  Trilu: trilu,
  Unsqueeze: axesToInput,
};
