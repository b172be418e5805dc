/** The checkpoint that a made-up training leaves at a step: every number in it follows from the step. */
import type { TrainingCheckpoint } from '../../../src/core/learn/training-checkpoint.ts';

export function checkpointAt(step: number, length = 20_000): TrainingCheckpoint {
  const vector = (shift: number) => ({
    type: 'float32' as const,
    dims: [length],
    data: Float32Array.from({ length }, (_, i) => step * 1000 + shift + (i % 997)),
  });
  return {
    identity: 'made up',
    losses: Array.from({ length: step }, (_, i) => 1 / (i + 1)),
    random: [step, 2, 3, 4],
    order: [step % 7],
    best: null,
    state: { theta: vector(0), m: vector(1), v: vector(2) },
  };
}
