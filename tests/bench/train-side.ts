/** What both sides of the comparison can do, and the one recipe that both follow: that of `src/core/learn/segment.ts`. */
import { availableParallelism } from 'node:os';

export const RECIPE = { learningRate: 3e-4, weightDecay: 0.01, clipNorm: 1 } as const;
export const THREADS = availableParallelism();

/** Weights and first moments (the moments after one step are the clipped gradient times a constant), flat, our order. */
export interface Learned {
  readonly weights: Float32Array;
  readonly moments: Float32Array;
}

export interface Runner {
  /** The process that does the work. */
  readonly pid: number;
  /** Runs steps; the mean time of one and the loss of the last. */
  step(count: number): Promise<{ readonly ms: number; readonly loss: number }>;
  close(): Promise<void>;
}

/** A runner that can show what it learned. */
export interface Side extends Runner {
  learned(): Promise<Learned>;
}
