/** Upgrades of matrix products: vectors become matrices, and Einsum becomes transpositions around one product. */
import { HistoloopError } from '../errors.ts';
import { floatOf, intOf, stringOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { readEquation } from './einsum.ts';
import { sizeOf } from './tensor.ts';
import { asItIs, finish, type Upgrade, unusable } from './upgrade-rule.ts';

/** A vector on the left is a row, on the right a column; the axis it was given is dropped again. */
const matMul: Upgrade = (g, node) => {
  const [a, b] = node.inputs;
  const [left, right] = [g.dims(a), g.dims(b)];
  if (left.length !== 1 && right.length !== 1) return asItIs(g, node);
  const product = g.op('MatMul', [
    left.length === 1 ? g.reshape(a, [1, left[0]]) : a,
    right.length === 1 ? g.reshape(b, [right[0], 1]) : b,
  ]);
  const dims = g.dims(product);
  const rows = left.length === 1 ? [] : [dims.at(-2)!];
  const columns = right.length === 1 ? [] : [dims.at(-1)!];
  finish(g, node, { op: 'Reshape', inputs: [product, g.ints([...dims.slice(0, -2), ...rows, ...columns])] });
};

/** The runtime's own fused product: α · A′B′. */
const fusedMatMul: Upgrade = (g, node) => {
  const { attributes } = node;
  if (intOf(attributes, 'transBatchA', 0) + intOf(attributes, 'transBatchB', 0) > 0) {
    throw unusable(node, 'turns its batch; export the network unoptimised');
  }
  const turned = (name: string, flag: string) => {
    const rank = g.dims(name).length;
    const swapped = Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
    return intOf(attributes, flag, 0) === 1 ? g.transpose(name, swapped) : name;
  };
  const product = g.op('MatMul', [turned(node.inputs[0], 'transA'), turned(node.inputs[1], 'transB')]);
  finish(g, node, { op: 'Mul', inputs: [product, g.scalar(floatOf(attributes, 'alpha', 1))] });
};

/** A value whose axes have names. */
interface Named {
  readonly value: string;
  readonly labels: readonly string[];
}

const einsum: Upgrade = (g, node) => {
  const equation = stringOf(node.attributes, 'equation', '');
  const ranks = node.inputs.map((name) => g.dims(name).length);
  const { terms, result } = readEquation(equation, ranks);
  checkSizes(g, node.inputs, terms);
  const named = node.inputs.map((value, i) => ({ value, labels: terms[i] }));
  const product = named.reduce((left, right, i) => {
    const later = new Set([...result, ...terms.slice(i + 1).flat()]);
    return multiplied(g, [left, right], later);
  });
  const summed = summedTo(g, product, new Set(result));
  const perm = result.map((label) => summed.labels.indexOf(label));
  finish(g, node, { op: 'Identity', inputs: [g.transpose(summed.value, perm)] });
};

function checkSizes(g: GraphBuilder, inputs: readonly string[], terms: readonly (readonly string[])[]): void {
  const sizes = new Map<string, number>();
  terms.forEach((labels, i) => {
    labels.forEach((label, axis) => {
      const [size, known] = [g.dims(inputs[i])[axis], sizes.get(label) ?? 1];
      if (size !== known && size !== 1 && known !== 1) {
        throw new HistoloopError('model-unusable', `the axis ${label} is ${known} long and ${size} long`);
      }
      sizes.set(label, Math.max(size, known));
    });
  });
}

/** Sums over the axes that nobody needs any more. */
function summedTo(g: GraphBuilder, { value, labels }: Named, needed: ReadonlySet<string>): Named {
  const axes = labels.flatMap((label, axis) => (needed.has(label) ? [] : [axis]));
  return { value: g.sum(value, axes, false), labels: labels.filter((label) => needed.has(label)) };
}

/** Shared axes that are needed later are a batch; shared ones that are not are multiplied out. */
function multiplied(g: GraphBuilder, pair: readonly [Named, Named], later: ReadonlySet<string>): Named {
  const shared = pair[0].labels.filter((label) => pair[1].labels.includes(label));
  const [left, right] = pair.map((side) => summedTo(g, side, new Set([...later, ...shared])));
  const batch = shared.filter((label) => later.has(label));
  const inner = shared.filter((label) => !later.has(label));
  const own = [left, right].map(({ labels }) => labels.filter((label) => !shared.includes(label)));
  const long = longest(g, [left, right]);
  // Batches broadcast in the product itself; an axis that is multiplied out must be as long on both sides.
  const [a, b] = [left, right].map((side) =>
    stretched(g, side, new Map(inner.map((label) => [label, long.get(label)!]))),
  );
  const product = g.op('MatMul', [
    matrices(g, a, { batch, rows: own[0], columns: inner }),
    matrices(g, b, { batch, rows: inner, columns: own[1] }),
  ]);
  const labels = [...batch, ...own[0], ...own[1]];
  return {
    value: g.reshape(
      product,
      labels.map((label) => long.get(label)!),
    ),
    labels,
  };
}

/** Lengths by axis name; where one side has 1, the other's. */
function longest(g: GraphBuilder, sides: readonly Named[]): Map<string, number> {
  const long = new Map<string, number>();
  for (const { value, labels } of sides) {
    for (const [axis, label] of labels.entries()) long.set(label, Math.max(long.get(label) ?? 1, g.dims(value)[axis]));
  }
  return long;
}

function stretched(g: GraphBuilder, { value, labels }: Named, lengths: ReadonlyMap<string, number>): Named {
  return {
    labels,
    value: g.expand(
      value,
      g.dims(value).map((dim, axis) => lengths.get(labels[axis]) ?? dim),
    ),
  };
}

interface Layout {
  readonly batch: readonly string[];
  readonly rows: readonly string[];
  readonly columns: readonly string[];
}

/** [batch…, rows, columns], rows and columns each as one axis. */
function matrices(g: GraphBuilder, { value, labels }: Named, { batch, rows, columns }: Layout): string {
  const order = [...batch, ...rows, ...columns].map((label) => labels.indexOf(label));
  const turned = g.transpose(value, order);
  const dims = g.dims(turned);
  const cut = batch.length + rows.length;
  return g.reshape(turned, [
    ...dims.slice(0, batch.length),
    sizeOf(dims.slice(batch.length, cut)),
    sizeOf(dims.slice(cut)),
  ]);
}

export const MATRIX_UPGRADES: Readonly<Record<string, Upgrade>> = {
  Einsum: einsum,
  MatMul: matMul,
  'com.microsoft.FusedMatMul': fusedMatMul,
};
