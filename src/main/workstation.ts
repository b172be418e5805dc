/**
 * The workstation: introduces the parts to each other and answers the contract. Read this second, after core/contract.ts.
 * It holds no pixels and no SQL: what a call needs is asked of the part that owns it.
 */
import { userInfo } from 'node:os';
import type { AppStatus, JobKind, JobState } from '../core/contract.ts';
import type { EncodedTile } from '../core/slide.ts';
import { engineHandlers } from './calls/engine.ts';
import type { Handlers } from './calls/handlers.ts';
import { maskHandlers } from './calls/mask.ts';
import { projectHandlers } from './calls/project.ts';
import { slideHandlers } from './calls/slide.ts';
import { appHandlers, workHandlers } from './calls/work.ts';
import { type EngineOptions, startEngine } from './engine/engine.ts';
import { createEvents } from './events.ts';
import { createFolders } from './folders.ts';
import { createJobs, type Jobs } from './jobs.ts';
import { openModelLibrary } from './model-library.ts';
import { createSettings, type Settings } from './settings.ts';
import { createSlideShelf } from './slide-shelf.ts';
import { openStore } from './store/store.ts';
import { addDrawnSlide, type DemoOptions, type DemoReport, type RunJob, resultOf, runDemo } from './tasks/demo.ts';
import { type ExportInput, runExport } from './tasks/export.ts';
import { predictedLayers } from './tasks/layers.ts';
import { runMeasure } from './tasks/measure.ts';
import type { Parts } from './tasks/parts.ts';
import { type PredictInput, runPredict } from './tasks/predict.ts';
import { runTrain, type TrainInput } from './tasks/train.ts';

export interface WorkstationOptions {
  /** Made where it does not exist. */
  readonly projectFolder: string;
  readonly shell: AppStatus['shell'];
  readonly engine?: EngineOptions;
  /** Folders that a window may name paths in, besides the project's own. */
  readonly folders?: readonly string[];
  /** False lets every path in (the command line). Default true. */
  readonly fenced?: boolean;
  readonly readOnly?: boolean;
  /** Where this machine's choices are kept (the provider); null: nowhere. Default null. */
  readonly settingsFile?: string | null;
  /** How often a training leaves a checkpoint to go on from after a crash. Default 15 s. */
  readonly checkpointEveryMs?: number;
  /** True: a project without slides gets the drawn demo slide and a first prediction to correct. */
  readonly furnish?: boolean;
}

export interface Workstation {
  readonly handlers: Handlers;
  /** Lets a window name paths in this folder from now on (a folder chosen in a dialog). */
  openFolder(folder: string): void;
  slideTile(slideId: string, level: number, column: number, row: number, signal?: AbortSignal): Promise<EncodedTile>;
  /** Run-length coded tile, null where empty. */
  maskTile(layerId: number, column: number, row: number): Promise<Uint8Array | null>;
  /** Resolves with the job's last state, whatever it is. */
  jobFinished(jobId: string): Promise<JobState>;
  /** The whole loop without a window. */
  demo(options: DemoOptions, say: (text: string) => void): Promise<DemoReport>;
  /** Cancels what runs and closes everything; may be called twice. */
  close(): Promise<void>;
}

/** A prediction keeps its tiles however it ended; a training what it left when it was cut off, not when it was cancelled. */
const RESUMABLE: { readonly [K in JobKind]: (job: JobState) => boolean } = {
  predict: () => true,
  train: ({ state, error }) => state === 'interrupted' || (state === 'failed' && error?.code === 'engine-died'),
  export: () => false,
  measure: () => false,
};

const CHECKPOINT_EVERY_MS = 15_000;

/** Older ones stay in the project's file, where nobody waits for them. */
const JOBS_SHOWN = 100;

function createTasks(parts: Parts, jobs: () => Jobs) {
  const train = async (input: TrainInput, context: Parameters<typeof runTrain>[2]) => {
    const result = await runTrain(parts, input, context);
    if (result.kind === 'train' && result.promoted) {
      await repredict(parts, jobs(), result.modelId, context.signal);
    }
    return result;
  };
  return {
    predict: (input, context) => runPredict(parts, input as PredictInput, context),
    train: (input, context) => train(input as TrainInput, context),
    export: (input, context) => runExport(parts, input as ExportInput, context),
    measure: (_input, context) => runMeasure(parts, context),
  } satisfies Parameters<typeof createJobs>[0]['work'];
}

/** A new live version predicts again wherever an older one had, so that before and after can be compared at once. */
async function repredict(parts: Parts, jobs: Jobs, modelId: string, signal: AbortSignal): Promise<void> {
  for (const slide of await parts.store.slides()) {
    const [before] = await predictedLayers(parts.store, slide.slideId, modelId);
    if (!before || before.layer.modelId === modelId) continue;
    if (signal.aborted) return;
    const input: PredictInput = { slideId: slide.slideId, region: null, modelId, tiles: before.tiles };
    await jobs.start('predict', `Predict again: ${slide.name}`, input);
  }
}

async function furnishDemo(parts: Parts, jobs: Jobs): Promise<void> {
  if ((await parts.store.slides()).length > 0) return;
  const slideId = await addDrawnSlide(parts, null);
  const { liveModelId } = await parts.store.project();
  const { row } = await parts.shelf.open(slideId);
  const region = { x: row.widthPx / 2 - 1024, y: row.heightPx / 2 - 1024, width: 2048, height: 2048 };
  const input: PredictInput = { slideId, region, modelId: liveModelId ?? '', tiles: null };
  await jobs.start('predict', 'First prediction', input);
}

function jobRunner(jobs: Jobs): RunJob {
  return async (kind, title, input) => {
    const { jobId } = await jobs.start(kind, title, input);
    return resultOf(await jobs.finished(jobId), kind);
  };
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}

/** Listeners first, then running work, then what the work stood on. */
async function closeAll(parts: Parts, jobs: Jobs): Promise<void> {
  parts.events.close();
  await jobs.close();
  await parts.library.close();
  await parts.engine.close();
  await parts.shelf.close();
  await parts.store.close();
}

async function startParts(options: WorkstationOptions, settings: Settings): Promise<Parts> {
  const store = await openStore(options.projectFolder, { readOnly: options.readOnly ?? false, user: systemUser() });
  const provider = options.engine?.provider ?? (await settings.provider());
  const engine = startEngine({ ...options.engine, provider });
  try {
    const library = await openModelLibrary(store, engine);
    const shelf = createSlideShelf(store);
    const checkpointEveryMs = options.checkpointEveryMs ?? CHECKPOINT_EVERY_MS;
    return { store, engine, library, shelf, events: createEvents(), checkpointEveryMs };
  } catch (error) {
    await Promise.allSettled([store.close(), engine.close()]);
    throw error;
  }
}

/**
 * Opens a project and everything it needs. Errors: `store-locked` (open elsewhere), `store-newer`, `store-damaged`,
 * `disk-full`, `disk-read-only`, `file-missing`, each with a sentence for the user.
 */
export async function openWorkstation(options: WorkstationOptions): Promise<Workstation> {
  const settings = createSettings(options.settingsFile ?? null);
  const parts = await startParts(options, settings);
  const folders = createFolders([parts.store.folder, ...(options.folders ?? [])], options.fenced ?? true);
  const jobs: Jobs = createJobs({
    work: createTasks(parts, () => jobs),
    resumable: (job) => RESUMABLE[job.kind](job),
    save: async (job, input) => {
      if (parts.store.readOnly) return;
      await parts.store.saveJob({
        jobId: job.jobId,
        kind: job.kind,
        state: JSON.stringify(job),
        input: JSON.stringify(input),
      });
    },
    changed: (job) => parts.events.emit({ kind: 'job.progressed', job }),
  });
  try {
    const rows = (await parts.store.jobs()).slice(-JOBS_SHOWN);
    for (const row of rows) jobs.restore(JSON.parse(row.state), JSON.parse(row.input));
    if (options.furnish && !parts.store.readOnly) await furnishDemo(parts, jobs);
  } catch (error) {
    await closeAll(parts, jobs);
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    handlers: {
      app: appHandlers(parts, jobs, options.shell),
      engine: engineHandlers(parts, jobs, settings),
      project: projectHandlers(parts),
      slide: slideHandlers(parts, folders, jobs),
      mask: maskHandlers(parts, folders),
      ...workHandlers(parts, folders, jobs),
    },
    openFolder: (folder) => folders.open(folder),
    slideTile: (slideId, level, column, row, signal) => parts.shelf.tile(slideId, [level, column, row], signal),
    maskTile: (layerId, column, row) => parts.store.tile(layerId, column, row),
    jobFinished: (jobId) => jobs.finished(jobId),
    demo: (demoOptions, say) => runDemo(parts, demoOptions, jobRunner(jobs), say),
    close: () => {
      closing ??= closeAll(parts, jobs);
      return closing;
    },
  };
}
