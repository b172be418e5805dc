import { describe, expect, it } from 'vitest';
import { runTraining } from '../../../src/core/learn/training-run.ts';
import type { Session, Tensor } from '../../../src/core/nn/session.ts';
import { buildTrainingProgram } from '../../../src/core/nn/training.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';

const optimiser = { kind: 'adamw' } as const;

describe('a training that gathers gradients', () => {
  const program = buildTrainingProgram(buildUnet({ inputChannels: 3, classes: 2, channels: [2], seed: 1 }), {
    batch: 1,
    heightPx: 4,
    widthPx: 4,
    loss: [{ kind: 'cross-entropy' }],
    batchNorm: 'frozen',
    optimiser,
    clipNorm: null,
    accumulate: 3,
  });

  function batchOf(value: number) {
    const tensor = ({ type, dims }: Pick<Tensor, 'type' | 'dims'>): Tensor => ({
      type,
      dims,
      data: Float32Array.of(value),
    });
    const { image, target, weight } = program.inputs;
    return { image: tensor(image), target: tensor(target), weight: tensor(weight) };
  }

  /** Answers each run with its number as the loss. */
  function listening(hypers: number[][]): Session {
    return {
      run: async ({ hyper }) => {
        hypers.push(Array.from(hyper!.data as Float32Array));
        return { loss: { type: 'float32', dims: [1], data: Float32Array.of(hypers.length) } };
      },
      readState: async () => ({}),
      close: async () => {},
    };
  }

  it('runs several batches a step, applies the last, and tells their mean loss', async () => {
    const hypers: number[][] = [];
    let drawn = 0;
    const losses = await runTraining({
      program,
      session: listening(hypers),
      optimiser,
      schedule: { kind: 'constant', learningRate: 0.5, steps: 2, warmUpSteps: 0 },
      nextBatch: () => batchOf(drawn++),
      emaKeep: 0.75,
    });
    expect(drawn).toBe(6);
    expect(losses[0]).toBeCloseTo(2, 12);
    expect(losses[1]).toBeCloseTo(5, 12);
    expect(hypers.map(([rate]) => rate)).toEqual([0, 0, 0.5, 0, 0, 0.5]);
    expect(hypers.map((hyper) => hyper[5])).toEqual([0, 0, 0.25, 0, 0, 0.25]);
    // Both corrections of Adam count updates, not runs.
    expect(hypers[2]![1]).toBeCloseTo(10, 4);
    expect(hypers[5]![1]).toBeCloseTo(1 / (1 - 0.81), 4);
  });
});
