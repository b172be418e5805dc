/**
 * Static shapes: a rule per operator that turns input shapes into output shapes. Everything is known in numbers, because
 * a graph is built for one batch and one tile size (`bindDims`). Errors are `model-unusable`.
 */
import { intOf } from './attributes.ts';
import type { Dim, OnnxModel } from './graph.ts';
import { typeOfCode } from './onnx-tensor.ts';
import { AXES_SHAPES } from './shape-axes.ts';
import { LAYER_SHAPES } from './shape-layers.ts';
import { first, refuse, type Shape, type ShapeQuestion, type ShapeRule } from './shape-question.ts';
import { broadcastDims, sizeOf } from './tensor.ts';
import type { Op } from './verify.ts';

const same: ShapeRule = (q) => [{ type: first(q).type, dims: first(q).dims }];
const broadcast: ShapeRule = (q) => [{ type: first(q).type, dims: broadcastDims(first(q).dims, q.inputs[1]!.dims) }];
const compare: ShapeRule = (q) => [{ type: 'bool', dims: broadcastDims(first(q).dims, q.inputs[1]!.dims) }];

const where: ShapeRule = (q) => {
  const [condition, a, b] = [first(q), q.inputs[1]!, q.inputs[2]!];
  return [{ type: a.type, dims: broadcastDims(broadcastDims(condition.dims, a.dims), b.dims) }];
};

const SHAPES: { readonly [K in Op]: ShapeRule } = {
  ...AXES_SHAPES,
  ...LAYER_SHAPES,
  Abs: same,
  Add: broadcast,
  And: compare,
  BatchNormalization: same,
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
  InstanceNormalization: same,
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
};

/** Shapes of a node's outputs. The node has passed `verifyNode`. */
export function inferShapes(op: Op, question: ShapeQuestion): Shape[] {
  const shapes = SHAPES[op](question);
  for (const { dims } of shapes) {
    // A damaged model must not make us ask for terabytes.
    if (!dims.every((dim) => Number.isInteger(dim) && dim >= 0) || !(sizeOf(dims) < 2 ** 33)) {
      throw refuse(`would give the impossible shape ${dims.join('×')}`);
    }
  }
  return shapes;
}

/** Gives each input a shape in numbers; a named dimension is the same number wherever it appears in the inputs. */
export function bindDims(model: OnnxModel, shapes: Readonly<Record<string, readonly number[]>>): OnnxModel {
  const named = new Map<string, number>();
  const inputs = model.graph.inputs.map((input) => {
    const wanted = Object.hasOwn(shapes, input.name) ? shapes[input.name] : undefined;
    const dims = wanted ?? input.dims?.map((dim) => (typeof dim === 'string' ? (named.get(dim) ?? dim) : dim)) ?? null;
    if (dims === null || !dims.every((dim) => typeof dim === 'number')) {
      throw refuse(`input '${input.name}' has no fixed shape; say which one to use`);
    }
    input.dims?.forEach((dim: Dim, axis) => {
      if (typeof dim === 'string') named.set(dim, dims[axis]);
    });
    return { ...input, dims };
  });
  return { ...model, graph: { ...model.graph, inputs } };
}
