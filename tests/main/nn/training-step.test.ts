/** The whole training step on stock onnxruntime (CPU) against the slow reference. */
import { beforeAll, describe, expect, it } from 'vitest';
import { foldBatchNorm } from '../../../src/core/nn/fold-batch-norm.ts';
import { encodeModel } from '../../../src/core/nn/onnx.ts';
import { openReference, openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import {
  buildTrainingProgram,
  stepHyper,
  type TrainingOptions,
  writeParameters,
} from '../../../src/core/nn/training.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { threeHeads } from '../../core/nn/small-network.ts';
import { headFeeds, TINY, type Trained, tinyBatch, trainTiny } from '../../core/nn/tiny-training.ts';
import { openOnnxRuntime } from './onnxruntime-session.ts';

const UNET = buildUnet({ inputChannels: 3, classes: 3, channels: [4, 6, 8], seed: 11 });

/** Largest difference relative to the largest value. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(b[i]));
  }
  return difference / largest;
}

const numbers = (tensor: Tensor) => tensor.data as Float32Array;

const SETTINGS: Readonly<Record<string, Partial<TrainingOptions>>> = {
  'frozen averages, cross-entropy and Dice': { batchNorm: 'frozen' },
  'batch statistics, all three losses, clipping': {
    batchNorm: 'batch',
    loss: [{ kind: 'cross-entropy' }, { kind: 'dice', factor: 0.5 }, { kind: 'focal' }],
    clipNorm: 0.5,
  },
  'every other loss on classes, Nesterov’s momentum': {
    loss: [
      { kind: 'cross-entropy', labelSmoothing: 0.1, classWeights: [1, 2, 0.5] },
      { kind: 'focal', gamma: 1.5 },
      { kind: 'tversky', alpha: 0.3, beta: 0.7, exponent: 0.75 },
      { kind: 'structure' },
      { kind: 'lovasz' },
    ],
    optimiser: { kind: 'sgd', nesterov: true, weightDecay: 1e-2 },
  },
  'losses on values, averaged weights': {
    loss: [{ kind: 'mse' }, { kind: 'l1', delta: 0.1 }],
    averageWeights: true,
  },
  'adapters, two learning rates, Adam': {
    adapters: { rank: 1, alpha: 2, on: (name) => name.endsWith('.weight') },
    trainable: (name) => name.startsWith('head'),
    groups: [{ on: (name) => name.startsWith('head'), rate: 3 }],
    optimiser: { kind: 'adam', weightDecay: 1e-2 },
  },
  'gathered gradients': { accumulate: 2, clipNorm: 0.5 },
  'pictures as bytes': { bytes: { mean: [0.5, 0.4, 0.6], deviation: [0.2, 0.3, 0.25] } },
  'one matrix product per tap, momentum': {
    lowering: { weightGradient: 'shifted-matmul' },
    optimiser: { kind: 'sgd', weightDecay: 1e-2 },
  },
};

for (const [name, options] of Object.entries(SETTINGS)) {
  describe(`one training step with ${name}`, () => {
    let fast: Trained;
    let slow: Trained;
    beforeAll(async () => {
      const run = { options: { ...options, exposeGradient: true }, learningRate: 1e-3 };
      fast = await trainTiny(UNET, openOnnxRuntime, run);
      slow = await trainTiny(UNET, openReference, run);
    });

    it('gives the reference’s loss', () => {
      expect(Math.abs(fast.losses[0] / slow.losses[0] - 1)).toBeLessThan(1e-5);
    });

    it('gives the reference’s gradient', () => {
      expect(distance(fast.gradient, slow.gradient)).toBeLessThan(1e-4);
    });

    it('gives the reference’s new weights and averages', () => {
      expect(distance(numbers(fast.state.theta), numbers(slow.state.theta))).toBeLessThan(1e-4);
      if (slow.state.running)
        expect(distance(numbers(fast.state.running), numbers(slow.state.running))).toBeLessThan(1e-4);
    });
  });
}

describe('a network with three answers', () => {
  it('gives the reference’s loss and gradient with a loss for each, SSIM and slopes of distances among them', async () => {
    const model = threeHeads(12);
    const options: Partial<TrainingOptions> = {
      heightPx: 12,
      widthPx: 12,
      output: 'np',
      heads: [
        { output: 'hv', loss: [{ kind: 'ssim' }, { kind: 'gradient-mse', within: 'foreground' }, { kind: 'l1' }] },
        { output: 'tp', loss: [{ kind: 'focal', gamma: 1 }] },
      ],
      exposeGradient: true,
    };
    const program = buildTrainingProgram(model, { ...TINY, ...options });
    const run = { options, feeds: headFeeds(program) };
    const [fast, slow] = [await trainTiny(model, openOnnxRuntime, run), await trainTiny(model, openReference, run)];
    expect(Math.abs(fast.losses[0] / slow.losses[0] - 1)).toBeLessThan(1e-5);
    expect(distance(fast.gradient, slow.gradient)).toBeLessThan(1e-4);
  });
});

describe('twenty steps on onnxruntime', () => {
  it('bring the loss down, twice exactly alike', async () => {
    const run = { options: { batchNorm: 'batch' }, steps: 20 } as const;
    const one = await trainTiny(UNET, openOnnxRuntime, run);
    const other = await trainTiny(UNET, openOnnxRuntime, run);
    expect(one.losses.at(-1)).toBeLessThan(one.losses[0] * 0.6);
    expect(other.losses).toEqual(one.losses);
    expect(other.state.theta.data).toEqual(one.state.theta.data);
  });

  it('can be continued from a checkpoint as if nothing had happened', async () => {
    const options = { batchNorm: 'batch' } as const;
    const whole = await trainTiny(UNET, openOnnxRuntime, { options, steps: 2 });
    const half = await trainTiny(UNET, openOnnxRuntime, { options, steps: 1 });
    const program = half.program;
    const session = await openOnnxRuntime(program.bytes, { ...program.sessionOptions, initial: half.state });
    const { loss } = await session.run({ ...tinyBatch(program), hyper: stepHyper(2, 1e-2, { kind: 'adamw' }) });
    expect(loss.data[0]).toBe(whole.losses[1]);
    expect((await session.readState()).theta.data).toEqual(whole.state.theta.data);
    await session.close();
  });
});

describe('a learned model', () => {
  it('answers alike on onnxruntime and on the reference, folded or not', async () => {
    const { program, state } = await trainTiny(UNET, openOnnxRuntime, { options: { batchNorm: 'batch' }, steps: 5 });
    const learned = writeParameters(UNET, program, state);
    const { image } = tinyBatch(program);
    const { logits } = await openReferenceModel(learned).run({ image });
    for (const model of [learned, foldBatchNorm(learned)]) {
      const session = await openOnnxRuntime(encodeModel(model));
      const result = await session.run({ image });
      expect(distance(numbers(result.logits), numbers(logits))).toBeLessThan(1e-4);
      await session.close();
    }
  });
});
