/** Compares operators of ours with what PyTorch computed, results and gradients, on the double-precision reference. */
import { expect } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { differentiate } from '../../../src/core/nn/grad.ts';
import { openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import type { TorchCase } from '../../fixtures/torch-values.ts';
import { CONV3D } from './gradient-check.ts';

/** Gives the names of the outputs, in PyTorch's order; inputs by their names in the case. */
export type TorchBuild = (g: GraphBuilder, inputs: Readonly<Record<string, string>>) => string[];

/** Results and gradients agree to 1e-7 of the largest value, which is further than any convention reaches. */
export async function checkTorch(one: TorchCase, build: TorchBuild): Promise<void> {
  const g = new GraphBuilder();
  const feeds: Record<string, Tensor> = { ...one.inputs };
  const inputs = Object.fromEntries(
    Object.entries(one.inputs).map(([name, { dims }]) => [name, g.input(name, 'float32', dims)]),
  );
  const outputs = build(g, inputs);
  const sums = outputs.map((name, i) => {
    feeds[`weights${i}`] = one.weights[`y${i}`]!;
    const product = g.mul(name, g.input(`weights${i}`, 'float32', g.dims(name)));
    return g.op('ReduceSum', [product], { keepdims: 0 });
  });
  const loss = sums.reduce((a, b) => g.add(a, b));
  const slopes = differentiate(g, { of: loss, by: Object.keys(one.gradients), lowering: CONV3D });
  for (const [i, name] of outputs.entries()) g.output(`y${i}`, name);
  for (const [name, slope] of slopes) g.output(`d_${name}`, slope);
  const results = await openReferenceModel(g.finish(one.name), { precision: 'float64' }).run(feeds);
  for (const [name, expected] of Object.entries(one.outputs)) same(results[name]!, expected, name);
  for (const [name, expected] of Object.entries(one.gradients)) same(results[`d_${name}`]!, expected, `∂/∂${name}`);
}

function same(found: Tensor, expected: Tensor, what: string): void {
  expect(found.dims, `shape of ${what}`).toEqual(expected.dims);
  const largest = Math.max(1e-3, ...Array.from(expected.data as Float64Array, Math.abs));
  expected.data.forEach((value, i) => {
    const message = `${what}[${i}] is ${found.data[i]}, not ${value}`;
    expect(Math.abs(Number(found.data[i]) - Number(value)) / largest, message).toBeLessThan(1e-7);
  });
}
