import { expect, it } from 'vitest';
import { printModel } from '../../../src/core/nn/print.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { CONV, network, ramp } from './small-network.ts';

const kernel = { kernel_shape: { kind: 'ints', value: [1, 1] }, dilations: { kind: 'ints', value: [1, 1] } } as const;

it('a model prints with its shapes, attributes in order, and what tells two long weights apart', () => {
  const long = (change: number) => {
    const w = ramp(4, 3, 1, 1);
    (w.data as Float32Array)[5] += change;
    return printModel(network({ nodes: [['Conv', ['x', 'w', '', 'b'], 'y', kernel]], weights: { w } }));
  };
  const text = long(0);
  expect(text).toContain('inputs  x: float32[N, 3, 8, 8]');
  expect(text).toContain('y = Conv(x, w, _, b) {dilations=[1 1], kernel_shape=[1 1]}');
  expect(text).toMatch(/w = float32\[4, 3, 1, 1\] -0\.5…0\.4\d+ #[0-9a-f]{8}/);
  expect(long(0)).toBe(text);
  expect(long(1e-6)).not.toBe(text);
});

it('a weight that is not a number stands out', () => {
  const w = tensorOf('float32', [10], [NaN, 1, 2, 3, 4, 5, 6, 7, 8, NaN]);
  expect(printModel(network({ ...CONV, weights: { w } }))).toContain('1…8 (2 NaN)');
});

it('networks that differ in names only print alike when numbered', () => {
  const named = (hidden: string) =>
    network({
      nodes: [
        ['Conv', ['x', 'w', 'b'], hidden],
        ['Relu', [hidden], 'y'],
      ],
      weights: CONV.weights,
    });
  expect(printModel(named('one'))).not.toBe(printModel(named('other')));
  expect(printModel(named('one'), { numbered: true })).toBe(printModel(named('other'), { numbered: true }));
});

it('a long model stops where asked and counts the rest', () => {
  const model = network({ ...CONV, nodes: Array.from({ length: 50 }, (_, i) => ['Relu', ['x'], `y${i}`] as const) });
  const text = printModel(model, { max: 3 });
  expect(text).toContain('… 47 more');
  expect(text.split('\n').length).toBeLessThan(15);
});
