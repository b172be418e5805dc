/** Learning rate over a run: a straight warm-up, then half a cosine down to a small rest. */

export interface Schedule {
  readonly learningRate: number;
  readonly steps: number;
  readonly warmUpSteps: number;
  /** What is left at the end, as a share of `learningRate`. */
  readonly rest: number;
}

/** The rate of a step, counted from 1. */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { learningRate, steps, warmUpSteps, rest } = schedule;
  if (step <= warmUpSteps) return (learningRate * step) / warmUpSteps;
  const progress = (step - warmUpSteps) / Math.max(1, steps - warmUpSteps);
  return learningRate * (rest + (1 - rest) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress))));
}
