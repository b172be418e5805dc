/** The bare session of our step: the batch stays where the runtime is, so that the cost of the border can be told. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { resolve } from 'node:path';
import type { SessionOptions, Tensor } from '../../src/core/nn/session.ts';
import type { TrainingProgram } from '../../src/core/nn/training.ts';
import type { BenchBatch } from './train-networks.ts';
import { feedsOf } from './train-ours.ts';
import type { Runner } from './train-side.ts';

export interface SessionJob {
  readonly bytes: Uint8Array;
  readonly sessionOptions: SessionOptions;
  readonly feeds: Record<string, Tensor>;
}

export async function startSession(program: TrainingProgram, batch: BenchBatch): Promise<Runner> {
  const child = fork(resolve(import.meta.dirname, 'train-session-child.ts'), [], { serialization: 'advanced' });
  setPriority(child.pid!, constants.priority.PRIORITY_BELOW_NORMAL);
  const gone = once(child, 'exit').then(() => undefined);
  const ask = async (message: SessionJob | number) => {
    child.send(message as object);
    const answer = await Promise.race([new Promise((hear) => child.once('message', hear)), gone]);
    if (answer === undefined) throw new Error('the process of the bare session ended; its reason is printed above');
    return answer as { ms: number; loss: number };
  };
  const { bytes, sessionOptions } = program;
  await ask({ bytes, sessionOptions, feeds: feedsOf(program, batch, 1) });
  return {
    pid: child.pid!,
    step: ask,
    close: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
