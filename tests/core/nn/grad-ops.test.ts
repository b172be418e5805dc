import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { differentiate } from '../../../src/core/nn/grad.ts';
import { openReferenceModel } from '../../../src/core/nn/reference.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { CONV3D, checkGradient, checkOp } from './gradient-check.ts';

const A = { dims: [2, 3, 4, 4] };
const POSITIVE = { ...A, draw: 'positive' } as const;

describe('the gradient of an elementwise operator agrees with differences:', () => {
  for (const op of ['Abs', 'Erf', 'Exp', 'Identity', 'LeakyRelu', 'Neg', 'Relu', 'Sigmoid', 'Tanh'] as const) {
    it(op, () => checkOp(op, [A]));
  }
  for (const op of ['Log', 'Sqrt'] as const) it(op, () => checkOp(op, [POSITIVE]));
  for (const op of ['Add', 'Sub', 'Mul', 'Max', 'Min'] as const) {
    it(op, () => checkOp(op, [A, { dims: A.dims }]));
    it(`${op}, broadcast right`, () => checkOp(op, [A, { dims: [3, 1, 1] }]));
    it(`${op}, broadcast left`, () => checkOp(op, [{ dims: [4, 1] }, A]));
  }
  it('Div, broadcast', () => checkOp('Div', [A, { dims: [1, 3, 1, 1], draw: 'positive' }]));
  it('a square', () => checkGradient([A], (g, [x]) => [g.op('Pow', [x, g.scalar(2)])]));
  it('a fractional power', () => checkGradient([POSITIVE], (g, [x]) => [g.op('Pow', [x, g.scalar(1.7)])]));
  it('Clip', () => checkGradient([A], (g, [x]) => [g.op('Clip', [x, g.scalar(-0.7), g.scalar(1.1)])]));
  it('Clip from above only', () => checkGradient([A], (g, [x]) => [g.op('Clip', [x, '', g.scalar(1.1)])]));
  it('HardSigmoid', () => checkOp('HardSigmoid', [A], { alpha: 0.4 }));
  it('LeakyRelu of a chosen slope', () => checkOp('LeakyRelu', [A], { alpha: 0.3 }));
  it('PRelu', () => checkOp('PRelu', [A, { dims: [3, 1, 1], draw: 'positive' }]));
  it('Where', () =>
    checkGradient([A, { dims: [4] }], (g, [x, y]) => [g.op('Where', [g.op('Greater', [x, g.scalar(0.3)]), x, y])]));
  it('Cast between floats', () => checkOp('Cast', [A], { to: 11 }));
});

describe('the gradient of an operator along axes agrees with differences:', () => {
  for (const op of ['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin'] as const) {
    it(`${op} over everything`, () => checkOp(op, [A], { keepdims: 0 }));
    it(`${op} over space`, () => checkGradient([A], (g, [x]) => [g.op(op, [x, g.ints([2, 3])])]));
    it(`${op} without keeping axes`, () =>
      checkGradient([A], (g, [x]) => [g.op(op, [x, g.ints([-3])], { keepdims: 0 })]));
  }
  it('Softmax over channels', () => checkOp('Softmax', [A], { axis: 1 }));
  it('Softmax over the last axis', () => checkOp('Softmax', [A]));
  it('LogSoftmax over channels', () => checkOp('LogSoftmax', [A], { axis: 1 }));
  it('Reshape', () => checkGradient([A], (g, [x]) => [g.op('Reshape', [x, g.ints([0, -1])])]));
  it('Squeeze and Unsqueeze', () =>
    checkGradient([{ dims: [2, 1, 3] }], (g, [x]) => [
      g.op('Unsqueeze', [g.op('Squeeze', [x, g.ints([1])]), g.ints([0, 3])]),
    ]));
  it('Transpose', () => checkOp('Transpose', [A], { perm: [2, 0, 3, 1] }));
  it('Concat', () => checkOp('Concat', [A, { dims: [2, 1, 4, 4] }, { dims: [2, 5, 4, 4] }], { axis: 1 }));
  it('Slice', () =>
    checkGradient([A], (g, [x]) => [g.op('Slice', [x, g.ints([1, -3]), g.ints([3, 2 ** 62]), g.ints([1, 3])])]));
  it('Split', () =>
    checkGradient([{ dims: [2, 6] }], (g, [x]) => g.many('Split', [x, g.ints([1, 3, 2])], { axis: 1 }, 3)));
  it('Split of which only one part is used', () =>
    checkGradient([{ dims: [2, 6] }], (g, [x]) => [g.many('Split', [x], { axis: 1, num_outputs: 3 }, 3)[1]]));
  it('Expand', () => checkGradient([{ dims: [3, 1] }], (g, [x]) => [g.op('Expand', [x, g.ints([2, 3, 4])])]));
  it('Pad', () => checkGradient([A], (g, [x]) => [g.op('Pad', [x, g.ints([0, 0, 1, 2, 0, 0, -1, 3])])]));
});

describe('the walk backwards', () => {
  it('adds up what flows back along several paths', () =>
    checkGradient([A], (g, [x]) => [g.add(g.mul(x, x), g.mul(g.op('Exp', [x]), x)), g.op('Sigmoid', [x])]));

  it('stops where it is told to', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [3]);
    const loss = g.op('ReduceSum', [g.mul(x, g.stop(g.op('Exp', [x])))], { keepdims: 0 });
    const stopped = g.op('ReduceSum', [g.stop(g.op('Exp', [x]))], { keepdims: 0 });
    expect(differentiate(g, { of: loss, by: ['x'], lowering: CONV3D }).has('x')).toBe(true);
    expect(differentiate(g, { of: stopped, by: ['x'], lowering: CONV3D }).has('x')).toBe(false);
  });

  it('gives equal shares to equal pixels, so that white background does not count fourfold', () => {
    return checkSum(
      (g, x) => g.op('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] }),
      [1, 1, 1, 1],
      [0.25, 0.25, 0.25, 0.25],
    );
  });

  it('gives the first of equal pixels everything where windows overlap, as PyTorch does', () => {
    const window = { kernel_shape: [2, 2], strides: [1, 1], pads: [0, 0, 1, 1] };
    return checkSum((g, x) => g.op('MaxPool', [x], window), [1, 1, 1, 1], [1, 1, 1, 1]);
  });

  it('finds the first maximum in reading order, not column by column', () => {
    const window = { kernel_shape: [2, 2], strides: [3, 3], pads: [0, 0, 1, 1] };
    return checkSum((g, x) => g.op('MaxPool', [x], window), [0, 7, 7, 0], [0, 1, 0, 0]);
  });

  const REFUSED = {
    'a scatter that multiplies': (g: GraphBuilder, x: string) =>
      g.op('ScatterND', [x, g.constant(tensorOf('int64', [1, 1], [0])), g.op('Exp', [x])], { reduction: 'mul' }),
  };
  for (const [name, build] of Object.entries(REFUSED)) {
    it(`refuses ${name}, naming operator and node`, () => {
      const g = new GraphBuilder();
      const value = build(g, g.input('x', 'float32', [1, 2, 4, 4]));
      const node = g.nodes.at(-1)!;
      const loss = g.op('ReduceSum', [value], { keepdims: 0 });
      const walk = () => differentiate(g, { of: loss, by: ['x'], lowering: CONV3D });
      expect(walk).toThrow(expect.objectContaining({ code: 'model-unusable' }));
      expect(walk).toThrow(new RegExp(`${node.op} node '${node.name}'`));
    });
  }
});

async function checkSum(build: (g: GraphBuilder, x: string) => string, x: number[], expected: number[]): Promise<void> {
  const g = new GraphBuilder();
  const input = g.input('x', 'float32', [1, 1, 2, 2]);
  const loss = g.op('ReduceSum', [build(g, input)], { keepdims: 0 });
  g.output('slope', differentiate(g, { of: loss, by: ['x'], lowering: CONV3D }).get('x')!);
  const session = openReferenceModel(g.finish('check'));
  const result = await session.run({ x: { type: 'float32', dims: [1, 1, 2, 2], data: Float32Array.from(x) } });
  expect(Array.from(result.slope.data as Float32Array)).toEqual(expected);
}
