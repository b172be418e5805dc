/** Gradients of operators that look at one element at a time. */
import { floatOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { type Gradient, isEqual, isPositive, type Rule, type RuleCall, unbroadcast } from './grad-rule.ts';
import { isFloat, scalarOf } from './tensor.ts';

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

/** A power that is one fixed number has a cheaper slope than one that is itself computed. */
const power: Rule = (call) => {
  const { g, x, needs } = call;
  const exponent = g.constantOf(x[1]);
  const fixed = exponent?.data.length === 1 ? scalarOf(exponent) : undefined;
  const base = () => (fixed === undefined ? byBase(call) : byFixedBase(call, fixed));
  const dx = needs[0] ? base() : null;
  return [
    dx === null ? null : unbroadcast(g, dx, g.dims(x[0])),
    needs[1] ? unbroadcast(g, byExponent(call), g.dims(x[1])) : null,
  ];
};

function byFixedBase({ g, x, y, dy }: RuleCall, power: number): string | null {
  if (power === 0) return null;
  const slope = g.scale(dy[0]!, power);
  if (power === 1) return slope;
  if (power === 0.5) return g.div(slope, y[0]);
  return g.mul(slope, power === 2 ? x[0] : g.op('Pow', [x[0], g.scalar(power - 1)]));
}

/** p·x^(p−1); where p is 0 the exponent stays 0, so that 0 to it is 1 and not infinite. */
function byBase({ g, x, dy }: RuleCall): string {
  const p = isFloat(g.type(x[1])) ? x[1] : g.op('Cast', [x[1]], { to: 1 });
  const lower = g.add(g.sub(p, g.scalar(1)), isEqual(g, p, g.scalar(0)));
  return g.mul(g.mul(dy[0]!, p), g.op('Pow', [x[0], lower]));
}

/** y·ln x, and 0 where x is 0, as in PyTorch. */
function byExponent({ g, x, y, dy }: RuleCall): string {
  const base = g.add(x[0], isEqual(g, x[0], g.scalar(0)));
  return g.mul(g.mul(dy[0]!, y[0]), g.op('Log', [base]));
}

/** On a limit the whole gradient passes; what lies beyond a limit that moves pulls at the limit. */
const clip: Rule = ({ g, x, y, dy, needs }) => {
  const beyond = (op: 'Less' | 'Greater', limit: string) => {
    const mask = g.op('Cast', [g.op(op, [x[0], limit])], { to: 1 });
    return unbroadcast(g, g.mul(dy[0]!, mask), g.dims(limit));
  };
  return [
    needs[0] ? g.mul(dy[0]!, isEqual(g, x[0], y[0])) : null,
    needs[1] ? beyond('Less', x[1]) : null,
    needs[2] ? beyond('Greater', x[2]) : null,
  ];
};

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

/** Where both are equal each gets half, as in PyTorch. */
function larger(op: 'Max' | 'Min'): Rule {
  const share = ({ g, x }: RuleCall) => {
    const ahead = op === 'Max' ? g.sub(x[0], x[1]) : g.sub(x[1], x[0]);
    return g.op('HardSigmoid', [ahead], { alpha: 1e30, beta: 0.5 });
  };
  return binary(
    (call) => call.g.mul(call.dy[0]!, share(call)),
    (call) => call.g.mul(call.dy[0]!, call.g.sub(call.g.scalar(1), share(call))),
  );
}

/** α·eˣ = y + α left of 0 and at it, 1 right of it. */
const elu: Rule = ({ g, node, x, y, dy }) => {
  const alpha = floatOf(node.attributes, 'alpha', 1);
  const left = g.add(g.op('Min', [y[0], g.scalar(0)]), g.scalar(alpha));
  const slope = alpha === 1 ? left : g.add(left, g.scale(isPositive(g, x[0]), 1 - alpha));
  return [g.mul(dy[0]!, slope)];
};

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
  Atan: unary((g, dy, x) => g.div(dy, g.add(g.mul(x, x), g.scalar(1)))),
  Cast: cast,
  Clip: clip,
  Cos: unary((g, dy, x) => minus(g, g.mul(dy, g.op('Sin', [x])))),
  Div: binary(
    ({ g, x, dy }) => g.div(dy[0]!, x[1]),
    ({ g, x, y, dy }) => minus(g, g.div(g.mul(dy[0]!, y[0]), x[1])),
  ),
  Elu: elu,
  Erf: unary((g, dy, x) => g.mul(g.scale(dy, 2 / Math.sqrt(Math.PI)), g.op('Exp', [minus(g, g.mul(x, x))]))),
  Exp: unary((g, dy, _, y) => g.mul(dy, y)),
  HardSigmoid: hardSigmoid,
  Identity: unary((_, dy) => dy),
  LeakyRelu: leakyRelu,
  Log: unary((g, dy, x) => g.div(dy, x)),
  Max: larger('Max'),
  Min: larger('Min'),
  Mod: binary(
    ({ dy }) => dy[0]!,
    ({ g, x, y, dy }) => g.mul(dy[0]!, g.div(g.sub(y[0], x[0]), x[1])),
  ),
  Mul: binary(
    ({ g, x, dy }) => g.mul(dy[0]!, x[1]),
    ({ g, x, dy }) => g.mul(dy[0]!, x[0]),
  ),
  Neg: unary((g, dy) => minus(g, dy)),
  PRelu: pRelu,
  Pow: power,
  Relu: unary((g, dy, _, y) => g.mul(dy, isPositive(g, y))),
  Sigmoid: unary((g, dy, _, y) => g.mul(dy, g.mul(y, g.sub(g.scalar(1), y)))),
  Sin: unary((g, dy, x) => g.mul(dy, g.op('Cos', [x]))),
  Softplus: unary((g, dy, x) => g.mul(dy, g.op('Sigmoid', [x]))),
  Softsign: unary((g, dy, x) => {
    const root = g.add(g.op('Abs', [x]), g.scalar(1));
    return g.div(dy, g.mul(root, root));
  }),
  Sqrt: unary((g, dy, _, y) => g.div(g.scale(dy, 0.5), y)),
  Sub: binary(
    ({ dy }) => dy[0]!,
    ({ g, dy }) => minus(g, dy[0]!),
  ),
  Tan: unary((g, dy, _, y) => g.mul(dy, g.add(g.mul(y, y), g.scalar(1)))),
  Tanh: unary((g, dy, _, y) => g.mul(dy, g.sub(g.scalar(1), g.mul(y, y)))),
  Where: where,
  And: 'flat',
  Ceil: 'flat',
  Equal: 'flat',
  Floor: 'flat',
  Greater: 'flat',
  GreaterOrEqual: 'flat',
  IsInf: 'flat',
  IsNaN: 'flat',
  Less: 'flat',
  LessOrEqual: 'flat',
  Not: 'flat',
  Or: 'flat',
  Round: 'flat',
  Sign: 'flat',
  Xor: 'flat',
} satisfies Record<string, Gradient>;
