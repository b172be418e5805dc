/** Gradients of operators that look at one element at a time. */
import { HistoloopError } from '../errors.ts';
import { floatOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { type Gradient, isEqual, isPositive, type Rule, type RuleCall, unbroadcast } from './grad-rule.ts';
import { isFloat, scalarOf } from './tensor.ts';
import { nodeLabel } from './verify.ts';

/** A rule for one input, written as dx(g, dy, x, y). */
function unary(slope: (g: GraphBuilder, dy: string, x: string, y: string) => string): Rule {
  return ({ g, x, y, dy }) => [slope(g, dy[0]!, x[0], y[0])];
}

/** A rule for two broadcast inputs, written as the two gradients before summing down. */
function binary(left: (call: RuleCall) => string, right: (call: RuleCall) => string): Rule {
  return (call) => {
    const { g, x, needs } = call;
    return [left, right].map((side, i) => (needs[i] ? unbroadcast(g, side(call), g.dims(x[i])) : null));
  };
}

const minus = (g: GraphBuilder, value: string) => g.op('Neg', [value]);

const power: Rule = ({ g, node, x, dy, needs }) => {
  const exponent = g.constantOf(x[1]);
  if (needs[1] || exponent === undefined || exponent.data.length !== 1) {
    throw new HistoloopError(
      'model-unusable',
      `${nodeLabel(node)} raises to a power that is not one fixed number; only fixed powers can be trained through`,
    );
  }
  const p = scalarOf(exponent);
  const lower = p === 2 ? x[0] : g.op('Pow', [x[0], g.scalar(p - 1)]);
  return [g.mul(g.scale(dy[0]!, p), lower), null];
};

const clip: Rule = ({ g, x, y, dy }) => [g.mul(dy[0]!, isEqual(g, x[0], y[0])), null, null];

const hardSigmoid: Rule = ({ g, node, y, dy }) => {
  const inside = g.op('And', [g.op('Greater', [y[0], g.scalar(0)]), g.op('Less', [y[0], g.scalar(1)])]);
  const mask = g.op('Cast', [inside], { to: 1 });
  return [g.mul(g.scale(dy[0]!, floatOf(node.attributes, 'alpha', 0.2)), mask)];
};

const leakyRelu: Rule = ({ g, node, x, dy }) => {
  const alpha = floatOf(node.attributes, 'alpha', 0.01);
  const slope = g.add(g.scale(isPositive(g, x[0]), 1 - alpha), g.scalar(alpha));
  return [g.mul(dy[0]!, slope)];
};

const pRelu: Rule = ({ g, x, dy, needs }) => {
  const positive = isPositive(g, x[0]);
  const slope = () => g.add(positive, g.mul(g.sub(g.scalar(1), positive), x[1]));
  const negativePart = () => g.mul(dy[0]!, g.op('Min', [x[0], g.scalar(0)]));
  return [needs[0] ? g.mul(dy[0]!, slope()) : null, needs[1] ? unbroadcast(g, negativePart(), g.dims(x[1])) : null];
};

/** Where both are equal the whole gradient goes to the second, as in max(x, 0). */
function larger(op: 'Greater' | 'Less'): Rule {
  const mask = ({ g, x }: RuleCall) => g.op('Cast', [g.op(op, [x[0], x[1]])], { to: 1 });
  return binary(
    (call) => call.g.mul(call.dy[0]!, mask(call)),
    (call) => call.g.mul(call.dy[0]!, call.g.sub(call.g.scalar(1), mask(call))),
  );
}

const where: Rule = ({ g, x, dy, needs }) => {
  const nothing = g.scalar(0);
  const a = () => unbroadcast(g, g.op('Where', [x[0], dy[0]!, nothing]), g.dims(x[1]));
  const b = () => unbroadcast(g, g.op('Where', [x[0], nothing, dy[0]!]), g.dims(x[2]));
  return [null, needs[1] ? a() : null, needs[2] ? b() : null];
};

const cast: Rule = ({ g, x, y, dy }) => {
  if (!isFloat(g.type(x[0])) || !isFloat(g.type(y[0]))) return [null];
  return [g.type(x[0]) === g.type(y[0]) ? dy[0]! : g.op('Cast', [dy[0]!], { to: g.type(x[0]) === 'float64' ? 11 : 1 })];
};

export const ELEMENTWISE_RULES = {
  Abs: unary((g, dy, x) =>
    g.mul(dy, g.sub(g.scale(g.op('HardSigmoid', [x], { alpha: 1e30, beta: 0.5 }), 2), g.scalar(1))),
  ),
  Add: binary(
    ({ dy }) => dy[0]!,
    ({ dy }) => dy[0]!,
  ),
  Cast: cast,
  Clip: clip,
  Div: binary(
    ({ g, x, dy }) => g.div(dy[0]!, x[1]),
    ({ g, x, y, dy }) => minus(g, g.div(g.mul(dy[0]!, y[0]), x[1])),
  ),
  Erf: unary((g, dy, x) => g.mul(g.scale(dy, 2 / Math.sqrt(Math.PI)), g.op('Exp', [minus(g, g.mul(x, x))]))),
  Exp: unary((g, dy, _, y) => g.mul(dy, y)),
  HardSigmoid: hardSigmoid,
  Identity: unary((_, dy) => dy),
  LeakyRelu: leakyRelu,
  Log: unary((g, dy, x) => g.div(dy, x)),
  Max: larger('Greater'),
  Min: larger('Less'),
  Mul: binary(
    ({ g, x, dy }) => g.mul(dy[0]!, x[1]),
    ({ g, x, dy }) => g.mul(dy[0]!, x[0]),
  ),
  Neg: unary((g, dy) => minus(g, dy)),
  PRelu: pRelu,
  Pow: power,
  Relu: unary((g, dy, _, y) => g.mul(dy, isPositive(g, y))),
  Sigmoid: unary((g, dy, _, y) => g.mul(dy, g.mul(y, g.sub(g.scalar(1), y)))),
  Sqrt: unary((g, dy, _, y) => g.div(g.scale(dy, 0.5), y)),
  Sub: binary(
    ({ dy }) => dy[0]!,
    ({ g, dy }) => minus(g, dy[0]!),
  ),
  Tanh: unary((g, dy, _, y) => g.mul(dy, g.sub(g.scalar(1), g.mul(y, y)))),
  Where: where,
  And: 'flat',
  Ceil: 'flat',
  Equal: 'flat',
  Floor: 'flat',
  Greater: 'flat',
  Less: 'flat',
  Not: 'flat',
  Or: 'flat',
} satisfies Record<string, Gradient>;
