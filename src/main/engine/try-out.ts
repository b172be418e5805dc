/** Runs a model once on given tensors. Child only, in a process that is thrown away afterwards. */
import type { Tensor } from '../../core/nn/session.ts';
import { childSession } from './child-session.ts';
import type { Tensors } from './messages.ts';
import { openRuntime, unusable } from './runtime.ts';

/** Errors: `model-unusable`. */
export async function tryOut(model: Uint8Array, feeds: Tensors, threads: number): Promise<Record<string, Tensor>> {
  const on = { provider: 'cpu', threads } as const;
  const runtime = await openRuntime(model, on, { purpose: 'inference' }).catch((cause: unknown) => {
    throw unusable('the model could not be loaded', cause);
  });
  return childSession(runtime, {}, on).run(feeds);
}
