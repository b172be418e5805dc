/** The log of edits: one row a gesture, undo and redo included, never removed. It knows no pixels. */
import type { EditResult, HistoryState } from '../../core/contract.ts';
import { HistoloopError } from '../../core/errors.ts';
import { tileOfKey } from '../../core/mask/tile-grid.ts';
import type { ProjectContext } from './context.ts';
import type { Sql } from './sql.ts';
import type { EditRecord, LayerRow } from './store-methods.ts';

const MAX_REQUEST_ID = 200;

export interface NewEdit extends EditRecord {
  readonly kind: string;
  readonly params: string;
  /** The edit that an undo or redo is about. */
  readonly target: number | null;
}

/** The new edit's id. Also moves the layer's revision to it. */
export function insertEdit({ sql, now }: ProjectContext, edit: NewEdit): number {
  const { layerId, requestId, kind, tool, user, modelId, params, target } = edit;
  const insert = `INSERT INTO edit (layer_id, request_id, kind, tool, at, user, model_id, params, target) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
  const { lastInsertRowid } = sql.run(insert, layerId, requestId, kind, tool, now(), user, modelId, params, target);
  const editId = Number(lastInsertRowid);
  sql.run('UPDATE layer SET revision = ? WHERE layer_id = ?', editId, layerId);
  return editId;
}

export function setChangedPixels(sql: Sql, editId: number, changedPixels: number): void {
  sql.run('UPDATE edit SET changed_pixels = ? WHERE id = ?', changedPixels, editId);
}

/**
 * The answer to a request that came before, with the tiles that it changed; null for a new one.
 * Errors: `bad-input` for an empty or overlong id, `conflict` where the id was used on another layer.
 */
export function answerIfKnown(sql: Sql, { layerId }: LayerRow, requestId: string): EditResult | null {
  if (requestId === '' || requestId.length > MAX_REQUEST_ID) {
    throw new HistoloopError(
      'bad-input',
      `a request id has 1 to ${MAX_REQUEST_ID} characters; this one has ${requestId.length}`,
    );
  }
  const known = sql.get<{ id: number; layerId: number }>(
    'SELECT id, layer_id AS layerId FROM edit WHERE request_id = ?',
    requestId,
  );
  if (known === undefined) return null;
  if (known.layerId === layerId) return editResult(sql, layerId, tilesOfEdit(sql, known.id));
  throw new HistoloopError('conflict', `request ${requestId} was made on another slide before; make a new id`);
}

/** Tiles that an edit changed, flat column, row …, in the order in which they were written. */
export function tilesOfEdit(sql: Sql, editId: number): number[] {
  const rows = sql.all<{ tile: number }>('SELECT tile FROM tile_version WHERE edit_id = ? ORDER BY rowid', editId);
  return rows.flatMap(({ tile }) => Object.values(tileOfKey(tile)));
}

export function editResult(sql: Sql, layerId: number, tiles: readonly number[]): EditResult {
  return { history: historyStateOf(sql, layerId), tiles };
}

export function historyStateOf(sql: Sql, layerId: number): HistoryState {
  const { revision } = sql.get<{ revision: number }>('SELECT revision FROM layer WHERE layer_id = ?', layerId)!;
  return { editId: revision, canUndo: undoTarget(sql, layerId) !== null, canRedo: redoTarget(sql, layerId) !== null };
}

/** The last gesture that changed anything and is not undone. */
export function undoTarget(sql: Sql, layerId: number): number | null {
  const select =
    'SELECT max(id) AS id FROM edit WHERE layer_id = ? AND target IS NULL AND changed_pixels > 0 AND undone_by IS NULL';
  return sql.get<{ id: number | null }>(select, layerId)!.id;
}

/** The gesture undone last, unless a newer gesture has ended what could be redone. */
export function redoTarget(sql: Sql, layerId: number): number | null {
  const select = `SELECT id FROM edit WHERE layer_id = ? AND undone_by IS NOT NULL AND undone_by >
      coalesce((SELECT max(id) FROM edit WHERE layer_id = ? AND target IS NULL AND changed_pixels > 0), 0)
    ORDER BY undone_by DESC LIMIT 1`;
  return sql.get<{ id: number }>(select, layerId, layerId)?.id ?? null;
}
