/** Gradients of matrix products. */
import { floatOf, intOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { type Rule, unbroadcast } from './grad-rule.ts';
import { sizeOf } from './tensor.ts';

/** The last two axes swapped. */
function turned(g: GraphBuilder, matrix: string): string {
  const rank = g.dims(matrix).length;
  return g.transpose(
    matrix,
    Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)),
  );
}

const matMul: Rule = ({ g, x, dy, needs }) => {
  const [a, b] = x.map((name) => g.dims(name));
  const left = () => unbroadcast(g, g.op('MatMul', [dy[0]!, turned(g, x[1])]), a);
  const right = () => {
    if (b.length > 2) return unbroadcast(g, g.op('MatMul', [turned(g, x[0]), dy[0]!]), b);
    const rows = sizeOf(a) / a.at(-1)!;
    return g.op('MatMul', [turned(g, g.reshape(x[0], [rows, b[0]])), g.reshape(dy[0]!, [rows, b[1]])]);
  };
  return [needs[0] ? left() : null, needs[1] ? right() : null];
};

/** Y = α·A′B′ + β·C, where ′ is an optional transposition. */
const gemm: Rule = ({ g, node, x, dy, needs }) => {
  const alpha = floatOf(node.attributes, 'alpha', 1);
  const [transA, transB] = [intOf(node.attributes, 'transA', 0), intOf(node.attributes, 'transB', 0)];
  const product = (a: string, b: string, turns: readonly [number, number]) =>
    g.op('Gemm', [a, b], { alpha, transA: turns[0], transB: turns[1] });
  const left = () => (transA ? product(x[1], dy[0]!, [transB, 1]) : product(dy[0]!, x[1], [0, 1 - transB]));
  const right = () => (transB ? product(dy[0]!, x[0], [1, transA]) : product(x[0], dy[0]!, [1 - transA, 0]));
  const added = () => unbroadcast(g, g.scale(dy[0]!, floatOf(node.attributes, 'beta', 1)), g.dims(x[2]));
  return [needs[0] ? left() : null, needs[1] ? right() : null, needs[2] ? added() : null];
};

export const MATRIX_RULES = { Gemm: gemm, MatMul: matMul } satisfies Record<string, Rule>;
