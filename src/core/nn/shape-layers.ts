/** Shapes of layers: convolution, pooling, resizing, matrix products. */
import { intOf, intsOf } from './attributes.ts';
import { resizeQuestion } from './resize.ts';
import { first, refuse, type ShapeQuestion, type ShapeRule } from './shape-question.ts';
import { axisOf, broadcastDims, sameDims } from './tensor.ts';
import { slideDims, transposedWindow, windowOf } from './window.ts';

const pool: ShapeRule = (q) => {
  const { type, dims } = first(q);
  const window = windowOf(q.attributes, dims.slice(2));
  if (window.kernel.some((size, axis) => window.padBegin[axis] >= size || window.padEnd[axis] >= size)) {
    throw refuse(
      `padding ${[...window.padBegin, ...window.padEnd].join(',')} must be less than the window of ${window.kernel.join('×')}`,
    );
  }
  return [
    {
      type,
      dims: [...dims.slice(0, 2), ...slideDims(window, dims.slice(2))],
    },
  ];
};

const globalPool: ShapeRule = (q) => [
  { type: first(q).type, dims: first(q).dims.map((dim, axis) => (axis < 2 ? dim : 1)) },
];

/** Weights that fit the input, the groups and the attribute that repeats their size. */
function checkWeights(q: ShapeQuestion, fits: (x: readonly number[], w: readonly number[], group: number) => boolean) {
  const [x, w] = [first(q).dims, q.inputs[1]!.dims];
  const group = intOf(q.attributes, 'group', 1);
  if (!(group >= 1) || x.length < 3 || x.length !== w.length || w[0] % group !== 0 || !fits(x, w, group)) {
    throw refuse(`weights ${w.join('×')} in ${group} groups do not fit an input of ${x.join('×')}`);
  }
  const kernel = intsOf(q.attributes, 'kernel_shape');
  if (kernel && !sameDims(kernel, w.slice(2))) {
    throw refuse(`a kernel of ${kernel.join('×')} is not what its weights ${w.join('×')} are`);
  }
  return { x, w, group };
}

function checkBias(q: ShapeQuestion, channels: number): void {
  const bias = q.inputs[2];
  if (bias && !sameDims(bias.dims, [channels])) {
    throw refuse(`a bias of ${bias.dims.join('×')} numbers does not fit ${channels} channels`);
  }
}

const conv: ShapeRule = (q) => {
  const { x, w } = checkWeights(q, (image, weights, group) => image[1] === weights[1] * group);
  checkBias(q, w[0]);
  const window = windowOf(q.attributes, x.slice(2), w.slice(2));
  return [{ type: first(q).type, dims: [x[0], w[0], ...slideDims(window, x.slice(2))] }];
};

const convTranspose: ShapeRule = (q) => {
  const { x, w, group } = checkWeights(q, (image, weights) => image[1] === weights[0]);
  checkBias(q, w[1] * group);
  const { output } = transposedWindow(q.attributes, x.slice(2), w.slice(2));
  return [{ type: first(q).type, dims: [x[0], w[1] * group, ...output] }];
};

const matMul: ShapeRule = (q) => {
  const [a, b] = [first(q).dims, q.inputs[1]!.dims];
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) {
    throw refuse(`matrices ${a.join('×')} and ${b.join('×')} cannot be multiplied`);
  }
  return [{ type: first(q).type, dims: [...broadcastDims(a.slice(0, -2), b.slice(0, -2)), a.at(-2)!, b.at(-1)!] }];
};

const gemm: ShapeRule = (q) => {
  const turn = (dims: readonly number[], flag: string) => (intOf(q.attributes, flag, 0) ? [dims[1], dims[0]] : dims);
  const [a, b] = [turn(first(q).dims, 'transA'), turn(q.inputs[1]!.dims, 'transB')];
  if (a.length !== 2 || b.length !== 2 || a[1] !== b[0])
    throw refuse(`matrices ${a.join('×')} and ${b.join('×')} cannot be multiplied`);
  const added = q.inputs[2]?.dims ?? [];
  if (!sameDims(broadcastDims(added, [a[0], b[1]]), [a[0], b[1]])) {
    throw refuse(`a sum of ${added.join('×')} does not fit a product of ${a[0]}×${b[1]}`);
  }
  return [{ type: first(q).type, dims: [a[0], b[1]] }];
};

const resize: ShapeRule = (q) => [{ type: first(q).type, dims: resizeQuestion(q).map((axis) => axis.outputSize) }];

/** One number per channel in every further input. */
const byChannel: ShapeRule = (q) => {
  const { type, dims } = first(q);
  for (const vector of q.inputs.slice(1)) {
    if (vector!.dims.length !== 1 || vector!.dims[0] !== dims[1]) {
      throw refuse(`${vector!.dims.join('×')} numbers do not fit ${dims[1]} channels`);
    }
  }
  return [{ type, dims }];
};

const layerNormalization: ShapeRule = (q) => {
  const { type, dims } = first(q);
  const normalised = dims.slice(axisOf(intOf(q.attributes, 'axis', -1), dims.length));
  for (const factor of q.inputs.slice(1)) {
    if (factor && !sameDims(factor.dims, normalised)) {
      throw refuse(`a scale or bias of ${factor.dims.join('×')} does not fit ${normalised.join('×')} values`);
    }
  }
  return [{ type, dims }];
};

export const LAYER_SHAPES = {
  AveragePool: pool,
  BatchNormalization: byChannel,
  Conv: conv,
  ConvTranspose: convTranspose,
  Gemm: gemm,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  InstanceNormalization: byChannel,
  LayerNormalization: layerNormalization,
  MatMul: matMul,
  MaxPool: pool,
  Resize: resize,
} satisfies Record<string, ShapeRule>;
