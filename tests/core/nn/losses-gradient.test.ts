/** Every loss's gradient against central differences in double precision, over random shapes, targets and weights. */
import { describe, it } from 'vitest';
import { type ClassLoss, totalLoss, type ValueLoss } from '../../../src/core/nn/loss-terms.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { createRandom, type Random } from '../../../src/core/random.ts';
import { checkGradient } from './gradient-check.ts';

const CLASS_TERMS: readonly ClassLoss[] = [
  { kind: 'cross-entropy' },
  { kind: 'cross-entropy', labelSmoothing: 0.3 },
  { kind: 'focal' },
  { kind: 'focal', gamma: 0.5 },
  { kind: 'focal', gamma: 3 },
  { kind: 'dice', over: 'sample' },
  { kind: 'tversky', alpha: 0.2, beta: 0.9, exponent: 0.75 },
  { kind: 'tversky', over: 'sample', classes: 'together' },
  { kind: 'lovasz' },
  { kind: 'lovasz', classes: 'all', mostPixels: 5 },
  { kind: 'structure', variant: 'seed' },
  { kind: 'structure', variant: 'pixel' },
  { kind: 'structure', variant: 'class-pixel', share: 0.3 },
];

const VALUE_TERMS: readonly ValueLoss[] = [
  { kind: 'mse' },
  { kind: 'l1' },
  { kind: 'l1', delta: 0.5 },
  { kind: 'ssim', range: 2 },
  { kind: 'gradient-mse' },
];

const label = (term: object) => Object.values(term).join(' ');
const between = (random: Random, low: number, high: number) => low + random.int(high - low + 1);
const weights = (random: Random, dims: readonly number[]) => {
  const size = dims.reduce((a, b) => a * b, 1);
  return tensorOf(
    'float32',
    dims,
    Array.from({ length: size }, () => (random.int(4) === 0 ? 0 : 0.2 + random.next())),
  );
};

describe('the gradient is that of differences of the loss:', () => {
  for (const term of CLASS_TERMS) {
    it(label(term), async () => {
      for (const seed of [1, 2, 3]) {
        const random = createRandom(seed);
        const [n, k, h, w] = [
          between(random, 1, 2),
          between(random, 2, 4),
          between(random, 2, 5),
          between(random, 2, 5),
        ];
        const dims = [n, 1, h, w];
        // One class more than there are: pixels that do not count.
        const target = tensorOf(
          'int32',
          dims,
          Array.from({ length: n * h * w }, () => random.int(k + 1)),
        );
        const weight = weights(random, dims);
        await checkGradient(
          [{ dims: [n, k, h, w] }],
          (g, [logits]) => [totalLoss(g, [term], logits, { target: g.constant(target), weight: g.constant(weight) })],
          undefined,
          seed,
        );
      }
    });
  }

  for (const term of VALUE_TERMS) {
    it(label(term), async () => {
      for (const seed of [1, 2, 3]) {
        const random = createRandom(seed);
        const [n, h, w] = [between(random, 1, 2), between(random, 11, 13), between(random, 11, 13)];
        const truth = tensorOf(
          'float32',
          [n, 2, h, w],
          Array.from({ length: n * 2 * h * w }, () => random.normal()),
        );
        const weight = weights(random, [n, 1, h, w]);
        await checkGradient(
          [{ dims: [n, 2, h, w] }],
          (g, [answer]) => [totalLoss(g, [term], answer, { target: g.constant(truth), weight: g.constant(weight) })],
          undefined,
          seed,
        );
      }
    });
  }
});
