/** Gradients of resizing, normalisation and matrix products. */
import { HistoloopError } from '../errors.ts';
import { floatOf, intOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { questionOf } from './grad-axes.ts';
import { POOL_RULES } from './grad-pool.ts';
import { allButChannel, perChannel, type Rule, type RuleCall, unbroadcast } from './grad-rule.ts';
import { type ResizeAxis, repeatFactor, resizeTaps } from './resize.ts';
import { resizeQuestion } from './shape-layers.ts';
import { sizeOf } from './tensor.ts';
import { nodeLabel } from './verify.ts';

function averagePixels(g: GraphBuilder, image: string, factors: readonly number[]): string {
  return g.op('AveragePool', [image], { kernel_shape: factors, strides: factors });
}

/** Whole-number repetition goes back by averaging; anything else by the transposed matrices of each axis. */
const resize: Rule = (call) => {
  const { g, node, x, dy } = call;
  const axes = resizeQuestion(questionOf(call));
  if (axes.length !== 4 || axes.slice(0, 2).some((axis) => axis.inputSize !== axis.outputSize)) {
    throw new HistoloopError('model-unusable', `${nodeLabel(node)} resizes something other than height and width`);
  }
  const factors = axes.slice(2).map((axis) => repeatFactor(axis, node.attributes));
  const none = x.slice(1).map(() => null);
  if (factors.every((factor) => factor !== null)) {
    if (factors.every((factor) => factor === 1)) return [dy[0]!, ...none];
    return [g.scale(averagePixels(g, dy[0]!, factors), sizeOf(factors)), ...none];
  }
  const [rows, columns] = axes.slice(2).map((axis) => resizeMatrix(axis, call));
  const across = g.op('MatMul', [dy[0]!, g.floats([axes[3].outputSize, axes[3].inputSize], columns)]);
  const turned = g.transpose(g.floats([axes[2].outputSize, axes[2].inputSize], rows), [1, 0]);
  return [g.op('MatMul', [turned, across]), ...none];
};

/** [output, input]: what each output position takes from each input position. */
function resizeMatrix(axis: ResizeAxis, { node }: RuleCall): Float64Array {
  const matrix = new Float64Array(axis.outputSize * axis.inputSize);
  resizeTaps(axis, node.attributes).forEach(({ from, weights }, row) => {
    from.forEach((column, i) => {
      matrix[row * axis.inputSize + column] += weights[i];
    });
  });
  return matrix;
}

/** Frozen: mean and variance are constants, so this is a scale and a shift per channel. */
const batchNormalization: Rule = ({ g, node, x, dy, needs }) => {
  const rank = g.dims(x[0]).length;
  const [, scale, , mean, variance] = x;
  const deviation = g.op('Sqrt', [g.add(variance, g.scalar(floatOf(node.attributes, 'epsilon', 1e-5)))]);
  const centred = () => g.sub(x[0], perChannel(g, mean, rank));
  return [
    needs[0] ? g.mul(dy[0]!, perChannel(g, g.div(scale, deviation), rank)) : null,
    needs[1] ? g.div(g.sum(g.mul(dy[0]!, centred()), allButChannel(rank), false), deviation) : null,
    needs[2] ? g.sum(dy[0]!, allButChannel(rank), false) : null,
    null,
    null,
  ];
};

const instanceNormalization: Rule = ({ g, node, x, dy, needs }) => {
  const rank = g.dims(x[0]).length;
  const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis + 2);
  const centred = g.sub(x[0], g.mean(x[0], spatial));
  const variance = g.mean(g.mul(centred, centred), spatial);
  const deviation = g.op('Sqrt', [g.add(variance, g.scalar(floatOf(node.attributes, 'epsilon', 1e-5)))]);
  const unit = g.div(centred, deviation);
  const inner = g.mul(dy[0]!, perChannel(g, x[1], rank));
  const spread = g.mul(unit, g.mean(g.mul(inner, unit), spatial));
  return [
    needs[0] ? g.div(g.sub(g.sub(inner, g.mean(inner, spatial)), spread), deviation) : null,
    needs[1] ? g.sum(g.mul(dy[0]!, unit), allButChannel(rank), false) : null,
    needs[2] ? g.sum(dy[0]!, allButChannel(rank), false) : null,
  ];
};

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

export const LAYER_RULES = {
  ...POOL_RULES,
  BatchNormalization: batchNormalization,
  Gemm: gemm,
  InstanceNormalization: instanceNormalization,
  MatMul: matMul,
  Resize: resize,
} satisfies Record<string, Rule>;
