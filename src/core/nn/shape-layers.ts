/** Shapes of layers: convolution, pooling, resizing, matrix products. */
import { intOf } from './attributes.ts';
import { resizeQuestion } from './resize.ts';
import { first, refuse, type ShapeRule } from './shape-question.ts';
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

const conv: ShapeRule = (q) => {
  const [x, w] = [first(q), q.inputs[1]!];
  const group = intOf(q.attributes, 'group', 1);
  if (x.dims.length !== w.dims.length || x.dims[1] !== w.dims[1] * group || w.dims[0] % group !== 0) {
    throw refuse(`weights ${w.dims.join('×')} in ${group} groups do not fit an input of ${x.dims.join('×')}`);
  }
  const window = windowOf(q.attributes, x.dims.slice(2), w.dims.slice(2));
  return [{ type: x.type, dims: [x.dims[0], w.dims[0], ...slideDims(window, x.dims.slice(2))] }];
};

const convTranspose: ShapeRule = (q) => {
  const [x, w] = [first(q), q.inputs[1]!];
  const group = intOf(q.attributes, 'group', 1);
  if (x.dims.length !== w.dims.length || x.dims[1] !== w.dims[0] || w.dims[0] % group !== 0) {
    throw refuse(`weights ${w.dims.join('×')} in ${group} groups do not fit an input of ${x.dims.join('×')}`);
  }
  const { output } = transposedWindow(q.attributes, x.dims.slice(2), w.dims.slice(2));
  return [{ type: x.type, dims: [x.dims[0], w.dims[1] * group, ...output] }];
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
