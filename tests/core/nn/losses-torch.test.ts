/** Every loss against PyTorch: values and gradients, with weights and targets that are no class. */
import { describe, expect, it } from 'vitest';
import { type LossTerm, totalLoss } from '../../../src/core/nn/loss-terms.ts';
import { torchCases } from '../../fixtures/torch-values.ts';
import { checkTorch } from './torch-check.ts';

const FACTORS = [0.5, 1, 2.5];

/** By the name of the case in tests/tools/torch/losses.py. */
const TERMS: Readonly<Record<string, LossTerm>> = {
  'cross-entropy': { kind: 'cross-entropy' },
  'cross-entropy, class weights': { kind: 'cross-entropy', classWeights: FACTORS },
  'cross-entropy, smoothed': { kind: 'cross-entropy', labelSmoothing: 0.2 },
  'cross-entropy, class weights, smoothed': { kind: 'cross-entropy', classWeights: FACTORS, labelSmoothing: 0.1 },
  'focal, gamma 2': { kind: 'focal' },
  'focal, gamma 1.5, class weights': { kind: 'focal', gamma: 1.5, classWeights: FACTORS },
  'focal, gamma 0': { kind: 'focal', gamma: 0 },
  dice: { kind: 'dice' },
  'tversky 0.3 0.7': { kind: 'tversky', alpha: 0.3, beta: 0.7 },
  'tversky together, by sample': { kind: 'tversky', alpha: 0.75, beta: 0.25, over: 'sample', classes: 'together' },
  'focal tversky': { kind: 'tversky', alpha: 0.3, beta: 0.7, exponent: 0.75, over: 'sample' },
  lovasz: { kind: 'lovasz' },
  mse: { kind: 'mse' },
  l1: { kind: 'l1' },
  'smooth l1': { kind: 'l1', delta: 0.25 },
  ssim: { kind: 'ssim' },
  'gradient-mse': { kind: 'gradient-mse' },
};

const CASES = torchCases('losses');

describe('a loss gives PyTorch’s value and gradient:', () => {
  it('every case of the file has its term', () => {
    expect(CASES.map(({ name }) => name).sort()).toEqual(Object.keys(TERMS).sort());
  });

  for (const one of CASES) {
    it(one.name, () =>
      checkTorch(one, (g, inputs) => {
        if (inputs.logits === undefined) {
          return [totalLoss(g, [TERMS[one.name]], inputs.answer, { target: inputs.truth, weight: inputs.weight })];
        }
        const target = g.op('Cast', [inputs.target], { to: 6 });
        return [totalLoss(g, [TERMS[one.name]], inputs.logits, { target, weight: inputs.weight })];
      }),
    );
  }
});
