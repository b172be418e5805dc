/** Shapes of the operators that look at one element at a time. */
import { intOf } from './attributes.ts';
import { typeOfCode } from './onnx-tensor.ts';
import { first, type ShapeRule } from './shape-question.ts';
import { broadcastDims } from './tensor.ts';

const same: ShapeRule = (q) => [{ type: first(q).type, dims: first(q).dims }];
const broadcast: ShapeRule = (q) => [{ type: first(q).type, dims: broadcastDims(first(q).dims, q.inputs[1]!.dims) }];
const compare: ShapeRule = (q) => [{ type: 'bool', dims: broadcastDims(first(q).dims, q.inputs[1]!.dims) }];

const test: ShapeRule = (q) => [{ type: 'bool', dims: first(q).dims }];

const where: ShapeRule = (q) => {
  const [condition, a, b] = [first(q), q.inputs[1]!, q.inputs[2]!];
  return [{ type: a.type, dims: broadcastDims(broadcastDims(condition.dims, a.dims), b.dims) }];
};

export const ELEMENTWISE_SHAPES = {
  Abs: same,
  Add: broadcast,
  And: compare,
  Atan: same,
  Cast: (q) => [{ type: typeOfCode(intOf(q.attributes, 'to', 1), 'a Cast'), dims: first(q).dims }],
  Ceil: same,
  Clip: same,
  Cos: same,
  Div: broadcast,
  Elu: same,
  Equal: compare,
  Erf: same,
  Exp: same,
  Floor: same,
  Greater: compare,
  GreaterOrEqual: compare,
  HardSigmoid: same,
  Identity: same,
  IsInf: test,
  IsNaN: test,
  LeakyRelu: same,
  Less: compare,
  LessOrEqual: compare,
  Log: same,
  Max: broadcast,
  Min: broadcast,
  Mod: broadcast,
  Mul: broadcast,
  Neg: same,
  Not: same,
  Or: compare,
  PRelu: broadcast,
  Pow: broadcast,
  Relu: same,
  Round: same,
  Sigmoid: same,
  Sign: same,
  Sin: same,
  Softplus: same,
  Softsign: same,
  Sqrt: same,
  Sub: broadcast,
  Tan: same,
  Tanh: same,
  Where: where,
  Xor: compare,
} satisfies Record<string, ShapeRule>;
