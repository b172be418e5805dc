/** Learning rate over a run: a warm-up, then one of several ways down. Pure numbers; who applies them is `training-run.ts`. */

export type Schedule = {
  /** The highest rate. */
  readonly learningRate: number;
  readonly steps: number;
  /** The rate rises to `learningRate` over so many steps, in a straight line; 0: it starts there. */
  readonly warmUpSteps: number;
} & Fall;

type Fall =
  /** Half a cosine down (Loshchilov & Hutter 2017, eq. 5), to `rest` at the last step. */
  | { readonly kind?: 'cosine'; readonly rest: number }
  | { readonly kind: 'constant' }
  /** Times `factor` after every so many steps. */
  | { readonly kind: 'step'; readonly every: number; readonly factor: number }
  /** (1 − progress)^power, to `rest` at the last step; power 1 is a straight line. */
  | { readonly kind: 'polynomial'; readonly power: number; readonly rest: number }
  /** Half a cosine up from `start` at the first step, and one down to `rest` (Smith & Topin 2018); momentum stays. */
  | { readonly kind: 'one-cycle'; readonly start: number; readonly rest: number };
// `start` and `rest` are shares of `learningRate`.

/** The rate of a step, counted from 1. */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { learningRate, steps, warmUpSteps } = schedule;
  if (step <= warmUpSteps) return learningRate * riseAt(step, schedule);
  return learningRate * fallAt(step - warmUpSteps, Math.max(1, steps - warmUpSteps), schedule);
}

function riseAt(step: number, schedule: Schedule): number {
  const { warmUpSteps } = schedule;
  if (schedule.kind !== 'one-cycle') return step / warmUpSteps;
  return warmUpSteps === 1 ? 1 : cosine(schedule.start, 1, (step - 1) / (warmUpSteps - 1));
}

/** `step` counts from 1 after the warm-up. */
function fallAt(step: number, steps: number, schedule: Schedule): number {
  const progress = Math.min(1, step / steps);
  switch (schedule.kind) {
    case 'constant':
      return 1;
    case 'step':
      return schedule.factor ** Math.floor((step - 1) / schedule.every);
    case 'polynomial':
      return schedule.rest + (1 - schedule.rest) * (1 - progress) ** schedule.power;
    default:
      return cosine(1, schedule.rest, progress);
  }
}

/** From one value to another along half a cosine. */
function cosine(from: number, to: number, progress: number): number {
  return to + (from - to) * 0.5 * (1 + Math.cos(Math.PI * progress));
}
