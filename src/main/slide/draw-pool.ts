/**
 * Two worker threads that draw. They start with the first job, tiles go before regions, a cancelled job that has not begun
 * is dropped, and a thread that dies takes only its own job with it.
 */
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type CancelSignal, throwIfCancelled } from '../../core/cancel.ts';
import { fromPlainError, HistoloopError } from '../../core/errors.ts';
import type { DrawAnswer, DrawJob } from './draw-worker.ts';

const WORKERS = 2;

export interface DrawPool {
  draw(job: Omit<DrawJob, 'jobId'>, signal?: CancelSignal): Promise<Uint8Array>;
  close(): Promise<void>;
}

interface Waiting {
  readonly job: DrawJob;
  readonly signal: CancelSignal | undefined;
  resolve(bytes: Uint8Array): void;
  reject(error: Error): void;
}

/** Beside this module from source and in a flat bundle, one folder up from a bundle's chunks. */
function workerUrl(): URL {
  const places = ['./draw-worker.ts', './draw-worker.js', '../draw-worker.js'];
  const urls = places.map((place) => new URL(place, import.meta.url));
  const found = urls.find((url) => existsSync(url));
  if (found === undefined) throw new HistoloopError('internal', 'draw-worker is missing; install Histoloop again');
  return found;
}

export function createDrawPool(): DrawPool {
  const hands: Hand[] = [];
  const urgent: Waiting[] = [];
  const ordinary: Waiting[] = [];
  let nextId = 1;
  let closed = false;

  function takeNext(): Waiting | null {
    for (;;) {
      const next = urgent.shift() ?? ordinary.shift();
      if (next === undefined) return null;
      if (!next.signal?.aborted) return next;
      next.reject(new HistoloopError('cancelled', 'cancelled'));
    }
  }

  function handOut(): void {
    while (!closed && urgent.length + ordinary.length > 0) {
      let idle = hands.find((hand) => hand.isIdle());
      if (idle === undefined && hands.length < WORKERS) {
        idle = startHand(handOut, (hand) => hands.splice(hands.indexOf(hand), 1));
        hands.push(idle);
      }
      const next = idle === undefined ? null : takeNext();
      if (idle === undefined || next === null) return;
      idle.begin(next);
    }
  }

  return {
    draw(job, signal) {
      return new Promise((resolve, reject) => {
        throwIfCancelled(signal);
        if (closed) throw new HistoloopError('cancelled', 'the slide was closed');
        const waiting = { job: { ...job, jobId: nextId++ }, signal, resolve, reject };
        (job.want === 'jpeg' ? urgent : ordinary).push(waiting);
        handOut();
      });
    },
    async close() {
      closed = true;
      for (const { reject } of [...urgent.splice(0), ...ordinary.splice(0)]) {
        reject(new HistoloopError('cancelled', 'the slide was closed'));
      }
      await Promise.all(hands.splice(0).map((hand) => hand.stop()));
    },
  };
}

interface Hand {
  isIdle(): boolean;
  begin(waiting: Waiting): void;
  stop(): Promise<void>;
}

function startHand(onFree: () => void, onGone: (hand: Hand) => void): Hand {
  const worker = new Worker(workerUrl());
  worker.unref();
  let current: Waiting | null = null;
  let settled: (() => void) | null = null;

  function finish(act: (waiting: Waiting) => void): void {
    const done = current;
    current = null;
    worker.unref();
    if (done !== null) act(done);
    settled?.();
    onFree();
  }
  worker.on('message', (answer: DrawAnswer) => {
    finish((done) => ('error' in answer ? done.reject(fromPlainError(answer.error)) : done.resolve(answer.bytes)));
  });
  const fail = (reason: string): void => {
    onGone(hand);
    finish((done) => done.reject(new HistoloopError('internal', `the drawing thread stopped (${reason}): try again`)));
  };
  worker.on('error', (error) => fail(error instanceof Error ? error.message : String(error)));

  const hand: Hand = {
    isIdle: () => current === null,
    begin(waiting) {
      current = waiting;
      // A thread at work keeps the process alive; an idle one does not.
      worker.ref();
      worker.postMessage(waiting.job);
    },
    async stop() {
      if (current !== null) await new Promise<void>((resolve) => (settled = resolve));
      await worker.terminate();
    },
  };
  return hand;
}
