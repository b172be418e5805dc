/** Tells every listening window what happened. A listener that is slow gets the newest state of a job, never a flood of old ones. */
import type { WorkstationEvent } from '../core/contract.ts';

export interface Events {
  emit(event: WorkstationEvent): void;
  /** Ends when the signal aborts, the caller stops reading, or the workstation closes. */
  listen(first: readonly WorkstationEvent[], signal: AbortSignal | undefined): AsyncIterable<WorkstationEvent>;
  close(): void;
}

/** A listener this far behind is let go: it listens anew and asks for everything, which costs less than the backlog. */
const MOST_WAITING = 5000;

interface Listener {
  readonly waiting: WorkstationEvent[];
  wake: () => void;
  closed: boolean;
  end(): void;
}

function push(listener: Listener, event: WorkstationEvent): void {
  if (event.kind === 'job.progressed') {
    const { jobId } = event.job;
    const index = listener.waiting.findIndex((old) => old.kind === 'job.progressed' && old.job.jobId === jobId);
    if (index >= 0) listener.waiting.splice(index, 1);
  }
  listener.waiting.push(event);
  if (listener.waiting.length > MOST_WAITING) listener.end();
  else listener.wake();
}

export function createEvents(): Events {
  const listeners = new Set<Listener>();
  let over = false;

  /** Not an async generator: `return()` of one waits for its pending `await`, and so would leak a listener until the next event. */
  function listen(first: readonly WorkstationEvent[], signal: AbortSignal | undefined) {
    const end = () => {
      listener.closed = true;
      listener.waiting.length = 0;
      listeners.delete(listener);
      signal?.removeEventListener('abort', end);
      listener.wake();
    };
    const listener: Listener = { waiting: [...first], wake: () => {}, closed: false, end };
    listeners.add(listener);
    signal?.addEventListener('abort', end, { once: true });
    if (over || signal?.aborted) end();
    const iterator: AsyncIterableIterator<WorkstationEvent, undefined> = {
      async next() {
        while (!listener.closed && listener.waiting.length === 0) {
          await new Promise<void>((resolve) => {
            listener.wake = resolve;
          });
        }
        const value = listener.closed ? undefined : listener.waiting.shift();
        return value ? { value, done: false } : { value: undefined, done: true };
      },
      async return() {
        end();
        return { value: undefined, done: true };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  return {
    emit: (event) => {
      for (const listener of listeners) push(listener, event);
    },
    listen,
    close: () => {
      over = true;
      for (const listener of [...listeners]) listener.end();
    },
  };
}
