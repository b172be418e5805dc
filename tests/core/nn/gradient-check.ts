/** Compares written gradients with central differences on the double-precision reference. */
import { expect } from 'vitest';
import { GraphBuilder, type PlainAttributes } from '../../../src/core/nn/builder.ts';
import { differentiate } from '../../../src/core/nn/grad.ts';
import type { Lowering } from '../../../src/core/nn/grad-rule.ts';
import { openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { sizeOf } from '../../../src/core/nn/tensor.ts';
import type { Op } from '../../../src/core/nn/verify.ts';
import { createRandom } from '../../../src/core/random.ts';

export interface Input {
  readonly dims: readonly number[];
  /** Where values come from; the default is normal, pushed away from kinks at 0. */
  readonly draw?: 'normal' | 'positive';
  /** False for inputs that are not differentiated. */
  readonly by?: boolean;
}

export const CONV3D: Lowering = { weightGradient: 'conv3d' };

/** Distinct random values no closer than 0.01 to each other's kinks: a shuffled grid, so that steps of 1e-5 cross none. */
export function drawValues(input: Input, seed: number): Float64Array {
  const random = createRandom(seed);
  const size = sizeOf(input.dims);
  const grid = Array.from({ length: size }, (_, i) => ((i + 0.5 + 0.2 * (random.next() - 0.5)) / size) * 4 - 2);
  const values = random.shuffle(grid).map((value) => (value === 0 ? 0.01 : value));
  return Float64Array.from(values, (value) => (input.draw === 'positive' ? 0.3 + Math.abs(value) : value));
}

export type Build = (g: GraphBuilder, inputs: string[]) => string[];

/** Checks every gradient of `Σ outputs · random`. */
export async function checkGradient(
  inputs: readonly Input[],
  build: Build,
  lowering = CONV3D,
  seed = 1,
): Promise<void> {
  const g = new GraphBuilder();
  const names = inputs.map((input, i) => g.input(`x${i}`, 'float32', input.dims));
  const by = names.filter((_, i) => inputs[i].by !== false);
  const parts = build(g, names).map((name, i) => {
    const weights = {
      type: 'float64',
      dims: g.dims(name),
      data: drawValues({ dims: g.dims(name) }, seed + 100 + i),
    } as const;
    return {
      weights,
      sum: g.op('ReduceSum', [g.mul(name, g.input(`weights${i}`, 'float32', g.dims(name)))], { keepdims: 0 }),
    };
  });
  const loss = parts.map(({ sum }) => sum).reduce((a, b) => g.add(a, b));
  const slopes = differentiate(g, { of: loss, by, lowering });
  g.output('loss', loss);
  for (const name of by) g.output(`d_${name}`, slopes.get(name)!);
  const session = openReferenceModel(g.finish('check'), { precision: 'float64' });
  const feeds: Record<string, Tensor> = {};
  inputs.forEach((input, i) => {
    feeds[`x${i}`] = { type: 'float64', dims: input.dims, data: drawValues(input, seed + i) };
  });
  parts.forEach(({ weights }, i) => {
    feeds[`weights${i}`] = weights;
  });
  const result = await session.run(feeds);
  for (const name of by) await compare(session, feeds, { name, written: result[`d_${name}`].data as Float64Array });
}

async function compare(
  session: ReturnType<typeof openReferenceModel>,
  feeds: Record<string, Tensor>,
  { name, written }: { name: string; written: Float64Array },
): Promise<void> {
  const x = feeds[name].data as Float64Array;
  expect(written.length, `size of the gradient by ${name}`).toBe(x.length);
  const scale = Math.max(1e-3, ...written.map(Math.abs));
  const loss = async () => Number((await session.run(feeds)).loss.data[0]);
  // A spread of elements is enough: a wrong index or factor shows at once.
  const step = Math.max(1, Math.floor(x.length / 12));
  for (let i = 0; i < x.length; i += step) {
    const original = x[i];
    x[i] = original + 1e-5;
    const above = await loss();
    x[i] = original - 1e-5;
    const below = await loss();
    x[i] = original;
    expect(Math.abs((above - below) / 2e-5 - written[i]) / scale, `∂/∂${name}[${i}] = ${written[i]}`).toBeLessThan(
      1e-6,
    );
  }
}

/** The usual case: one operator, its first inputs differentiated. */
export function checkOp<K extends Op>(
  op: K,
  inputs: readonly Input[],
  attributes: PlainAttributes<K> = {},
  lowering = CONV3D,
): Promise<void> {
  return checkGradient(inputs, (g, names) => [g.op(op, names, attributes)], lowering);
}
