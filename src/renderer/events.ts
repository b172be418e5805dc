/** One subscription to the workstation's events, opened again with growing pauses when it breaks. It interprets nothing. */
import type { Client, WorkstationEvent } from '../core/contract.ts';

export interface EventHost {
  onEvent(event: WorkstationEvent): void;
  /** True when events flow (again), false when the workstation is away. */
  onConnected(connected: boolean): void;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8000;

/** Listens until the returned function is called. */
export function listen(client: Client, host: EventHost): () => void {
  const stop = new AbortController();

  async function follow(): Promise<void> {
    const events = await client.app.events(undefined, { signal: stop.signal });
    host.onConnected(true);
    for await (const event of events) {
      if (stop.signal.aborted) return;
      host.onEvent(event);
    }
  }

  async function run() {
    let retryMs = FIRST_RETRY_MS;
    while (!stop.signal.aborted) {
      const started = Date.now();
      await follow().catch(() => undefined);
      if (stop.signal.aborted) return;
      host.onConnected(false);
      if (Date.now() - started > LAST_RETRY_MS) retryMs = FIRST_RETRY_MS;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
    }
  }

  void run();
  return () => stop.abort();
}
