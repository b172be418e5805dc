/** The store as the workstation holds it: every method of the database thread as a promise, answered in order. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { fromPlainError, HistoloopError } from '../../core/errors.ts';
import type { OpenOptions } from './open-database.ts';
import type { Answer, Call, WorkerStart } from './store-messages.ts';
import type { Store, StoreMethods } from './store-methods.ts';

/** The compiler fails where a method is missing. */
const METHODS: { readonly [K in keyof StoreMethods]: true } = {
  project: true,
  updateProject: true,
  saveClass: true,
  slides: true,
  addSlide: true,
  setUserPixelSize: true,
  moveSlide: true,
  layer: true,
  layersOf: true,
  predictionLayer: true,
  edit: true,
  importLabels: true,
  undo: true,
  redo: true,
  history: true,
  historyState: true,
  tile: true,
  tiles: true,
  readLabels: true,
  putPrediction: true,
  clearPrediction: true,
  predictedTiles: true,
  correctionBlocks: true,
  correctionCount: true,
  models: true,
  addModel: true,
  setModelState: true,
  jobs: true,
  saveJob: true,
};

/**
 * Opens the project in a folder, making an empty one where there is none (see OpenOptions).
 * Errors: `file-missing`, `store-locked`, `store-newer`, `store-damaged`, `disk-read-only`, `disk-full`, `file-unreadable`.
 */
export async function openStore(folder: string, options: OpenOptions = {}): Promise<Store> {
  const start: WorkerStart = { folder: resolve(folder), options };
  const link = createLink(new Worker(workerPath(), { workerData: start }));
  const readOnly = (await link.opened) as boolean;
  const calls = Object.keys(METHODS).map((name) => {
    const method = name as keyof StoreMethods;
    return [method, (...args: unknown[]) => link.call(method, args)];
  });
  return { ...Object.fromEntries(calls), folder: start.folder, readOnly, close: link.close } as Store;
}

/** From source, from the bundle, or from one of the bundle's chunks. */
function workerPath(): string {
  const candidates = ['store-worker.ts', 'store-worker.js', '../store-worker.js'];
  const found = candidates.map((name) => join(import.meta.dirname, name)).find((path) => existsSync(path));
  if (found === undefined)
    throw new HistoloopError('file-missing', 'store-worker.js is missing: install Histoloop again');
  return found;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

interface Link {
  readonly opened: Promise<unknown>;
  call(method: Call['method'], args: readonly unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

function createLink(worker: Worker): Link {
  const waiting = new Map<number, Waiting>();
  const wait = (id: number) => new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
  const opened = wait(0);
  let lastId = 0;
  let closing = false;
  let ended: HistoloopError | null = null;
  const end = (error: HistoloopError) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on('message', (answer: Answer) => {
    const caller = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) caller?.reject(fromPlainError(answer.error));
    else caller?.resolve(answer.result);
  });
  worker.on('error', (cause) =>
    end(new HistoloopError('internal', `the database thread failed: ${cause.message}`, { cause })),
  );
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      end(new HistoloopError('internal', 'the project is closed; open it again'));
      resolve();
    });
  });
  const call: Link['call'] = (method, args) => {
    if (ended !== null || closing)
      return Promise.reject(ended ?? new HistoloopError('internal', 'the project is closed; open it again'));
    lastId++;
    const answer = wait(lastId);
    worker.postMessage({ id: lastId, method, args } satisfies Call);
    return answer;
  };
  const close = () => {
    if (!closing && ended === null) worker.postMessage({ id: 0, method: 'close', args: [] } satisfies Call);
    closing = true;
    return exited;
  };
  return { opened, call, close };
}
