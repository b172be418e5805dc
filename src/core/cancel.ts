/** Cancellation as core sees it: an AbortSignal fits, and so does a plain object in a test. */
import { HistoloopError } from './errors.ts';

export interface CancelSignal {
  readonly aborted: boolean;
}

/** Throws `cancelled` where the signal is set; call it between steps of long work. */
export function throwIfCancelled(signal: CancelSignal | undefined): void {
  if (signal?.aborted) throw new HistoloopError('cancelled', 'cancelled');
}
