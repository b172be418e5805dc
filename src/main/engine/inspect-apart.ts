/** Asks something about a model of a process that is thrown away afterwards, so that a hostile file costs nothing that matters. */
import { HistoloopError, isHistoloopError } from '../../core/errors.ts';
import type { ChildLink } from './child-link.ts';
import type { ModelInspection } from './engine-facts.ts';
import type { Answer, Ask } from './messages.ts';
import { refuseSize } from './model-file.ts';

const PATIENCE_MS = 120_000;

export interface Apart {
  readonly start: () => ChildLink;
  readonly patienceMs?: number;
}

type Question = 'inspect' | 'examine' | 'tryOut';

/** Errors: what the question answers, and `model-unusable` where it took the process down or did not end in time. */
export async function askApart<K extends Question>(ask: Ask<K>, how: Apart): Promise<Answer<K>> {
  const patienceMs = how.patienceMs ?? PATIENCE_MS;
  const link = how.start();
  const tooSlow = new HistoloopError(
    'model-unusable',
    `a trial of the model on two small pictures took over ${patienceMs / 1000} s; use a smaller network`,
  );
  const timer = setTimeout(() => void link.kill(tooSlow), patienceMs);
  try {
    return await link.call<K>(ask);
  } catch (error) {
    if (!isHistoloopError(error) || error.code !== 'engine-died') throw error;
    throw new HistoloopError('model-unusable', `the model took down the process that tried it; ${error.message}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    await link.kill(new HistoloopError('cancelled', 'the inspection is over'));
  }
}

/** Errors: `model-unusable` (also where the trial crashed or took too long), `model-output-invalid`. */
export async function inspectApart(
  model: Uint8Array,
  { threads, ...how }: Apart & { readonly threads: number },
): Promise<ModelInspection> {
  refuseSize(model);
  return askApart<'inspect'>({ kind: 'inspect', model, threads }, how);
}
