/**
 * Undo and redo per slide, without limit, across restarts. Both are edits of their own that restore earlier tile versions,
 * so the record of what happened only ever grows.
 */
import type { EditResult, HistoryEntry } from '../../core/contract.ts';
import { HistoloopError } from '../../core/errors.ts';
import type { ProjectContext } from './context.ts';
import {
  answerIfKnown,
  editResult,
  historyStateOf,
  insertEdit,
  redoTarget,
  setChangedPixels,
  tilesOfEdit,
  undoTarget,
} from './edit-records.ts';
import { humanLayerOf, requireLayerOfKind } from './layers.ts';
import type { StoreMethods } from './store-methods.ts';
import { copyVersionsBefore, copyVersionsOf, updateHeads } from './tile-records.ts';

export function historyMethods(
  context: ProjectContext,
): Pick<StoreMethods, 'undo' | 'redo' | 'history' | 'historyState'> {
  const { sql } = context;
  return {
    /** Errors: `conflict` where there is nothing to undo. */
    undo: (layerId, requestId, user) => travel(context, { kind: 'undo', layerId, requestId, user }),
    /** Errors: `conflict` where there is nothing to redo. */
    redo: (layerId, requestId, user) => travel(context, { kind: 'redo', layerId, requestId, user }),
    /** Newest first. */
    history(slideId, limit) {
      const select = `SELECT id AS editId, tool, at, user, model_id AS modelId, changed_pixels AS changedPixels, target,
          undone_by IS NOT NULL AS undone
        FROM edit WHERE layer_id = ? ORDER BY id DESC LIMIT ?`;
      const rows = sql.all<HistoryEntry>(select, humanLayerOf(sql, slideId).layerId, Math.max(0, Math.floor(limit)));
      return rows.map((row) => ({ ...row, undone: Boolean(row.undone) }));
    },
    historyState: (slideId) => historyStateOf(sql, humanLayerOf(sql, slideId).layerId),
  };
}

interface Travel {
  readonly kind: 'undo' | 'redo';
  readonly layerId: number;
  readonly requestId: string;
  readonly user: string;
}

function travel(context: ProjectContext, { kind, layerId, requestId, user }: Travel): EditResult {
  const { sql } = context;
  const layer = requireLayerOfKind(sql, layerId, 'human');
  const known = answerIfKnown(sql, layer, requestId);
  if (known !== null) return known;
  return sql.transaction(() => {
    const target = kind === 'undo' ? undoTarget(sql, layerId) : redoTarget(sql, layerId);
    if (target === null) throw new HistoloopError('conflict', `there is nothing to ${kind} on this slide`);
    const editId = insertEdit(context, {
      layerId,
      requestId,
      kind,
      tool: kind,
      user,
      modelId: null,
      params: '{}',
      target,
    });
    if (kind === 'undo') copyVersionsBefore(sql, target, editId);
    else copyVersionsOf(sql, target, editId);
    updateHeads(sql, editId);
    sql.run('UPDATE edit SET undone_by = ? WHERE id = ?', kind === 'undo' ? editId : null, target);
    const { changedPixels } = sql.get<{ changedPixels: number }>(
      'SELECT changed_pixels AS changedPixels FROM edit WHERE id = ?',
      target,
    )!;
    setChangedPixels(sql, editId, changedPixels);
    return editResult(sql, layerId, tilesOfEdit(sql, editId));
  });
}
