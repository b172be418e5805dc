import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { differentiate } from '../../../src/core/nn/grad.ts';
import {
  clipGlobalNorm,
  HYPER_LENGTH,
  type Optimiser,
  optimiserStep,
  sliceHyper,
  stepHyper,
} from '../../../src/core/nn/optimisers.ts';
import { openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { CONV3D } from './gradient-check.ts';

const vector = (...values: number[]): Tensor => ({
  type: 'float64',
  dims: [values.length],
  data: Float64Array.from(values),
});

/** Three steps on f(w) = Σ (c·w)² from (0.5, −0.3, 0.1), as in specification D4. */
async function descend(optimiser: Optimiser, learningRate: number, decayMask: readonly number[] | null, steps = 3) {
  const g = new GraphBuilder();
  const [theta, m, v] = ['theta', 'm', 'v'].map((name) => g.input(name, 'float32', [3]));
  const hyper = sliceHyper(g, g.input('hyper', 'float32', [HYPER_LENGTH]));
  const scaled = g.mul(theta, g.floats([3], [1, 2, 3]));
  const loss = g.sum(g.mul(scaled, scaled), [0]);
  const gradient = differentiate(g, { of: loss, by: [theta], lowering: CONV3D }).get(theta)!;
  const mask = decayMask === null ? null : g.floats([3], decayMask);
  const next = optimiserStep(g, optimiser, { state: { theta, m, v }, gradient, hyper, decayMask: mask });
  g.output('theta_next', next.theta);
  g.output('m_next', next.m);
  g.output('v_next', next.v ?? v);
  const session = openReferenceModel(g.finish('descent'), {
    precision: 'float64',
    state: { theta: 'theta_next', m: 'm_next', v: 'v_next' },
    initial: { theta: vector(0.5, -0.3, 0.1), m: vector(0, 0, 0), v: vector(0, 0, 0) },
  });
  for (let step = 1; step <= steps; step++) await session.run({ hyper: stepHyper(step, learningRate, optimiser) });
  return Array.from((await session.readState()).theta.data as Float64Array);
}

/** `hyper` travels as float32, so agreement is to float32. */
function expectNear(found: readonly number[], expected: readonly number[]): void {
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i], 7);
}

describe('the optimiser agrees with independent values (specification D4):', () => {
  it('Adam', async () => {
    const found = await descend({ kind: 'adamw', weightDecay: 0 }, 1e-2, null);
    expectNear(found, [0.4700213294, -0.2700381524, 0.0701586273]);
  });

  it('Adam with the betas of system 1', async () => {
    const found = await descend({ kind: 'adamw', weightDecay: 0, beta1: 0.5 }, 1e-2, null);
    expectNear(found, [0.4701226606, -0.2702087937, 0.0706971314]);
  });

  it('AdamW', async () => {
    const found = await descend({ kind: 'adamw', weightDecay: 1e-2 }, 1e-2, [1, 1, 1]);
    expectNear(found, [0.4698744611, -0.2699512931, 0.0701318497]);
  });
});

describe('an optimiser', () => {
  it('decays only what the mask names', async () => {
    const plain = await descend({ kind: 'adamw', weightDecay: 0 }, 1e-2, null);
    const some = await descend({ kind: 'adamw', weightDecay: 1e-2 }, 1e-2, [1, 0, 0]);
    expect(some[0]).toBeLessThan(plain[0] - 1e-5);
    expect(some.slice(1)).toEqual(plain.slice(1));
  });

  it('gathers speed by momentum: m ← 0.9 m + g, w ← w − lr·m', async () => {
    const found = await descend({ kind: 'sgd' }, 1e-2, null, 2);
    // By hand for c = 1: g = 2w; 0.5 → 0.5 − 0.01·1 = 0.49 → 0.49 − 0.01·(0.9 + 0.98).
    expect(found[0]).toBeCloseTo(0.4712, 7);
  });

  it('takes a step of length lr at first, whatever the gradient', async () => {
    const found = await descend({ kind: 'adamw', weightDecay: 0 }, 1e-3, null, 1);
    expectNear(found, [0.499, -0.299, 0.099]);
  });
});

describe('clipping', () => {
  async function clipped(values: number[], limit: number): Promise<number[]> {
    const g = new GraphBuilder();
    g.output('clipped', clipGlobalNorm(g, g.input('gradient', 'float32', [values.length]), limit));
    const result = await openReferenceModel(g.finish('clip'), { precision: 'float64' }).run({
      gradient: vector(...values),
    });
    return Array.from(result.clipped.data as Float64Array);
  }

  it('shortens a gradient that is too long and keeps its direction', async () => {
    const found = await clipped([30, 40], 5);
    expect(found[0]).toBeCloseTo(3, 9);
    expect(found[1]).toBeCloseTo(4, 9);
  });

  it('leaves a short one, and a zero one, as they are', async () => {
    expect(await clipped([0.3, 0.4], 5)).toEqual([0.3, 0.4]);
    expect(await clipped([0, 0], 5)).toEqual([0, 0]);
  });
});
