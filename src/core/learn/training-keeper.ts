/**
 * How a training that was cut off goes on: it leaves checkpoints with a keeper and asks it for the one of an earlier run.
 * It knows nothing of files; `main/tasks/training-keeper.ts` is the keeper on disk.
 */
import type { TrainingProgram } from '../nn/training.ts';
import type { Random } from '../random.ts';
import type { CheckpointChoice } from './checkpoints.ts';
import type { BatchSource } from './patches.ts';
import type { TrainingCheckpoint } from './training-checkpoint.ts';
import { runTraining, type TrainingRun } from './training-run.ts';

export interface TrainingKeeper {
  /** Called once before the first step with what decides every later one. Null: start from the beginning. */
  recall(facts: TrainingFacts): Promise<TrainingCheckpoint | null>;
  /** Whether it is time for another one: asked after every step. */
  due(): boolean;
  /** Never rejects: a training goes on without checkpoints where they cannot be written. */
  keep(checkpoint: Omit<TrainingCheckpoint, 'identity'>): Promise<void>;
}

export interface TrainingFacts {
  /** ONNX bytes of the step graph, in its plain form. */
  readonly program: Uint8Array;
  /** Schedule, optimiser, augmentation …: plain data. */
  readonly settings: unknown;
}

/** The checkpoint of an interrupted run of this training, or null. */
export async function recallTraining(
  keeper: TrainingKeeper | undefined,
  program: TrainingProgram,
  facts: () => TrainingFacts,
): Promise<TrainingCheckpoint | null> {
  const found = (await keeper?.recall(facts())) ?? null;
  return found && fits(found, program) ? found : null;
}

/** The same names, types and shapes as the state that the program starts with. */
function fits({ state }: TrainingCheckpoint, program: TrainingProgram): boolean {
  const initial = program.sessionOptions.initial ?? {};
  const form = (tensors: typeof initial) =>
    JSON.stringify(
      Object.entries(tensors)
        .map(([name, { type, dims }]) => [name, type, dims])
        .sort(),
    );
  return form(state) === form(initial);
}

export interface Resumption {
  /** The chance that `run.nextBatch` draws from. */
  readonly random: Random;
  readonly choice: CheckpointChoice;
  readonly before: TrainingCheckpoint | null;
  readonly keeper: TrainingKeeper | undefined;
}

/** `runTraining` that goes on from `before` and leaves checkpoints with `keeper`. `run.session` was opened on `before.state`. */
export async function runKept(
  run: TrainingRun & { readonly nextBatch: BatchSource },
  { random, choice, before, keeper }: Resumption,
): Promise<number[]> {
  const { session, nextBatch } = run;
  const losses = [...(before?.losses ?? [])];
  if (before) {
    random.restore(before.random);
    nextBatch.setOrder(before.order);
  }
  return runTraining({
    ...run,
    lossesBefore: before?.losses,
    onStep: async (step, total, loss) => {
      losses.push(loss);
      await run.onStep?.(step, total, loss);
      if (!keeper?.due()) return;
      const state = await session.readState();
      await keeper.keep({ losses, random: random.state(), order: nextBatch.order(), best: choice.best(), state });
    },
  });
}
