/**
 * The database thread: owns the one SQLite handle and answers calls in the order in which they come. It decides nothing.
 * A commit waits for the disk (up to tens of milliseconds), which is why this is a thread of its own.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert, toPlainError } from '../../core/errors.ts';
import { openProjectDatabase, type ProjectDatabase } from './project-database.ts';
import type { Answer, Call, WorkerStart } from './store-messages.ts';

function start(): void {
  assert(parentPort !== null, 'store-worker runs as a worker thread only');
  const port = parentPort;
  const { folder, options } = workerData as WorkerStart;
  const send = (answer: Answer, transfer: ArrayBuffer[] = []) => port.postMessage(answer, transfer);
  let project: ProjectDatabase;
  try {
    project = openProjectDatabase(folder, options);
  } catch (error) {
    send({ id: 0, error: toPlainError(error) });
    port.close();
    return;
  }
  send({ id: 0, result: project.readOnly });
  port.on('message', (call: Call) => {
    if (call.method === 'close') {
      project.close();
      port.close();
      return;
    }
    try {
      const result: unknown = Reflect.apply(project.methods[call.method], project.methods, call.args);
      send({ id: call.id, result }, result instanceof Uint8Array ? [result.buffer as ArrayBuffer] : []);
    } catch (error) {
      send({ id: call.id, error: toPlainError(error) });
    }
  });
}

start();
