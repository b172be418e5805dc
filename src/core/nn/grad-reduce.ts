/** Gradients of reductions, running sums and softmax. */
import { intOf } from './attributes.ts';
import { type Gradient, isEqual, type Rule, type RuleCall, unbroadcast } from './grad-rule.ts';
import { axisOf, numbersOf, sizeOf } from './tensor.ts';

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

/** The product of all others; a zero among them leaves only its own slope, two leave none. */
const product: Rule = (call) => {
  const { g, x, dy } = call;
  const kept = keptDims(call);
  const one = g.scalar(1);
  const zero = isEqual(g, x[0], g.scalar(0));
  const zeros = unbroadcast(g, zero, kept);
  const others = g.add(x[0], zero);
  const axes = kept.flatMap((size, axis) => (size === g.dims(x[0])[axis] ? [] : [axis]));
  const whole = axes.length === 0 ? others : g.op('ReduceProd', [others, g.ints(axes)], { keepdims: 1 });
  const alone = g.mul(zero, isEqual(g, zeros, one));
  const among = g.mul(g.sub(one, zero), isEqual(g, zeros, g.scalar(0)));
  const slope = g.mul(g.div(whole, others), g.add(alone, among));
  return [g.mul(g.reshape(dy[0]!, kept), slope), null];
};

/** x/|x|, and 0 at 0, as in PyTorch. */
const norm: Rule = (call) => {
  const { g, x, y, dy } = call;
  const kept = keptDims(call);
  const length = g.add(y[0], isEqual(g, y[0], g.scalar(0)));
  return [g.mul(x[0], g.reshape(g.div(dy[0]!, length), kept)), null];
};

const sumOfExp: Rule = (call) => {
  const { g, x, y, dy } = call;
  const kept = keptDims(call);
  const share = g.op('Exp', [g.sub(x[0], g.reshape(y[0], kept))]);
  return [g.mul(share, g.reshape(dy[0]!, kept)), null];
};

/** The running sum the other way. */
const cumSum: Rule = ({ g, node, x, dy }) => {
  const attributes = {
    exclusive: intOf(node.attributes, 'exclusive', 0),
    reverse: 1 - intOf(node.attributes, 'reverse', 0),
  };
  return [g.op('CumSum', [dy[0]!, x[1]], attributes), null];
};

export const REDUCE_RULES = {
  CumSum: cumSum,
  LogSoftmax: logSoftmax,
  ReduceL2: norm,
  ReduceLogSumExp: sumOfExp,
  ReduceMax: extreme,
  ReduceMean: reduced(true),
  ReduceMin: extreme,
  ReduceProd: product,
  ReduceSum: reduced(false),
  Softmax: softmax,
} satisfies Record<string, Gradient>;
