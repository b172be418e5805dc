/**
 * The two ends of a process border as the engine sees them, and Node's maker of one.
 * Electron's shell brings its own maker (utilityProcess); this folder never imports electron.
 */
import { fork } from 'node:child_process';

/** The parent's end of a child process. Messages are structured clones; typed arrays keep their type. */
export interface ChildPort {
  /** Process id, or undefined before the process is up and where the shell does not tell. */
  readonly pid: number | undefined;
  /** Never throws: a message to a dead child is lost, and `onExit` tells of the death. */
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once. `lastWords` is the end of what the child wrote on its error output, where the shell keeps it. */
  onExit(listener: (code: number | null, signal: string | null, lastWords?: string) => void): void;
  /** Kills at once (SIGKILL): harmless in the middle of a run, unlike a polite exit. */
  kill(): void;
}

/** Starts the child's script (absolute path) in a process of its own. */
export type SpawnChild = (entry: string) => ChildPort;

const LAST_WORDS = 2000;

/**
 * A Node child on this Node (`process.execPath`), with typed arrays sent as bytes, without debugger flags or NODE_OPTIONS
 * (two processes cannot share a debugger port). The child lowers its own priority.
 */
export const spawnNodeChild: SpawnChild = (entry) => {
  const { NODE_OPTIONS: _dropped, ...env } = process.env;
  const child = fork(entry, [], {
    serialization: 'advanced',
    execPath: process.execPath,
    execArgv: [],
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let lastWords = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS);
  });
  const gone = new Promise<[number | null, string | null]>((resolve) => {
    child.on('error', (error) => {
      lastWords += error.message;
      if (child.pid === undefined) resolve([null, null]);
    });
    child.once('exit', (code, signal) => resolve([code, signal]));
  });
  return {
    pid: child.pid,
    post: (message) => {
      if (child.connected) child.send(message as object, () => {});
    },
    onMessage: (listener) => void child.on('message', listener),
    onExit: (listener) => void gone.then(([code, signal]) => listener(code, signal, lastWords)),
    kill: () => void child.kill('SIGKILL'),
  };
};
