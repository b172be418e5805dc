/** Reference kernels that look at one element at a time. Meaning per ONNX opset 18; no speed is sought. */
import { floatOf, intOf } from './attributes.ts';
import { broadcastStrides, type Kernel, offsets } from './reference-values.ts';
import { sizeOf } from './tensor.ts';

function unary(compute: (x: number) => number): Kernel {
  return ({ inputs }) => [inputs[0]!.data.map(compute)];
}

function binary(compute: (a: number, b: number) => number): Kernel {
  return ({ inputs, outputs }) => {
    const [a, b] = [inputs[0]!, inputs[1]!];
    const { dims } = outputs[0];
    const fromA = offsets(dims, broadcastStrides(a.dims, dims));
    const fromB = offsets(dims, broadcastStrides(b.dims, dims));
    return [Float64Array.from(fromA, (at, i) => compute(a.data[at], b.data[fromB[i]]))];
  };
}

/** Error function by its series near 0 and the continued fraction of erfc elsewhere (Abramowitz & Stegun 7.1.5, 7.1.14). */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 80; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (size + fraction));
}

const clip: Kernel = ({ inputs }) => {
  const low = inputs[1]?.data[0] ?? Number.NEGATIVE_INFINITY;
  const high = inputs[2]?.data[0] ?? Number.POSITIVE_INFINITY;
  return [inputs[0]!.data.map((x) => Math.min(high, Math.max(low, x)))];
};

const hardSigmoid: Kernel = ({ inputs, attributes }) => {
  const [alpha, beta] = [floatOf(attributes, 'alpha', 0.2), floatOf(attributes, 'beta', 0.5)];
  return [inputs[0]!.data.map((x) => Math.max(0, Math.min(1, alpha * x + beta)))];
};

const leakyRelu: Kernel = ({ inputs, attributes }) => {
  const alpha = floatOf(attributes, 'alpha', 0.01);
  return [inputs[0]!.data.map((x) => (x < 0 ? alpha * x : x))];
};

const divide: Kernel = (call) => {
  const whole = !call.outputs[0].type.startsWith('float');
  return binary(whole ? (a, b) => Math.trunc(a / b) : (a, b) => a / b)(call);
};

const cast: Kernel = ({ inputs, outputs }) => {
  if (outputs[0].type !== 'bool') return [inputs[0]!.data.slice()];
  return [inputs[0]!.data.map((x) => (x === 0 ? 0 : 1))];
};

const elu: Kernel = ({ inputs, attributes }) => {
  const alpha = floatOf(attributes, 'alpha', 1);
  return [inputs[0]!.data.map((x) => (x > 0 ? x : alpha * Math.expm1(x)))];
};

const isInf: Kernel = ({ inputs, attributes }) => {
  const wanted: number[] = [];
  if (intOf(attributes, 'detect_negative', 1) === 1) wanted.push(Number.NEGATIVE_INFINITY);
  if (intOf(attributes, 'detect_positive', 1) === 1) wanted.push(Number.POSITIVE_INFINITY);
  return [inputs[0]!.data.map((x) => (wanted.includes(x) ? 1 : 0))];
};

/** The remainder has the sign of the divisor, or with `fmod` that of the dividend. */
const mod: Kernel = (call) => {
  const asInC = intOf(call.attributes, 'fmod', 0) === 1;
  return binary(asInC ? (a, b) => a % b : (a, b) => a - b * Math.floor(a / b))(call);
};

/** Products of 32-bit whole numbers wrap around as the runtime's do; a double would lose their low bits first. */
const multiply: Kernel = (call) => binary(call.outputs[0].type === 'int32' ? Math.imul : (a, b) => a * b)(call);

/** Halves go to the even neighbour. */
function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

const where: Kernel = ({ inputs, outputs }) => {
  const { dims } = outputs[0];
  const [condition, a, b] = inputs.map((input) => ({
    data: input!.data,
    at: offsets(dims, broadcastStrides(input!.dims, dims)),
  }));
  return [
    Float64Array.from({ length: sizeOf(dims) }, (_, i) => {
      return condition.data[condition.at[i]] ? a.data[a.at[i]] : b.data[b.at[i]];
    }),
  ];
};

export const ELEMENTWISE = {
  Abs: unary(Math.abs),
  Add: binary((a, b) => a + b),
  And: binary((a, b) => (a && b ? 1 : 0)),
  Atan: unary(Math.atan),
  Cast: cast,
  Ceil: unary(Math.ceil),
  Clip: clip,
  Cos: unary(Math.cos),
  Div: divide,
  Elu: elu,
  Equal: binary((a, b) => (a === b ? 1 : 0)),
  Erf: unary(erf),
  Exp: unary(Math.exp),
  Floor: unary(Math.floor),
  Greater: binary((a, b) => (a > b ? 1 : 0)),
  GreaterOrEqual: binary((a, b) => (a >= b ? 1 : 0)),
  HardSigmoid: hardSigmoid,
  Identity: unary((x) => x),
  IsInf: isInf,
  IsNaN: unary((x) => (Number.isNaN(x) ? 1 : 0)),
  LeakyRelu: leakyRelu,
  Less: binary((a, b) => (a < b ? 1 : 0)),
  LessOrEqual: binary((a, b) => (a <= b ? 1 : 0)),
  Log: unary(Math.log),
  Max: binary(Math.max),
  Min: binary(Math.min),
  Mod: mod,
  Mul: multiply,
  Neg: unary((x) => -x),
  Not: unary((x) => (x ? 0 : 1)),
  Or: binary((a, b) => (a || b ? 1 : 0)),
  PRelu: binary((x, slope) => (x < 0 ? slope * x : x)),
  Pow: binary((a, b) => a ** b),
  Relu: unary((x) => Math.max(0, x)),
  Round: unary(roundHalfEven),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Sign: unary(Math.sign),
  Sin: unary(Math.sin),
  Softplus: unary((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  Softsign: unary((x) => x / (1 + Math.abs(x))),
  Sqrt: unary(Math.sqrt),
  Sub: binary((a, b) => a - b),
  Tan: unary(Math.tan),
  Tanh: unary(Math.tanh),
  Where: where,
  Xor: binary((a, b) => (!a === !b ? 0 : 1)),
} satisfies Record<string, Kernel>;
