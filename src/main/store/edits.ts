/**
 * Gestures and imports on human layers. Each is one transaction: the edit's row, its tile versions and heads, the blocks it
 * corrects for the first time. What a gesture does to pixels is core/mask's; undo is history's.
 */
import type { EditOperation, EditResult } from '../../core/contract.ts';
import { HistoloopError } from '../../core/errors.ts';
import { classOf, NOTHING } from '../../core/label.ts';
import { editTiles } from '../../core/mask/edit.ts';
import { overlayTile } from '../../core/mask/overlay.ts';
import type { TileChange, TileSource } from '../../core/mask/tile-draft.ts';
import type { MaskGrid } from '../../core/mask/tile-grid.ts';
import { assignBlocks } from './blocks.ts';
import type { ProjectContext } from './context.ts';
import { answerIfKnown, editResult, insertEdit, setChangedPixels } from './edit-records.ts';
import { gridOf, requireLayerOfKind } from './layers.ts';
import type { Sql } from './sql.ts';
import type { EditRecord, LayerRow, StoreMethods, TileLabels } from './store-methods.ts';
import { tileSource, updateHeads, writeVersion } from './tile-records.ts';

/** A longer gesture is recorded without its points: its pixels are kept in any case, and they are what counts. */
const MAX_PARAMS_LENGTH = 65536;

export function editMethods(context: ProjectContext): Pick<StoreMethods, 'edit' | 'importLabels' | 'correctionCount'> {
  return {
    edit: (record, operation) =>
      commitEdit(context, record, {
        kind: operation.kind,
        params: paramsOf(operation),
        changes: (target) => changesOfOperation(context.sql, target, operation),
      }),
    importLabels: (record, tiles) =>
      commitEdit(context, record, {
        kind: 'import',
        params: JSON.stringify({ kind: 'import', tiles: tiles.length }),
        changes: (target) => changesOfImport(context.sql, target, tiles),
      }),
    correctionCount() {
      const count =
        'SELECT count(*) AS count FROM edit WHERE target IS NULL AND changed_pixels > 0 AND undone_by IS NULL';
      return context.sql.get<{ count: number }>(count)!.count;
    },
  };
}

interface Target {
  readonly layer: LayerRow;
  readonly grid: MaskGrid;
  readonly human: TileSource;
}

interface Change {
  readonly kind: EditOperation['kind'] | 'import';
  readonly params: string;
  changes(target: Target): Iterable<TileChange>;
}

/** One edit that changes nothing is recorded too (its requestId must not work later), but there is nothing in it to undo. */
function commitEdit(context: ProjectContext, record: EditRecord, { kind, params, changes }: Change): EditResult {
  const { sql } = context;
  const layer = requireLayerOfKind(sql, record.layerId, 'human');
  const known = answerIfKnown(sql, layer, record.requestId);
  if (known !== null) return known;
  const target = { layer, grid: gridOf(sql, layer.slideId), human: tileSource(sql, layer) };
  return sql.transaction(() => {
    const editId = insertEdit(context, { ...record, kind, params, target: null });
    const tiles: number[] = [];
    let changedPixels = 0;
    for (const change of changes(target)) {
      writeVersion(sql, layer.layerId, editId, change);
      assignBlocks(sql, layer.layerId, editId, change);
      changedPixels += change.changedPixels;
      tiles.push(change.column, change.row);
    }
    updateHeads(sql, editId);
    setChangedPixels(sql, editId, changedPixels);
    return editResult(sql, layer.layerId, tiles);
  });
}

function changesOfOperation(sql: Sql, { layer, grid, human }: Target, operation: EditOperation): Iterable<TileChange> {
  if (operation.kind !== 'accept') {
    if (operation.label !== NOTHING) requireClass(sql, operation.label);
    return editTiles(grid, operation, { human });
  }
  const prediction = requireLayerOfKind(sql, operation.predictionLayerId, 'prediction');
  if (prediction.slideId === layer.slideId)
    return editTiles(grid, operation, { human, predicted: tileSource(sql, prediction) });
  throw new HistoloopError(
    'bad-input',
    `prediction layer ${prediction.layerId} is of another slide; accept one of this slide`,
  );
}

function* changesOfImport(sql: Sql, { grid, human }: Target, tiles: readonly TileLabels[]): Generator<TileChange> {
  const seen = new Set<string>();
  for (const tile of tiles) {
    const address = `${tile.column}, ${tile.row}`;
    if (seen.has(address)) throw new HistoloopError('bad-input', `mask tile ${address} comes twice in the import`);
    seen.add(address);
    for (const value of new Set(tile.labels)) if (value !== NOTHING) requireClass(sql, classOf(value));
    const change = overlayTile(grid, human, tile);
    if (change !== null) yield change;
  }
}

function requireClass(sql: Sql, id: number): void {
  if (sql.get('SELECT 1 FROM label_class WHERE id = ?', id) !== undefined) return;
  throw new HistoloopError('bad-input', `label ${id} is no class of this project; add the class first`);
}

function paramsOf(operation: EditOperation): string {
  const params = JSON.stringify(operation);
  if (params.length <= MAX_PARAMS_LENGTH) return params;
  return JSON.stringify({ ...operation, points: [], pointCount: operation.points.length / 2 });
}
