import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

/** Steps on f(w) = Σ (c·w)² from (0.5, −0.3, 0.1), as in specification D4. */
async function descend(optimiser: Optimiser, learningRate: number, decayMask: readonly number[] | null, steps = 3) {
  const path = await walk({ optimiser, learningRate, decayMask, steps, from: [0.5, -0.3, 0.1], slope: squares });
  return path.at(-1)!;
}

/** Adds a function's value [1]. */
type Slope = (g: GraphBuilder, theta: string, c: string) => string;

const squares: Slope = (g, theta, c) => {
  const scaled = g.mul(theta, c);
  return g.sum(g.mul(scaled, scaled), [0]);
};

interface Walk {
  readonly optimiser: Optimiser;
  readonly learningRate: number;
  readonly decayMask: readonly number[] | null;
  readonly rates?: readonly number[];
  readonly clipNorm?: number;
  readonly steps: number;
  readonly from: readonly number[];
  /** With c = 1, 2, 3, … */
  readonly slope: Slope;
}

/** Where each step leads. */
async function walk(to: Walk): Promise<number[][]> {
  const g = new GraphBuilder();
  const size = to.from.length;
  const [theta, m, v] = ['theta', 'm', 'v'].map((name) => g.input(name, 'float32', [size]));
  const hyper = sliceHyper(g, g.input('hyper', 'float32', [HYPER_LENGTH]));
  const c = g.floats(
    [size],
    to.from.map((_, i) => i + 1),
  );
  const slope = differentiate(g, { of: to.slope(g, theta, c), by: [theta], lowering: CONV3D }).get(theta)!;
  const gradient = to.clipNorm === undefined ? slope : clipGlobalNorm(g, slope, to.clipNorm);
  const vectorOf = (values: readonly number[] | null | undefined) => (values ? g.floats([size], values) : null);
  const [decayMask, rates] = [vectorOf(to.decayMask), vectorOf(to.rates)];
  const next = optimiserStep(g, to.optimiser, { state: { theta, m, v }, gradient, hyper, decayMask, rates });
  g.output('theta_next', next.theta);
  g.output('m_next', next.m);
  g.output('v_next', next.v ?? v);
  const zeros = vector(...to.from.map(() => 0));
  const session = openReferenceModel(g.finish('descent'), {
    precision: 'float64',
    state: { theta: 'theta_next', m: 'm_next', v: 'v_next' },
    initial: { theta: vector(...to.from), m: zeros, v: zeros },
  });
  const path: number[][] = [];
  for (let step = 1; step <= to.steps; step++) {
    await session.run({ hyper: stepHyper(step, to.learningRate, to.optimiser) });
    path.push(Array.from((await session.readState()).theta.data as Float64Array));
  }
  return path;
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

const TORCH = JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/torch/optimisers.json'), 'utf8')) as {
  start: number[];
  descents: Record<string, number[][]>;
};

const ALL = [1, 1, 1, 1];
const SLOW = [1, 1, 0.1, 0.1];
const ADAM = { learningRate: 0.02, decayMask: ALL };
const SGD = { learningRate: 0.01, decayMask: null };

/** By the name of the settings in tests/tools/torch/optimisers.py. */
const SETTINGS: Readonly<Record<string, Omit<Walk, 'steps' | 'from' | 'slope'>>> = {
  sgd: { ...SGD, optimiser: { kind: 'sgd', momentum: 0 } },
  'sgd, momentum': { ...SGD, optimiser: { kind: 'sgd' } },
  'sgd, nesterov, decay': {
    learningRate: 0.01,
    decayMask: ALL,
    optimiser: { kind: 'sgd', momentum: 0.8, nesterov: true, weightDecay: 0.1 },
  },
  adam: { ...ADAM, decayMask: null, optimiser: { kind: 'adam' } },
  'adam, betas, decay': { ...ADAM, optimiser: { kind: 'adam', beta1: 0.5, beta2: 0.99, weightDecay: 0.1 } },
  adamw: { ...ADAM, optimiser: { kind: 'adamw', weightDecay: 0.1 } },
  'adamw, clipped': { ...ADAM, clipNorm: 1.5, optimiser: { kind: 'adamw', weightDecay: 0.1 } },
  'adamw, groups': { ...ADAM, rates: SLOW, optimiser: { kind: 'adamw', weightDecay: 0.1 } },
  'adam, groups, decay': { ...ADAM, rates: SLOW, optimiser: { kind: 'adam', weightDecay: 0.1 } },
};

/** Σ (c·w)² + Σ sin(3·w) */
const wavy: Slope = (g, theta, c) => {
  const waves = g.op('Sin', [g.scale(theta, 3)]);
  return g.add(squares(g, theta, c), g.sum(waves, [0]));
};

describe('five steps agree with PyTorch’s', () => {
  it('for every optimiser of the file', () => {
    expect(Object.keys(SETTINGS).sort()).toEqual(Object.keys(TORCH.descents).sort());
  });

  for (const [name, settings] of Object.entries(SETTINGS)) {
    it(`for ${name}`, async () => {
      const path = await walk({ ...settings, steps: 5, from: TORCH.start, slope: wavy });
      path.forEach((found, i) => {
        // The learning rate and the constants are float32.
        found.forEach((value, k) => {
          expect(Math.abs(value - TORCH.descents[name][i][k])).toBeLessThan(1e-7);
        });
      });
    });
  }
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
