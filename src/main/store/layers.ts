/** Layers: a person's one per slide, and one per model version that predicted on it. It reads no tiles. */
import { HistoloopError } from '../../core/errors.ts';
import { createMaskGrid, type MaskGrid } from '../../core/mask/tile-grid.ts';
import type { ProjectContext } from './context.ts';
import type { Sql } from './sql.ts';
import type { LayerRow, StoreMethods } from './store-methods.ts';

const SELECT = `SELECT layer_id AS layerId, slide_id AS slideId, kind, model_id AS modelId, created_at AS createdAt, revision FROM layer`;

export function layerMethods({
  sql,
  now,
}: ProjectContext): Pick<StoreMethods, 'layer' | 'layersOf' | 'predictionLayer'> {
  const predictionOf = (slideId: string, modelId: string) =>
    sql.get<LayerRow>(`${SELECT} WHERE slide_id = ? AND model_id = ? AND kind = 'prediction'`, slideId, modelId);
  return {
    layer: (layerId) => requireLayer(sql, layerId),
    layersOf(slideId) {
      requireSlide(sql, slideId);
      return sql.all<LayerRow>(`${SELECT} WHERE slide_id = ? ORDER BY layer_id`, slideId);
    },
    predictionLayer(slideId, modelId) {
      const known = predictionOf(slideId, modelId);
      if (known !== undefined) return known;
      requireSlide(sql, slideId);
      requireModel(sql, modelId);
      const insert = `INSERT INTO layer (slide_id, kind, model_id, created_at) VALUES (?, 'prediction', ?, ?)`;
      sql.run(insert, slideId, modelId, now());
      return predictionOf(slideId, modelId)!;
    },
  };
}

/** Errors: `not-found`. */
export function requireLayer(sql: Sql, layerId: number): LayerRow {
  const layer = sql.get<LayerRow>(`${SELECT} WHERE layer_id = ?`, layerId);
  if (layer === undefined) throw new HistoloopError('not-found', `layer ${layerId} is not in this project`);
  return layer;
}

/** Errors: `not-found`; `bad-input` where the layer is of the other kind. */
export function requireLayerOfKind(sql: Sql, layerId: number, kind: LayerRow['kind']): LayerRow {
  const layer = requireLayer(sql, layerId);
  if (layer.kind === kind) return layer;
  throw new HistoloopError('bad-input', `layer ${layerId} is a ${layer.kind} layer; this needs a ${kind} layer`);
}

/** Errors: `not-found`. */
export function humanLayerOf(sql: Sql, slideId: string): LayerRow {
  requireSlide(sql, slideId);
  return sql.get<LayerRow>(`${SELECT} WHERE slide_id = ? AND kind = 'human'`, slideId)!;
}

export function gridOf(sql: Sql, slideId: string): MaskGrid {
  const select =
    'SELECT width_px AS width, height_px AS height, mask_downsample AS downsample FROM slide WHERE slide_id = ?';
  const slide = sql.get<{ width: number; height: number; downsample: number }>(select, slideId)!;
  return createMaskGrid(slide.width, slide.height, slide.downsample);
}

/** Errors: `not-found`. */
export function requireSlide(sql: Sql, slideId: string): void {
  if (sql.get('SELECT 1 FROM slide WHERE slide_id = ?', slideId) !== undefined) return;
  throw new HistoloopError('not-found', `slide ${slideId} is not in this project; add it first`);
}

/** Errors: `not-found`. */
export function requireModel(sql: Sql, modelId: string): void {
  if (sql.get('SELECT 1 FROM model WHERE model_id = ?', modelId) !== undefined) return;
  throw new HistoloopError('not-found', `model ${modelId} is not in this project; import it first`);
}
