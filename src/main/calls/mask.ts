/** Answers to `mask.*`: every edit is on disk before it is answered, and every window hears of it. */
import type { EditResult, InputOf } from '../../core/contract.ts';
import { HistoloopError } from '../../core/errors.ts';
import type { Folders } from '../folders.ts';
import { importFile } from '../tasks/import.ts';
import type { Parts } from '../tasks/parts.ts';
import type { Handlers } from './handlers.ts';

export function maskHandlers(parts: Parts, folders: Folders): Handlers['mask'] {
  async function tell(slideId: string, requestId: string, result: EditResult, layerId: number): Promise<EditResult> {
    const { tiles, history } = result;
    if (tiles.length > 0) {
      parts.events.emit({ kind: 'mask.changed', slideId, layerId, revision: history.editId, tiles, requestId });
    }
    parts.events.emit({ kind: 'history.changed', slideId, history });
    return result;
  }
  async function layerOf(slideId: string): Promise<number> {
    return (await parts.shelf.row(slideId)).humanLayerId;
  }
  const step = (verb: 'undo' | 'redo') => async (input: InputOf<'mask', 'undo'>) => {
    const layerId = await layerOf(input.slideId);
    const { user } = await parts.store.project();
    return tell(input.slideId, input.requestId, await parts.store[verb](layerId, input.requestId, user), layerId);
  };
  return {
    async edit({ slideId, requestId, operation, predictionLayerId, tool }) {
      const layerId = await layerOf(slideId);
      const { user } = await parts.store.project();
      const shown = predictionLayerId === null ? null : await parts.store.layer(predictionLayerId);
      if (shown && shown.slideId !== slideId) {
        throw new HistoloopError('bad-input', `layer ${predictionLayerId} belongs to another slide; reload the window`);
      }
      const record = { layerId, requestId, tool, user, modelId: shown?.modelId ?? null };
      return tell(slideId, requestId, await parts.store.edit(record, operation), layerId);
    },
    undo: step('undo'),
    redo: step('redo'),
    history: ({ slideId, limit }) => parts.store.history(slideId, limit),
    async importFile(input) {
      const path = await folders.admit(input.path);
      const layerId = await layerOf(input.slideId);
      return tell(input.slideId, input.requestId, await importFile(parts, { ...input, path }), layerId);
    },
    async tiles({ layerId }) {
      const [layer, tiles] = await Promise.all([parts.store.layer(layerId), parts.store.tiles(layerId)]);
      return { revision: layer.revision, tiles };
    },
  };
}
