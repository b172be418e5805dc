/** Shapes of the operators that look at one element at a time. */
import { intOf } from './attributes.ts';
import { typeOfCode } from './onnx-tensor.ts';
import { first, type ShapeRule } from './shape-question.ts';
import { broadcastDims } from './tensor.ts';

const same: ShapeRule = (q) => [{ type: first(q).type, dims: first(q).dims }];
const broadcast: ShapeRule = (q) => [{ type: first(q).type, dims: broadcastDims(first(q).dims, q.inputs[1]!.dims) }];
const compare: ShapeRule = (q) => [{ type: 'bool', dims: broadcastDims(first(q).dims, q.inputs[1]!.dims) }];

const where: ShapeRule = (q) => {
  const [condition, a, b] = [first(q), q.inputs[1]!, q.inputs[2]!];
  return [{ type: a.type, dims: broadcastDims(broadcastDims(condition.dims, a.dims), b.dims) }];
};

export const ELEMENTWISE_SHAPES = {
  Abs: same,
  Add: broadcast,
  And: compare,
  Cast: (q) => [{ type: typeOfCode(intOf(q.attributes, 'to', 1), 'a Cast'), dims: first(q).dims }],
  Ceil: same,
  Clip: same,
  Div: broadcast,
  Equal: compare,
  Erf: same,
  Exp: same,
  Floor: same,
  Greater: compare,
  HardSigmoid: same,
  Identity: same,
  LeakyRelu: same,
  Less: compare,
  Log: same,
  Max: broadcast,
  Min: broadcast,
  Mul: broadcast,
  Neg: same,
  Not: same,
  Or: compare,
  PRelu: broadcast,
  Pow: broadcast,
  Relu: same,
  Sigmoid: same,
  Sqrt: same,
  Sub: broadcast,
  Tanh: same,
  Where: where,
} satisfies Record<string, ShapeRule>;
