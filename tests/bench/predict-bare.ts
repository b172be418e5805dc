/** The parent's end of `predict-child.ts`. */
import { fork } from 'node:child_process';
import { resolve } from 'node:path';
import type { Tensor } from '../../src/core/nn/session.ts';
import type { ToBare } from './predict-child.ts';

export interface Bare {
  /** Loads a model and keeps its inputs; two of them are run to warm up. */
  open(name: string, model: Uint8Array, inputs: readonly Tensor[]): Promise<void>;
  /** Milliseconds for every input of the model once. */
  run(name: string): Promise<number>;
  /** GFLOP/s of a product of square matrices. */
  matmul(size: number): Promise<number>;
  close(): void;
}

export function startBare(): Bare {
  const child = fork(resolve(import.meta.dirname, 'predict-child.ts'), [], { serialization: 'advanced' });
  const ask = (message: ToBare) =>
    new Promise<number>((done, fail) => {
      const died = () => fail(new Error('the process of the bare session ended; its reason is printed above'));
      child.once('exit', died);
      child.once('message', (answer) => {
        child.off('exit', died);
        done(answer as number);
      });
      child.send(message);
    });
  return {
    open: async (name, model, inputs) => void (await ask({ kind: 'open', name, model, inputs })),
    run: (name) => ask({ kind: 'run', name }),
    matmul: (size) => ask({ kind: 'matmul', size }),
    close: () => void child.kill('SIGKILL'),
  };
}
