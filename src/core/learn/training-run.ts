/**
 * The loop of every training: draw a batch, run the step graph, look at the loss, go on. What is trained on, and what
 * becomes of the result, is the caller's.
 */
import { type CancelSignal, throwIfCancelled } from '../cancel.ts';
import { HistoloopError } from '../errors.ts';
import type { Session } from '../nn/session.ts';
import { type Optimiser, stepHyper, type TrainingProgram } from '../nn/training.ts';
import type { Batch } from './patches.ts';
import { learningRateAt, type Schedule } from './schedule.ts';

export interface TrainingRun {
  readonly program: TrainingProgram;
  /** Opened from `program.bytes` with `program.sessionOptions`. */
  readonly session: Session;
  readonly optimiser: Optimiser;
  readonly schedule: Schedule;
  readonly nextBatch: () => Batch;
  /** Share of the averaged weights that stays at each step, where the program keeps them; default 0.999. */
  readonly emaKeep?: number | undefined;
  /** Losses of an interrupted run that goes on; `session` and `nextBatch` stand where it stood. */
  readonly lossesBefore?: readonly number[] | undefined;
  /** Called after each step, counted from 1; waited for. */
  readonly onStep?: ((step: number, total: number, loss: number) => void | Promise<void>) | undefined;
  readonly signal?: CancelSignal | undefined;
}

/**
 * Loss of every step; of gathered runs (`program.accumulate`) their mean.
 * Errors: `training-diverged` where a loss is not a number, `cancelled` between steps.
 */
export async function runTraining(run: TrainingRun): Promise<number[]> {
  const { program, schedule } = run;
  const losses = [...(run.lossesBefore ?? [])];
  for (let step = losses.length + 1; step <= schedule.steps; step++) {
    throwIfCancelled(run.signal);
    let loss = 0;
    for (let part = 1; part <= program.accumulate; part++) {
      loss += (await runOnce(run, step, part === program.accumulate)) / program.accumulate;
    }
    if (!Number.isFinite(loss)) throw diverged(step, loss, schedule.learningRate);
    losses.push(loss);
    await run.onStep?.(step, schedule.steps, loss);
  }
  return losses;
}

async function runOnce(run: TrainingRun, step: number, apply: boolean): Promise<number> {
  const { program, session, schedule, emaKeep = 0.999 } = run;
  const batch = run.nextBatch();
  const outputs = await session.run({
    [program.inputs.image.name]: batch.image,
    [program.inputs.target.name]: batch.target,
    [program.inputs.weight.name]: batch.weight,
    [program.inputs.hyper.name]: stepHyper(step, learningRateAt(step, schedule), run.optimiser, {
      apply,
      emaKeep,
    }),
  });
  return Number(outputs[program.outputs.loss]?.data[0]);
}

function diverged(step: number, loss: number, learningRate: number): HistoloopError {
  const message = `training diverged at step ${step} (loss ${loss}, learning rate ${learningRate}); the model was left as it was: try again with a smaller learning rate`;
  return new HistoloopError('training-diverged', message, { data: { step, learningRate } });
}
