/**
 * Starts the engine's process the way Electron wants it: `utilityProcess`, as `child_process.fork` would need a fuse that
 * packaged builds turn off. Must not know what the messages mean.
 */
import type { ElectronFacade } from './electron-facade.ts';
import type { SpawnChild } from './engine/child-port.ts';

const lastWordsLength = 2000;

/** A maker of engine processes for `openWorkstation`; works after Electron's `ready` only. */
export function utilityChildSpawner(utilityProcess: ElectronFacade['utilityProcess']): SpawnChild {
  return (entry) => {
    const child = utilityProcess.fork(entry, [], {
      stdio: ['ignore', 'ignore', 'pipe'],
      serviceName: 'Histoloop engine',
    });
    let lastWords = '';
    let alive = true;
    child.stderr?.on('data', (chunk: Buffer | string) => {
      lastWords = (lastWords + chunk.toString()).slice(-lastWordsLength);
    });
    const gone = new Promise<number>((resolve) => {
      child.once('exit', (code) => {
        alive = false;
        resolve(code);
      });
    });
    return {
      get pid() {
        return child.pid;
      },
      post: (message) => {
        if (alive) child.postMessage(message);
      },
      onMessage: (listener) => void child.on('message', listener),
      onExit: (listener) => void gone.then((code) => listener(code, null, lastWords)),
      kill: () => killNow(child),
    };
  };
}

/** Electron's own `kill` is polite (SIGTERM); in the middle of a run only a hard one is harmless. */
function killNow(child: { readonly pid: number | undefined; kill(): boolean }): void {
  try {
    if (child.pid !== undefined) process.kill(child.pid, 'SIGKILL');
    else child.kill();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
