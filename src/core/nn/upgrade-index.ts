/** Upgrades of operators that pick or place values by index. */
import { intOf } from './attributes.ts';
import { questionOf } from './grad-rule.ts';
import { constantNumbers, refuse } from './shape-question.ts';
import { axisOf, sizeOf, stridesOf, tensorOf } from './tensor.ts';
import { asItIs, finish, type Upgrade, withAttributes } from './upgrade-rule.ts';

/** How many values to keep was an attribute before it became an input. */
const topK: Upgrade = (g, node) => {
  if (node.inputs.length > 1) return asItIs(g, node);
  asItIs(g, withAttributes(node, ['k'], [node.inputs[0], g.ints([intOf(node.attributes, 'k', 1)])]));
};

/** Batches become leading indices: the position in each batch axis, written in front of what the node names. */
const gatherNd: Upgrade = (g, node) => {
  const batchAxes = intOf(node.attributes, 'batch_dims', 0);
  const [data, indices] = node.inputs;
  if (batchAxes === 0) return asItIs(g, withAttributes(node, ['batch_dims'], node.inputs));
  const rows = g.dims(indices).slice(0, -1);
  if (!(batchAxes > 0 && batchAxes <= rows.length)) {
    throw refuse(`a batch of ${batchAxes} axes does not fit indices ${g.dims(indices).join('×')}`);
  }
  const strides = stridesOf(rows);
  const positions = Array.from({ length: sizeOf(rows) * batchAxes }, (_, i) => {
    const axis = i % batchAxes;
    return Math.floor(Math.floor(i / batchAxes) / strides[axis]) % rows[axis];
  });
  const leading = g.constant(tensorOf('int64', [...rows, batchAxes], positions));
  const whole = g.concat([leading, indices], rows.length);
  finish(g, node, { op: 'GatherND', inputs: [data, whole] });
};

/** More classes than any mask holds; a damaged file may ask for billions. */
const MOST_PLACES = 2 ** 16;

/** One value where the index is, another elsewhere, along a new axis; indices may count from the end. */
const oneHot: Upgrade = (g, node) => {
  const [indices, , values] = node.inputs;
  const [depth] = constantNumbers(questionOf({ g, node }), 1) ?? [];
  if (!(depth >= 1 && depth <= MOST_PLACES)) throw refuse(`${depth} places are not between 1 and ${MOST_PLACES}`);
  const rank = g.dims(indices).length + 1;
  const axis = axisOf(intOf(node.attributes, 'axis', -1), rank);
  const column = g.op('Unsqueeze', [g.op('Cast', [indices], { to: 7 }), g.ints([axis])]);
  const places = (shift: number) => {
    const numbers = Array.from({ length: depth }, (_, i) => i + shift);
    const dims = Array.from({ length: rank - axis }, (_, i) => (i === 0 ? depth : 1));
    return g.op('Equal', [column, g.constant(tensorOf('int64', dims, numbers))]);
  };
  const hot = g.op('Or', [places(0), places(-depth)]);
  const [off, on] = [0, 1].map((at) => g.reshape(g.slice(values, 0, at, at + 1), []));
  finish(g, node, { op: 'Where', inputs: [hot, on, off] });
};

export const INDEX_UPGRADES: Readonly<Record<string, Upgrade>> = {
  GatherND: gatherNd,
  OneHot: oneHot,
  Scatter: (g, node) => asItIs(g, { ...node, op: 'ScatterElements' }),
  TopK: topK,
};
