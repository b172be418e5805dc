/** Gradients of operators that work along axes: reductions, softmax, and everything that only moves values about. */
import { HistoloopError } from '../errors.ts';
import { intOf, stringOf } from './attributes.ts';
import { type Gradient, isEqual, type Rule, type RuleCall, unbroadcast } from './grad-rule.ts';
import { padAmounts, permutation, sliceAxes, splitSizes } from './shape-axes.ts';
import type { ShapeQuestion } from './shape-question.ts';
import { axisOf, numbersOf, sizeOf } from './tensor.ts';
import { nodeLabel } from './verify.ts';

/** The question `shape.ts` was asked when the node was added. */
export function questionOf({ g, node }: Pick<RuleCall, 'g' | 'node'>): ShapeQuestion {
  const inputs = node.inputs.map((name) => {
    if (name === '') return undefined;
    const constant = g.constantOf(name);
    return { type: g.type(name), dims: g.dims(name), ...(constant ? { constant } : {}) };
  });
  return { inputs, attributes: node.attributes, outputs: node.outputs.length };
}

/** The input's shape with 1 at each reduced axis. */
function keptDims({ g, x, node }: RuleCall): number[] {
  const dims = g.dims(x[0]);
  const named = x[1] ? numbersOf(g.constantOf(x[1])!) : [];
  if (named.length === 0) return dims.map((dim) => (intOf(node.attributes, 'noop_with_empty_axes', 0) === 1 ? dim : 1));
  const axes = new Set(named.map((axis) => axisOf(axis, dims.length)));
  return dims.map((dim, axis) => (axes.has(axis) ? 1 : dim));
}

function reduced(mean: boolean): Rule {
  return (call) => {
    const { g, x, dy } = call;
    const dims = g.dims(x[0]);
    const kept = keptDims(call);
    const share = mean ? sizeOf(kept) / sizeOf(dims) : 1;
    return [g.expand(g.reshape(g.scale(dy[0]!, share), kept), dims), null];
  };
}

/** Of equal largest values each gets an equal share. */
const extreme: Rule = (call) => {
  const { g, x, y, dy } = call;
  const kept = keptDims(call);
  const mask = isEqual(g, x[0], g.reshape(y[0], kept));
  const count = unbroadcast(g, mask, kept);
  return [g.mul(mask, g.div(g.reshape(dy[0]!, kept), count)), null];
};

const softmax: Rule = ({ g, node, x, y, dy }) => {
  const axis = axisOf(intOf(node.attributes, 'axis', -1), g.dims(x[0]).length);
  return [g.mul(y[0], g.sub(dy[0]!, g.sum(g.mul(dy[0]!, y[0]), [axis])))];
};

const logSoftmax: Rule = ({ g, node, x, y, dy }) => {
  const axis = axisOf(intOf(node.attributes, 'axis', -1), g.dims(x[0]).length);
  return [g.sub(dy[0]!, g.mul(g.op('Exp', [y[0]]), g.sum(dy[0]!, [axis])))];
};

const backToShape: Rule = ({ g, x, dy }) => [g.reshape(dy[0]!, g.dims(x[0])), null];

const transpose: Rule = (call) => {
  const perm = permutation(questionOf(call));
  return [
    call.g.transpose(
      call.dy[0]!,
      Array.from(perm, (_, axis) => perm.indexOf(axis)),
    ),
  ];
};

const concat: Rule = ({ g, node, x, dy, needs }) => {
  const axis = axisOf(intOf(node.attributes, 'axis', 0), g.dims(x[0]).length);
  let start = 0;
  return x.map((input, i) => {
    const from = start;
    start += g.dims(input)[axis];
    return needs[i] ? g.slice(dy[0]!, axis, from, start) : null;
  });
};

const split: Rule = (call) => {
  const { g, node, x, y, dy } = call;
  const axis = axisOf(intOf(node.attributes, 'axis', 0), g.dims(x[0]).length);
  const parts = splitSizes(questionOf(call)).map((_, i) => dy[i] ?? g.filled(g.dims(y[i]), 0));
  return [g.concat(parts, axis), null];
};

const slice: Rule = (call) => {
  const { g, node, x, dy } = call;
  const dims = g.dims(x[0]);
  const before = dims.map(() => 0);
  const after = dims.map(() => 0);
  for (const { axis, start, step, count } of sliceAxes(questionOf(call))) {
    if (step !== 1) {
      throw new HistoloopError(
        'model-unusable',
        `${nodeLabel(node)} takes every ${step}th element; only steps of 1 can be trained through`,
      );
    }
    before[axis] = start;
    after[axis] = dims[axis] - start - count;
  }
  return [g.op('Pad', [dy[0]!, g.ints([...before, ...after])]), null, null, null, null];
};

const pad: Rule = (call) => {
  const { g, node, x, dy } = call;
  const mode = stringOf(node.attributes, 'mode', 'constant');
  if (mode !== 'constant') {
    throw new HistoloopError(
      'model-unusable',
      `${nodeLabel(node)} pads by '${mode}'; only constant padding can be trained through, so export with padding 0`,
    );
  }
  const { before, after } = padAmounts(questionOf(call));
  const negative = [...before, ...after].map((amount) => -amount);
  return [g.op('Pad', [dy[0]!, g.ints(negative)]), ...x.slice(1).map(() => null)];
};

export const AXES_RULES = {
  Concat: concat,
  Expand: ({ g, x, dy }) => [unbroadcast(g, dy[0]!, g.dims(x[0])), null],
  LogSoftmax: logSoftmax,
  Pad: pad,
  ReduceMax: extreme,
  ReduceMean: reduced(true),
  ReduceMin: extreme,
  ReduceSum: reduced(false),
  Reshape: backToShape,
  Slice: slice,
  Softmax: softmax,
  Split: split,
  Squeeze: backToShape,
  Transpose: transpose,
  Unsqueeze: backToShape,
  ArgMax: 'flat',
  ConstantOfShape: 'flat',
  Shape: 'flat',
  Gather: { refused: 'use Slice or Split where the network picks channels' },
  ReduceProd: { refused: 'write the product as Mul' },
} satisfies Record<string, Gradient>;
