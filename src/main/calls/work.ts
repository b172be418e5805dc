/** Answers to `model.*`, `predict.*`, `train.*`, `export.*`, `job.*` and `app.*`: long work is started here and done in tasks. */
import { join } from 'node:path';
import type { AppStatus } from '../../core/contract.ts';
import { HistoloopError } from '../../core/errors.ts';
import { intersectRect, isEmptyRect } from '../../core/geometry.ts';
import type { Folders } from '../folders.ts';
import type { Jobs } from '../jobs.ts';
import { type ExportInput, toolVersion } from '../tasks/export.ts';
import { tryModel } from '../tasks/model-trial.ts';
import type { Parts } from '../tasks/parts.ts';
import type { PredictInput } from '../tasks/predict.ts';
import type { TrainInput } from '../tasks/train.ts';
import type { Handlers } from './handlers.ts';

export const DEFAULT_STEPS = 120;

/** Said before any work is done. Errors: `disk-read-only`. */
function requireWritable({ store }: Parts): void {
  if (!store.readOnly) return;
  const message = `the project in ${store.folder} is open for looking only; open it for writing to predict, learn or import`;
  throw new HistoloopError('disk-read-only', message);
}

export function workHandlers(
  parts: Parts,
  folders: Folders,
  jobs: Jobs,
): Omit<Handlers, 'app' | 'engine' | 'project' | 'slide' | 'mask'> {
  const live = async () => (await parts.store.project()).liveModelId ?? '';
  return {
    model: {
      list: () => parts.library.list(),
      async activate({ modelId }) {
        const version = await parts.library.activate(modelId);
        parts.events.emit({ kind: 'model.changed', liveModelId: modelId });
        return version;
      },
      examine: async ({ path, choices }) => parts.library.examiner.examine(await folders.admit(path), choices),
      async trial({ path, choices, ...place }) {
        return tryModel(parts, await parts.library.examiner.modelOf(await folders.admit(path), choices), place);
      },
      async import({ path, choices }) {
        requireWritable(parts);
        const version = await parts.library.importFile(await folders.admit(path), choices ?? null);
        parts.events.emit({ kind: 'project.changed' });
        return version;
      },
    },
    predict: {
      async start({ slideId, region, modelId, eightBit }) {
        requireWritable(parts);
        const { name, widthPx, heightPx } = await parts.shelf.row(slideId);
        if (region && isEmptyRect(intersectRect(region, { x: 0, y: 0, width: widthPx, height: heightPx }))) {
          const message = `the region at ${region.x}, ${region.y} lies beside the slide of ${widthPx}×${heightPx} pixels; choose one on it`;
          throw new HistoloopError('bad-input', message);
        }
        const precision = { eightBit: eightBit ?? false };
        const input: PredictInput = { slideId, region, modelId: modelId ?? (await live()), tiles: null, ...precision };
        return jobs.start('predict', `Predict ${region ? 'a region of ' : ''}${name}`, input);
      },
    },
    train: {
      async start({ steps, seed }) {
        requireWritable(parts);
        const input: TrainInput = { modelId: await live(), steps: steps ?? DEFAULT_STEPS, seed: seed ?? 1 };
        return jobs.start('train', 'Learn from corrections', input);
      },
    },
    export: {
      async start({ slideIds, formats, folder }) {
        for (const slideId of slideIds) await parts.shelf.row(slideId);
        const target = folder === null ? join(parts.store.folder, 'exports', 'latest') : await folders.admitNew(folder);
        const input: ExportInput = { slideIds, formats, folder: target };
        return jobs.start(
          'export',
          `Export ${slideIds.length === 1 ? 'one slide' : `${slideIds.length} slides`}`,
          input,
        );
      },
    },
    job: {
      list: async () => jobs.list(),
      cancel: async ({ jobId }) => jobs.cancel(jobId),
      resume: async ({ jobId }) => jobs.resume(jobId),
    },
  };
}

export function appHandlers(parts: Parts, jobs: Jobs, shell: AppStatus['shell']): Handlers['app'] {
  return {
    async status() {
      const { provider, fallbackReason, providers } = await parts.engine.status();
      return { version: await toolVersion(), shell, provider, fallbackReason, providers };
    },
    events: (_, { signal }) => {
      const first = jobs.list().map((job) => ({ kind: 'job.progressed', job }) as const);
      return parts.events.listen(first, signal);
    },
  };
}
