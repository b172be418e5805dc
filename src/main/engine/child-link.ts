/**
 * One living child: numbered requests out, answers back, and every open request rejected with `engine-died` when it dies.
 * Knows nothing of sessions; starts nothing again.
 */
import { fromPlainError, HistoloopError } from '../../core/errors.ts';
import type { ChildPort } from './child-port.ts';
import type { Answer, Ask, FromChild, Kind, ToChild } from './messages.ts';

export interface ChildLink {
  readonly pid: number | undefined;
  /** Errors: whatever the child answered, or `engine-died`. */
  call<K extends Kind>(ask: Ask<K>): Promise<Answer<K>>;
  /** What it died of, or null while it lives. */
  death(): HistoloopError | null;
  /** Kills it; open requests are rejected with `reason`. Resolves when it is gone. */
  kill(reason: HistoloopError): Promise<void>;
  readonly gone: Promise<void>;
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export function linkChild(port: ChildPort): ChildLink {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let death: HistoloopError | null = null;

  const die = (error: HistoloopError) => {
    death ??= error;
    for (const { reject } of waiting.values()) reject(death);
    waiting.clear();
  };
  port.onMessage((message) => {
    const answer = message as FromChild;
    const asker = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) asker?.reject(fromPlainError(answer.error));
    else asker?.resolve(answer.value as never);
  });
  const gone = new Promise<void>((resolve) => {
    port.onExit((code, signal, lastWords) => {
      die(deathOf(code, signal, lastWords));
      resolve();
    });
  });

  return {
    pid: port.pid,
    gone,
    death: () => death,
    call: (ask) => {
      if (death) return Promise.reject(death);
      return new Promise((resolve, reject) => {
        const id = ++lastId;
        const message: ToChild = { id, ask: compactViews(ask as Ask) };
        // What cannot be sent throws here; only what was sent is waited for.
        port.post(message);
        waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
      });
    },
    kill: (reason) => {
      die(reason);
      port.kill();
      return gone;
    },
  };
}

function deathOf(code: number | null, signal: string | null, lastWords = ''): HistoloopError {
  const how = signal ?? (code === null ? 'it did not start' : `exit code ${code}`);
  const advice =
    signal === 'SIGKILL'
      ? 'most often memory ran out: close other programs or use smaller tiles, then try again'
      : 'try again; if it happens again, choose the CPU or another model';
  return new HistoloopError('engine-died', `the process that runs the models ended (${how}); ${advice}`, {
    data: { code, signal, lastWords: lastWords.trim() },
  });
}

/**
 * Replaces every view on a part of a larger (or shared) buffer by a copy of just that part: Electron's structured clone
 * would send the whole buffer, and a shared one cannot be sent at all.
 */
export function compactViews<T>(value: T): T {
  if (ArrayBuffer.isView(value)) return compactView(value) as T;
  if (Array.isArray(value) || value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, compactViews(item)])) as T;
}

function compactView(view: ArrayBufferView): ArrayBufferView {
  const whole = view.byteLength === view.buffer.byteLength && view.buffer instanceof ArrayBuffer;
  if (whole) return view;
  if (Buffer.isBuffer(view)) return new Uint8Array(view);
  return (view as Uint8Array).slice();
}
