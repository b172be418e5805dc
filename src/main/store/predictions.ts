/** What models said: one row a tile, overwritten by a newer run of the same model version; a tile of glass is done, without data. */
import { HistoloopError } from '../../core/errors.ts';
import { MAX_CLASS_ID } from '../../core/label.ts';
import { labelsOnSlide } from '../../core/mask/overlay.ts';
import { requireTileInside, tileKey } from '../../core/mask/tile-grid.ts';
import type { ProjectContext } from './context.ts';
import { gridOf, requireLayer, requireLayerOfKind } from './layers.ts';
import { toAddresses } from './masks.ts';
import type { StoreMethods } from './store-methods.ts';
import { toBlob } from './tile-blob.ts';

const UPSERT = `INSERT INTO prediction_tile (layer_id, tile, data) VALUES (?, ?, ?)
  ON CONFLICT (layer_id, tile) DO UPDATE SET data = excluded.data`;

type Methods = Pick<StoreMethods, 'putPrediction' | 'clearPrediction' | 'predictedTiles'>;

export function predictionMethods({ sql }: ProjectContext): Methods {
  return {
    /** Errors: `not-found`, `bad-input` (a human layer, a tile outside the slide or of the wrong length, a label beyond 127). */
    putPrediction(layerId, tiles) {
      const { slideId, revision } = requireLayerOfKind(sql, layerId, 'prediction');
      if (tiles.length === 0) return revision;
      const grid = gridOf(sql, slideId);
      sql.transaction(() => {
        for (const { column, row, labels } of tiles) {
          requireTileInside(grid, column, row);
          const data = labels === null ? null : toBlob(requireClasses(labelsOnSlide(grid, { column, row, labels })));
          sql.run(UPSERT, layerId, tileKey(column, row), data);
        }
        sql.run('UPDATE layer SET revision = revision + 1 WHERE layer_id = ?', layerId);
      });
      return requireLayer(sql, layerId).revision;
    },
    clearPrediction(layerId) {
      requireLayerOfKind(sql, layerId, 'prediction');
      sql.transaction(() => {
        sql.run('DELETE FROM prediction_tile WHERE layer_id = ?', layerId);
        sql.run('UPDATE layer SET revision = revision + 1 WHERE layer_id = ?', layerId);
      });
      return requireLayer(sql, layerId).revision;
    },
    predictedTiles(layerId) {
      requireLayerOfKind(sql, layerId, 'prediction');
      return toAddresses(sql.all('SELECT tile FROM prediction_tile WHERE layer_id = ? ORDER BY tile', layerId));
    },
  };
}

function requireClasses(labels: Uint8Array): Uint8Array {
  const wrong = labels.find((label) => label > MAX_CLASS_ID);
  if (wrong === undefined) return labels;
  throw new HistoloopError('bad-input', `a prediction holds label ${wrong}; a model may only say 0 to ${MAX_CLASS_ID}`);
}
