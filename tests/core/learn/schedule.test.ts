import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { learningRateAt, type Schedule } from '../../../src/core/learn/schedule.ts';

const FILE = join(import.meta.dirname, '../../fixtures/torch/optimisers.json');
const { schedules } = JSON.parse(readFileSync(FILE, 'utf8')) as { schedules: Record<string, number[]> };

const RUN = { learningRate: 0.1, steps: 20, warmUpSteps: 0 } as const;

/** The rates of steps 1…count. */
const rates = (schedule: Schedule, count = 20) =>
  Array.from({ length: count }, (_, i) => learningRateAt(i + 1, schedule));

function expectNear(found: readonly number[], expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  for (const [i, rate] of found.entries()) expect(rate).toBeCloseTo(expected[i]!, 12);
}

describe('a schedule agrees with PyTorch’s:', () => {
  // Where PyTorch's rate comes to rest one step after the run, ours does at its last step.
  it('cosine, a step ahead', () => {
    expectNear(rates({ ...RUN, kind: 'cosine', rest: 0.02 }, 19), schedules.cosine!.slice(1));
  });

  it('polynomial, a step ahead', () => {
    expectNear(rates({ ...RUN, kind: 'polynomial', power: 0.9, rest: 0 }, 19), schedules.polynomial!.slice(1));
  });

  it('step', () => {
    expectNear(rates({ ...RUN, kind: 'step', every: 6, factor: 0.3 }), schedules.step!);
  });

  it('one cycle', () => {
    const schedule = { ...RUN, kind: 'one-cycle', warmUpSteps: 6, start: 1 / 25, rest: 1 / 2500 } as const;
    expectNear(rates(schedule), schedules['one-cycle']!);
  });
});

describe('a schedule', () => {
  it('rises in a straight line, then falls, and ends at its rest', () => {
    const found = rates({ ...RUN, warmUpSteps: 4, rest: 0.1 });
    expectNear(found.slice(0, 4), [0.025, 0.05, 0.075, 0.1]);
    expect(found[4]).toBeLessThan(0.1);
    expect(found.at(-1)).toBeCloseTo(0.01, 12);
  });

  it('may stay where it is after the warm-up', () => {
    expectNear(rates({ ...RUN, warmUpSteps: 2, kind: 'constant' }, 5), [0.05, 0.1, 0.1, 0.1, 0.1]);
  });

  it('is a number for a single step, and beyond the end', () => {
    for (const warmUpSteps of [0, 1]) {
      for (const kind of ['cosine', 'one-cycle'] as const) {
        const schedule = { learningRate: 1, steps: 1, warmUpSteps, kind, start: 0.1, rest: 0.1 };
        expect(learningRateAt(1, schedule)).toBeGreaterThan(0);
        expect(learningRateAt(3, schedule)).toBeCloseTo(0.1, 12);
      }
    }
  });
});
