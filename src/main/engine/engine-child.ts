/**
 * The script of the engine's process: joins the service to whichever parent started it (Electron's utilityProcess or
 * Node's fork). It ends when its parent is gone.
 */
import { writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { inOrder } from './child-queue.ts';
import { createService } from './child-service.ts';
import type { ToChild } from './messages.ts';

/** What Electron puts on `process` in a utility process. */
interface ParentPort {
  on(event: 'message', listener: (event: { data: unknown }) => void): void;
  postMessage(message: unknown): void;
}

giveWay();
const { parentPort } = process as { parentPort?: ParentPort };
if (parentPort) serveElectron(parentPort);
else serveNode();

function serveElectron(port: ParentPort): void {
  const handle = inOrder(createService(), (message) => port.postMessage(message));
  port.on('message', ({ data }) => handle(data as ToChild));
}

function serveNode(): void {
  const handle = inOrder(createService(), (message) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  });
  process.on('message', (message) => handle(message as ToChild));
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  // Ctrl+C reaches the whole process group: only the parent decides, and it closes work in order.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => {});
}

/** The window comes first: lower priority for the processor, and first in line where the system runs out of memory. */
function giveWay(): void {
  try {
    setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
    if (process.platform === 'linux') writeFileSync('/proc/self/oom_score_adj', '800');
  } catch {
    process.stderr.write('the engine could not lower its own priority\n');
  }
}
