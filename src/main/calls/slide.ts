/** Answers to `slide.*`: which slides there are and what is known of each. */
import type { PredictionLayer, SlideDetails } from '../../core/contract.ts';
import { HistoloopError } from '../../core/errors.ts';
import type { Folders } from '../folders.ts';
import type { Jobs } from '../jobs.ts';
import type { Parts } from '../tasks/parts.ts';
import type { Handlers } from './handlers.ts';

/** A running prediction goes on at the scale it began with. Errors: `conflict`. */
function requireNoPrediction(jobs: Jobs): void {
  const running = jobs.list().find((job) => job.kind === 'predict' && job.state === 'running');
  if (!running) return;
  const message = `«${running.title}» is running at the old pixel size; wait for its end or cancel it, then set the size`;
  throw new HistoloopError('conflict', message);
}

export function slideHandlers(parts: Parts, folders: Folders, jobs: Jobs): Handlers['slide'] {
  async function predictionsOf(slideId: string): Promise<PredictionLayer[]> {
    const names = new Map((await parts.library.list()).map((model) => [model.modelId, model.name]));
    const layers = (await parts.store.layersOf(slideId)).filter((layer) => layer.kind === 'prediction');
    return layers.reverse().map(({ layerId, modelId, createdAt, revision }) => {
      return { layerId, modelId: modelId ?? '', modelName: names.get(modelId ?? '') ?? 'unknown', createdAt, revision };
    });
  }
  /** A model that knows its pixel size saw the slide at another scale until now: old and new tiles must not lie in one layer. */
  async function forgetPredictions(slideId: string): Promise<void> {
    const scaled = new Set((await parts.library.list()).flatMap((m) => (m.pixelSizeUm === null ? [] : [m.modelId])));
    for (const { kind, layerId, modelId } of await parts.store.layersOf(slideId)) {
      if (kind !== 'prediction' || !scaled.has(modelId ?? '')) continue;
      const tiles = await parts.store.tiles(layerId);
      const revision = await parts.store.clearPrediction(layerId);
      parts.events.emit({ kind: 'mask.changed', slideId, layerId, revision, tiles, requestId: null });
    }
  }
  const get = async ({ slideId }: { slideId: string }): Promise<SlideDetails> => {
    const { row, info } = await parts.shelf.open(slideId);
    const [predictions, history] = await Promise.all([predictionsOf(slideId), parts.store.historyState(slideId)]);
    const { name, maskDownsample, humanLayerId } = row;
    return { slideId, name, problem: null, info, maskDownsample, humanLayerId, predictions, history };
  };
  return {
    get,
    async add({ path }) {
      const row = await parts.shelf.add(await folders.admit(path));
      parts.events.emit({ kind: 'project.changed' });
      return { slideId: row.slideId, name: row.name, problem: null };
    },
    browse: ({ folder }) => folders.list(folder),
    async setPixelSize({ slideId, pixelSizeUm }) {
      const { slide, info, row } = await parts.shelf.open(slideId);
      const { xUm, warning } = slide.info.pixelSize;
      if (xUm !== null && warning === null) {
        const message = `${row.name} says itself that a pixel is ${xUm} µm wide; that cannot be overruled`;
        throw new HistoloopError('conflict', message);
      }
      if (info.pixelSize.xUm === pixelSizeUm && row.userPixelSizeUm !== null) return get({ slideId });
      requireNoPrediction(jobs);
      await parts.store.setUserPixelSize(slideId, pixelSizeUm);
      await forgetPredictions(slideId);
      parts.events.emit({ kind: 'project.changed' });
      return get({ slideId });
    },
  };
}
