/** Answers to `slide.*`: which slides there are and what is known of each. */
import type { PredictionLayer, SlideDetails } from '../../core/contract.ts';
import type { Folders } from '../folders.ts';
import type { Parts } from '../tasks/parts.ts';
import type { Handlers } from './handlers.ts';

export function slideHandlers(parts: Parts, folders: Folders): Handlers['slide'] {
  async function predictionsOf(slideId: string): Promise<PredictionLayer[]> {
    const names = new Map((await parts.library.list()).map((model) => [model.modelId, model.name]));
    const layers = (await parts.store.layersOf(slideId)).filter((layer) => layer.kind === 'prediction');
    return layers.reverse().map(({ layerId, modelId, createdAt, revision }) => {
      return { layerId, modelId: modelId ?? '', modelName: names.get(modelId ?? '') ?? 'unknown', createdAt, revision };
    });
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
      await parts.store.setUserPixelSize(slideId, pixelSizeUm);
      parts.events.emit({ kind: 'project.changed' });
      return get({ slideId });
    },
  };
}
