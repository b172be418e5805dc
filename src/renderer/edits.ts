/**
 * Edits on their way to the workstation: one at a time, in order, each kept until it is acknowledged or refused for good.
 * While the workstation is away the same request is sent again, so every gesture lands, in order, once.
 * It draws nothing; others hear what became of each edit.
 */
import type { EditInput, EditResult } from '../core/contract.ts';
import { isPassing } from './api.ts';

export type PendingRequest =
  | ({ readonly kind: 'edit' } & EditInput)
  | { readonly kind: 'undo' | 'redo'; readonly slideId: string; readonly requestId: string };

export interface EditQueueHost {
  send(request: PendingRequest): Promise<EditResult>;
  onAcknowledged(request: PendingRequest, result: EditResult): void;
  /** Refused for good: the edit is dropped. */
  onRefused(request: PendingRequest, error: unknown): void;
  /** How many wait, and the error they wait for (null: none). */
  onWaiting(pending: number, trouble: unknown): void;
}

export interface EditQueue {
  push(request: PendingRequest): void;
  /** Those not acknowledged yet, oldest first. */
  waiting(): readonly PendingRequest[];
  close(): void;
}

const FIRST_RETRY_MS = 300;
const LAST_RETRY_MS = 8000;

export function createEditQueue(host: EditQueueHost): EditQueue {
  const waiting: PendingRequest[] = [];
  let running = false;
  let closed = false;
  let wake: (() => void) | null = null;

  async function run() {
    running = true;
    let retryMs = FIRST_RETRY_MS;
    while (waiting.length > 0 && !closed) {
      const request = waiting[0]!;
      try {
        const result = await host.send(request);
        waiting.shift();
        retryMs = FIRST_RETRY_MS;
        host.onAcknowledged(request, result);
        host.onWaiting(waiting.length, null);
      } catch (error) {
        if (isPassing(error)) {
          host.onWaiting(waiting.length, error);
          await pause(retryMs);
          retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
        } else {
          waiting.shift();
          host.onRefused(request, error);
          host.onWaiting(waiting.length, null);
        }
      }
    }
    running = false;
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  return {
    push(request) {
      waiting.push(request);
      host.onWaiting(waiting.length, null);
      if (!running) void run();
    },
    waiting: () => waiting,
    close() {
      closed = true;
      wake?.();
    },
  };
}
