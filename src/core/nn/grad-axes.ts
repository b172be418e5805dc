/** Gradients of operators that only move values about, and the table of all that work along axes. */
import { intOf } from './attributes.ts';
import { INDEX_RULES } from './grad-index.ts';
import { PLACE_RULES } from './grad-place.ts';
import { REDUCE_RULES } from './grad-reduce.ts';
import { type Gradient, questionOf, type Rule, unbroadcast } from './grad-rule.ts';
import { permutation, splitSizes } from './shape-axes.ts';
import { axisOf, numbersOf } from './tensor.ts';

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

/** The sum over all copies. */
const tile: Rule = ({ g, x, dy }) => {
  const dims = g.dims(x[0]);
  const repeats = numbersOf(g.constantOf(x[1])!);
  if (repeats.includes(0)) return [g.filled(dims, 0)];
  const cut = dims.flatMap((size, axis) => (repeats[axis] === 1 ? [size] : [repeats[axis], size]));
  const copies: number[] = [];
  dims.forEach((_, axis) => {
    if (repeats[axis] !== 1) copies.push(axis + copies.length);
  });
  return [g.reshape(g.sum(g.reshape(dy[0]!, cut), copies, false), dims), null];
};

export const AXES_RULES = {
  Concat: concat,
  Expand: ({ g, x, dy }) => [unbroadcast(g, dy[0]!, g.dims(x[0])), null],
  Reshape: backToShape,
  Split: split,
  Squeeze: backToShape,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: backToShape,
  ConstantOfShape: 'flat',
  Shape: 'flat',
  ...REDUCE_RULES,
  ...PLACE_RULES,
  ...INDEX_RULES,
} satisfies Record<string, Gradient>;
