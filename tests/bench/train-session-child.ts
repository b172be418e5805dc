/** The process of `startSession` (train-session.ts): the engine's own service with one batch, steps on demand. */
import { createService } from '../../src/main/engine/child-service.ts';
import type { SessionJob } from './train-session.ts';
import { THREADS } from './train-side.ts';

const perform = createService();
let step: (() => Promise<unknown>) | null = null;

async function open({ bytes, sessionOptions, feeds }: SessionJob): Promise<void> {
  await perform({ kind: 'configure', asked: 'cpu', threads: THREADS, fallbackReason: null });
  await perform({ kind: 'open', session: 1, model: bytes, options: sessionOptions });
  step = () => perform({ kind: 'run', session: 1, feeds });
}

async function run(count: number): Promise<number> {
  const before = performance.now();
  for (let i = 0; i < count; i++) await step?.();
  return (performance.now() - before) / count;
}

process.on('message', async (message: SessionJob | number) => {
  if (typeof message === 'number') process.send?.({ ms: await run(message), loss: Number.NaN });
  else {
    await open(message);
    process.send?.({ ms: 0, loss: Number.NaN });
  }
});
