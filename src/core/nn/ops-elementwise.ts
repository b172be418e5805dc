/** Rows of the operators that look at one element at a time. */
import { BINARY, type OpRows, UNARY } from './op-row.ts';

export const ELEMENTWISE_OPS = {
  // one value in, one out
  Abs: UNARY,
  Cast: { ...UNARY, attributes: { to: 'int' } },
  Ceil: UNARY,
  Clip: { inputs: [1, 3], outputs: [1, 1], attributes: {} },
  Erf: UNARY,
  Exp: UNARY,
  Floor: UNARY,
  HardSigmoid: { ...UNARY, attributes: { alpha: 'float', beta: 'float' } },
  Identity: UNARY,
  LeakyRelu: { ...UNARY, attributes: { alpha: 'float' } },
  Log: UNARY,
  Neg: UNARY,
  Not: UNARY,
  Relu: UNARY,
  Sigmoid: UNARY,
  Sqrt: UNARY,
  Tanh: UNARY,
  // two values, broadcast
  Add: BINARY,
  And: BINARY,
  Div: BINARY,
  Equal: BINARY,
  Greater: BINARY,
  Less: BINARY,
  Max: BINARY,
  Min: BINARY,
  Mul: BINARY,
  Or: BINARY,
  Pow: BINARY,
  PRelu: BINARY,
  Sub: BINARY,
  Where: { inputs: [3, 3], outputs: [1, 1], attributes: {} },
} as const satisfies OpRows;
