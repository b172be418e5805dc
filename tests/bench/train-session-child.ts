/** The process of `startSession` (train-session.ts): one runtime session and one batch, steps on demand. */
import { childSession } from '../../src/main/engine/child-session.ts';
import { openRuntime } from '../../src/main/engine/runtime.ts';
import type { SessionJob } from './train-session.ts';
import { THREADS } from './train-side.ts';

let step: (() => Promise<unknown>) | null = null;

process.on('message', async (message: SessionJob | number) => {
  if (typeof message !== 'number') {
    const runtime = await openRuntime(message.bytes, { provider: 'cpu', threads: THREADS }, 'training');
    const session = childSession(runtime, message.sessionOptions);
    step = () => session.run(message.feeds);
    process.send?.({ ms: 0, loss: 0 });
    return;
  }
  const before = performance.now();
  for (let i = 0; i < message; i++) await step?.();
  process.send?.({ ms: (performance.now() - before) / message, loss: Number.NaN });
});
