/**
 * Static shapes: a rule per operator that turns input shapes into output shapes. Everything is known in numbers, because
 * a graph is built for one batch and one tile size (`bindDims`). Errors are `model-unusable`.
 */
import type { Dim, OnnxModel } from './graph.ts';
import { AXES_SHAPES } from './shape-axes.ts';
import { ELEMENTWISE_SHAPES } from './shape-elementwise.ts';
import { LAYER_SHAPES } from './shape-layers.ts';
import { refuse, type Shape, type ShapeQuestion, type ShapeRule } from './shape-question.ts';
import { sizeOf } from './tensor.ts';
import type { Op } from './verify.ts';

const SHAPES: { readonly [K in Op]: ShapeRule } = { ...ELEMENTWISE_SHAPES, ...AXES_SHAPES, ...LAYER_SHAPES };

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
