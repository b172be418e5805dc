/**
 * The engine: onnxruntime in a process of its own, never in this one and never in a worker thread (docs/decisions/0002).
 * It runs graphs; it knows nothing of slides, masks or what a graph means.
 */
import { availableParallelism } from 'node:os';
import type { OpenSession, Tensor } from '../../core/nn/session.ts';
import { childEntry } from './child-entry.ts';
import { linkChild } from './child-link.ts';
import { type SpawnChild, spawnNodeChild } from './child-port.ts';
import type { EngineStatus, EngineSurroundings, ModelInspection, NodePlaces, ProviderName } from './engine-facts.ts';
import type { ExamineWish, ModelFacts } from './examine-facts.ts';
import { askApart, inspectApart } from './inspect-apart.ts';
import { keepChild } from './keep-child.ts';
import type { Tensors } from './messages.ts';
import { refuseSize } from './model-file.ts';
import { remoteSession } from './remote-session.ts';

export type { ChildPort, SpawnChild } from './child-port.ts';
export { spawnNodeChild } from './child-port.ts';
export type { EngineStatus, EngineSurroundings, ModelInspection, NodePlaces, ProviderName } from './engine-facts.ts';
export type { ExamineWish, ModelFacts } from './examine-facts.ts';

export interface EngineOptions {
  /**
   * What runs the graphs. Default 'cpu', which is right everywhere; a GPU is used only where it is asked for and a
   * probe graph gives the CPU's numbers on it, else the engine falls back to 'cpu' and `status` says why.
   * 'auto' asks for every GPU provider of this build in turn (cuda, dml, coreml, webgpu).
   */
  readonly provider?: ProviderName | 'auto';
  /** Threads of one run. Default: all that the machine offers; runs never overlap, so they do not fight. */
  readonly threads?: number;
  /** How a process is started; default `spawnNodeChild`. */
  readonly spawn?: SpawnChild;
}

export interface Engine {
  /** Starts the process where it is not running. Errors: `engine-died`. */
  status(): Promise<EngineStatus>;
  /**
   * Loads ONNX bytes in the engine's process; a dead process is started again. Errors: `model-unusable`, `engine-died`.
   * Runs of all sessions wait in one line; `close` of a session drops its waiting runs with `cancelled` at once, while the
   * run under way goes on to its end (at most one run later the machine is free; its result is thrown away). Tensors
   * are copied across the border at roughly 3 ms a megabyte there and back; state that stays costs nothing.
   */
  readonly open: OpenSession;
  /**
   * Says whether a file can be a segmentation model here, in a throw-away process, on the CPU.
   * Errors: `model-unusable`, `model-output-invalid` with a sentence for each reason.
   */
  inspect(model: Uint8Array): Promise<ModelInspection>;
  /**
   * Makes a project model of a user's file (absolute path, links followed), in a throw-away process, on the CPU. Weights
   * beside the file are read into it. Errors: `file-missing`, `model-unusable`, `model-output-invalid`.
   */
  examine(path: string, wish: ExamineWish): Promise<ModelFacts>;
  /** Runs a model once, in a throw-away process, on the CPU. Errors: `model-unusable`. */
  tryOut(model: Uint8Array, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  /** Where a graph's nodes run on the provider in use: one run under the profiler. Errors: `model-unusable`, `engine-died`. */
  places(model: Uint8Array, feeds: Tensors): Promise<NodePlaces>;
  /** Device, driver and memory, as far as they are told; best asked after something has run. Errors: `engine-died`. */
  surroundings(): Promise<EngineSurroundings>;
  /** Runs on another provider from now on, in a new process. What is under way answers `engine-died`. */
  use(provider: ProviderName | 'auto'): Promise<EngineStatus>;
  /** What was asked for last. */
  readonly asked: ProviderName | 'auto';
  /** The process's id while there is one. */
  readonly pid: number | null;
  /** Kills the process; everything under way answers `cancelled`. State that was not read is lost. */
  close(): Promise<void>;
}

/**
 * Starts the engine's process at once, so that the first `open` need not wait for it. The process keeps this one from
 * ending by itself: `close` it. One engine a program: two at once on WebGPU gave wrong numbers and crashes.
 */
export function startEngine(options: EngineOptions = {}): Engine {
  const threads = options.threads ?? availableParallelism();
  const start = () => linkChild((options.spawn ?? spawnNodeChild)(childEntry(import.meta.url)));
  const child = keepChild({ start, threads, asked: options.provider ?? 'cpu' });
  let lastSession = 0;
  return {
    get pid() {
      return child.pid();
    },
    status: async () => (await child.living()).call<'status'>({ kind: 'status' }),
    open: async (model, sessionOptions = {}) => {
      refuseSize(model);
      const link = await child.living();
      const session = ++lastSession;
      await link.call<'open'>({ kind: 'open', session, model, options: sessionOptions });
      return remoteSession(link, session);
    },
    places: async (model, feeds) => {
      refuseSize(model);
      return (await child.living()).call<'places'>({ kind: 'places', model, feeds });
    },
    surroundings: async () => (await child.living()).call<'surroundings'>({ kind: 'surroundings' }),
    use: async (provider) => {
      await child.use(provider);
      return (await child.living()).call<'status'>({ kind: 'status' });
    },
    get asked() {
      return child.asked();
    },
    inspect: (model) => inspectApart(model, { start, threads }),
    examine: (path, wish) => askApart<'examine'>({ kind: 'examine', path, wish, threads }, { start }),
    tryOut: (model, feeds) => askApart<'tryOut'>({ kind: 'tryOut', model, feeds, threads }, { start }),
    close: () => child.close(),
  };
}
