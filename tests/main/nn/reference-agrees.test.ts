/** The reference is the oracle of everything else, so it is compared with onnxruntime, operator by operator. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { encodeModel } from '../../../src/core/nn/onnx.ts';
import { openReference } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { sizeOf, tensorOf } from '../../../src/core/nn/tensor.ts';
import { createRandom } from '../../../src/core/random.ts';
import { openOnnxRuntime } from './onnxruntime-session.ts';

type Build = (g: GraphBuilder, x: string, y: string) => string[];

const IMAGE = [2, 4, 6, 5];

async function compare(build: Build, dims: readonly number[] = IMAGE, other: readonly number[] = dims): Promise<void> {
  const random = createRandom(21);
  const draw = (shape: readonly number[]): Tensor =>
    tensorOf(
      'float32',
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
    );
  const g = new GraphBuilder();
  const inputs = [g.input('x', 'float32', dims), g.input('y', 'float32', other)];
  for (const [i, name] of build(g, inputs[0], inputs[1]).entries()) g.output(`result${i}`, name);
  const bytes = encodeModel(g.finish('compare'));
  const feeds = { x: draw(dims), y: draw(other) };
  const [slow, fast] = [await openReference(bytes), await openOnnxRuntime(bytes)];
  const [expected, found] = [await slow.run(feeds), await fast.run(feeds)];
  await fast.close();
  for (const name of Object.keys(expected)) {
    expect(found[name].dims).toEqual(expected[name].dims);
    expect(found[name].type).toBe(expected[name].type);
    const largest = Math.max(1e-3, ...Array.from(expected[name].data as Float32Array, (v) => Math.abs(Number(v))));
    found[name].data.forEach((value, i) => {
      expect(Math.abs(Number(value) - Number(expected[name].data[i])) / largest, `${name}[${i}]`).toBeLessThan(1e-5);
    });
  }
}

describe('the reference agrees with onnxruntime on', () => {
  for (const op of [
    'Abs',
    'Ceil',
    'Erf',
    'Exp',
    'Floor',
    'Identity',
    'LeakyRelu',
    'Neg',
    'Relu',
    'Sigmoid',
    'Tanh',
    'HardSigmoid',
  ] as const) {
    it(op, () => compare((g, x) => [g.op(op, [x])]));
  }
  it('Log and Sqrt', () => compare((g, x) => [g.op('Log', [g.op('Abs', [x])]), g.op('Sqrt', [g.op('Abs', [x])])]));
  for (const op of ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Equal', 'Greater', 'Less'] as const) {
    it(`${op}, broadcast`, () => compare((g, x, y) => [g.op(op, [x, y])], IMAGE, [4, 1, 5]));
  }
  it('PRelu, Pow, Where', () =>
    compare(
      (g, x, y) => [
        g.op('PRelu', [x, y]),
        g.op('Pow', [x, g.scalar(3)]),
        g.op('Where', [g.op('Greater', [x, y]), x, y]),
      ],
      IMAGE,
      [4, 1, 1],
    ));
  it('And, Or, Not', () =>
    compare((g, x, y) => {
      const [a, b] = [g.op('Greater', [x, g.scalar(0)]), g.op('Less', [y, g.scalar(0)])];
      return [g.op('And', [a, b]), g.op('Or', [a, b]), g.op('Not', [a])];
    }));
  it('Clip and Cast', () =>
    compare((g, x) => [g.op('Clip', [x, g.scalar(-0.5), g.scalar(0.7)]), g.op('Cast', [g.scale(x, 3)], { to: 6 })]));

  for (const op of ['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd'] as const) {
    it(op, () => compare((g, x) => [g.op(op, [x, g.ints([1, -1])], { keepdims: 0 }), g.op(op, [x])]));
  }
  it('ArgMax, Softmax, LogSoftmax', () =>
    compare((g, x) => [
      g.op('ArgMax', [x], { axis: 1 }),
      g.op('ArgMax', [x], { axis: -1, keepdims: 0 }),
      g.op('Softmax', [x], { axis: 1 }),
      g.op('LogSoftmax', [x]),
    ]));
  it('Concat, Split, Slice, Gather', () =>
    compare((g, x, y) => [
      g.op('Concat', [x, y], { axis: 2 }),
      ...g.many('Split', [x, g.ints([1, 3])], { axis: 1 }, 2),
      ...g.many('Split', [x], { axis: 3, num_outputs: 2 }, 2),
      g.op('Slice', [x, g.ints([-1, 1]), g.ints([-(2 ** 62), 5]), g.ints([2, 3]), g.ints([-2, 2])]),
      g.op('Gather', [x, g.constant(tensorOf('int64', [2, 2], [3, 0, -1, 1]))], { axis: 1 }),
    ]));
  it('Transpose, Reshape, Squeeze, Unsqueeze, Expand', () =>
    compare((g, x) => [
      g.op('Transpose', [x], { perm: [3, 1, 0, 2] }),
      g.op('Reshape', [x, g.ints([0, -1, 3])]),
      g.op('Squeeze', [g.op('Unsqueeze', [x, g.ints([0, 2])]), g.ints([0])]),
      g.op('Expand', [g.slice(x, 1, 0, 1), g.ints([3, 1, 4, 1, 1])]),
    ]));
  it('Pad in every mode', () =>
    compare((g, x) => [
      g.op('Pad', [x, g.ints([0, 0, 1, 2, 0, 0, -1, 3]), g.scalar(0.5)]),
      g.op('Pad', [x, g.ints([0, 0, 1, 2, 0, 0, 2, 1])], { mode: 'edge' }),
      g.op('Pad', [x, g.ints([0, 0, 1, 2, 0, 0, 2, 1])], { mode: 'reflect' }),
    ]));

  it('Conv of every kind', () =>
    compare((g, x) => {
      const weights = (...dims: number[]) =>
        g.floats(
          dims,
          Float32Array.from({ length: sizeOf(dims) }, (_, i) => Math.sin(i)),
        );
      return [
        g.op('Conv', [x, weights(3, 4, 3, 3), weights(3)], { pads: [1, 0, 2, 1] }),
        g.op('Conv', [x, weights(4, 2, 3, 2)], { group: 2, strides: [2, 1] }),
        g.op('Conv', [x, weights(4, 1, 3, 3)], { group: 4, dilations: [2, 2], pads: [2, 2, 2, 2] }),
        g.op('Conv', [x, weights(2, 4, 3, 3)], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
        g.op('Conv', [x, weights(2, 4, 2, 2)], { auto_pad: 'SAME_LOWER' }),
        g.op('ConvTranspose', [x, weights(4, 3, 3, 3), weights(3)], { strides: [2, 2], pads: [1, 1, 0, 1] }),
        g.op('ConvTranspose', [x, weights(4, 2, 2, 2)], { group: 2, strides: [3, 3], output_padding: [1, 2] }),
        g.op('ConvTranspose', [x, weights(4, 1, 3, 3)], { dilations: [2, 2] }),
      ];
    }));
  it('Conv in three axes', () =>
    compare(
      (g, x, y) => [g.op('Conv', [x, y], { group: 2, pads: [1, 0, 0, 1, 1, 0] })],
      [1, 4, 3, 4, 5],
      [6, 2, 2, 2, 1],
    ));
  it('pooling', () =>
    compare((g, x) => [
      g.op('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] }),
      g.op('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
      g.op('AveragePool', [x], { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] }),
      g.op('AveragePool', [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
      g.op('GlobalAveragePool', [x]),
      g.op('GlobalMaxPool', [x]),
    ]));
  it('normalisation', () =>
    compare(
      (g, x, y) => [
        g.op('BatchNormalization', [x, y, y, y, g.op('Abs', [y])], { epsilon: 1e-3 }),
        g.op('InstanceNormalization', [x, y, y]),
      ],
      IMAGE,
      [4],
    ));
  it('MatMul and Gemm', () =>
    compare(
      (g, x, y) => [
        g.op('MatMul', [x, y]),
        g.op('MatMul', [g.transpose(y, [1, 0]), g.transpose(x, [0, 1, 3, 2])]),
        g.op('Gemm', [y, y, g.floats([3], [1, 2, 3])], { transA: 1, alpha: 0.5, beta: 2 }),
        g.op('Gemm', [y, y], { transB: 1 }),
      ],
      IMAGE,
      [5, 3],
    ));

  const RESIZES = [
    ['nearest', 'asymmetric', 'floor', [2, 3]],
    ['nearest', 'half_pixel', 'round_prefer_floor', [1.7, 0.6]],
    ['nearest', 'asymmetric', 'round_prefer_ceil', [2, 2]],
    ['linear', 'half_pixel', 'floor', [2, 2]],
    ['linear', 'align_corners', 'floor', [2, 1.8]],
    ['linear', 'asymmetric', 'floor', [2, 0.5]],
    ['linear', 'pytorch_half_pixel', 'floor', [1.5, 2]],
  ] as const;
  for (const [mode, coordinate_transformation_mode, nearest_mode, scales] of RESIZES) {
    it(`Resize ${mode} ${coordinate_transformation_mode} ×${scales.join(' ×')}`, () =>
      compare((g, x) => [
        g.op('Resize', [x, '', g.floats([4], [1, 1, ...scales])], {
          mode,
          coordinate_transformation_mode,
          nearest_mode,
        }),
      ]));
  }
  it('Resize to sizes', () =>
    compare((g, x) => [
      g.op('Resize', [x, '', '', g.ints([2, 4, 9, 7])], { mode: 'linear' }),
      g.op('Resize', [x, '', '', g.ints([2, 4, 3, 10])], { mode: 'nearest' }),
    ]));
});
