/**
 * Which part of the corrections a model may learn from. The first correction in a block of 256×256 mask pixels assigns the
 * block for good, also where that correction is undone later: in order over the whole project, every fourth block is held
 * out, the second first.
 */
import { MASK_TILE_PX } from '../../core/label.ts';
import { changedBlocks } from '../../core/mask/overlay.ts';
import type { TileChange } from '../../core/mask/tile-draft.ts';
import { BLOCK_PX } from '../../core/mask/tile-grid.ts';
import type { ProjectContext } from './context.ts';
import type { Sql } from './sql.ts';
import type { CorrectionBlock, StoreMethods } from './store-methods.ts';

const EVERY = 4;
const SECOND = 2;
const BLOCKS_PER_TILE = MASK_TILE_PX / BLOCK_PX;

export function blockMethods({ sql }: ProjectContext): Pick<StoreMethods, 'correctionBlocks'> {
  return {
    /** In the order in which they were assigned. */
    correctionBlocks: () =>
      sql.all<CorrectionBlock>(
        `SELECT l.slide_id AS slideId, b.layer_id AS layerId, b.block_column AS "column", b.block_row AS row, b.part, b.edit_id AS editId
         FROM correction_block b JOIN layer l ON l.layer_id = b.layer_id ORDER BY b.ordinal`,
      ),
  };
}

/** Assigns the blocks that a changed tile touches first; to be called within the edit's transaction. */
export function assignBlocks(sql: Sql, layerId: number, editId: number, change: TileChange): void {
  if (isFullyAssigned(sql, layerId, change)) return;
  const blocks = changedBlocks(change);
  for (let i = 0; i < blocks.length; i += 2) {
    const known = 'SELECT 1 FROM correction_block WHERE layer_id = ? AND block_column = ? AND block_row = ?';
    if (sql.get(known, layerId, blocks[i]!, blocks[i + 1]!) !== undefined) continue;
    const next = 'SELECT coalesce(max(ordinal), 0) + 1 AS ordinal FROM correction_block';
    const { ordinal } = sql.get<{ ordinal: number }>(next)!;
    const part = ordinal % EVERY === SECOND ? 'held-out' : 'train';
    const insert = 'INSERT INTO correction_block VALUES (?, ?, ?, ?, ?, ?)';
    sql.run(insert, ordinal, layerId, blocks[i]!, blocks[i + 1]!, part, editId);
  }
}

/** Spares most strokes the comparison of pixels: people correct where they have corrected before. */
function isFullyAssigned(sql: Sql, layerId: number, { column, row }: TileChange): boolean {
  const count = `SELECT count(*) AS count FROM correction_block
    WHERE layer_id = ? AND block_column BETWEEN ? AND ? AND block_row BETWEEN ? AND ?`;
  const last = BLOCKS_PER_TILE - 1;
  const c = column * BLOCKS_PER_TILE;
  const r = row * BLOCKS_PER_TILE;
  return sql.get<{ count: number }>(count, layerId, c, c + last, r, r + last)!.count === BLOCKS_PER_TILE ** 2;
}
