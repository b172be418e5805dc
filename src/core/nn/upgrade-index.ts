/** Upgrades of operators that pick or place values by index. */
import { intOf } from './attributes.ts';
import { tensorOf } from './tensor.ts';
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
  const strides = rows.map((_, axis) => rows.slice(axis + 1).reduce((product, dim) => product * dim, 1));
  const count = rows.reduce((product, dim) => product * dim, 1);
  const positions = Array.from({ length: count * batchAxes }, (_, i) => {
    const axis = i % batchAxes;
    return Math.floor(Math.floor(i / batchAxes) / strides[axis]) % rows[axis];
  });
  const leading = g.constant(tensorOf('int64', [...rows, batchAxes], positions));
  const whole = g.concat([leading, indices], rows.length);
  finish(g, node, { op: 'GatherND', inputs: [data, whole] });
};

/** One value where the index is, another elsewhere, along a new axis; indices may count from the end. */
const oneHot: Upgrade = (g, node) => {
  const [indices, depthInput, values] = node.inputs;
  const depth = Number(g.constantOf(depthInput)?.data[0] ?? Number.NaN);
  const rank = g.dims(indices).length + 1;
  const named = intOf(node.attributes, 'axis', -1);
  const axis = named < 0 ? named + rank : named;
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
