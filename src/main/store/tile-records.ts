/** Tiles as they lie in the tables: versions and heads of human layers, one row a tile of predictions. It draws nothing. */
import { decodeTile } from '../../core/mask/codec.ts';
import type { TileChange, TileSource } from '../../core/mask/tile-draft.ts';
import { TILE_LENGTH, tileKey } from '../../core/mask/tile-grid.ts';
import type { Sql } from './sql.ts';
import type { LayerRow } from './store-methods.ts';
import { codeOfBlob, toBlob } from './tile-blob.ts';

const HUMAN_TILE = `SELECT v.data FROM tile_head h
  JOIN tile_version v ON v.layer_id = h.layer_id AND v.tile = h.tile AND v.edit_id = h.edit_id
  WHERE h.layer_id = ? AND h.tile = ?`;
const PREDICTED_TILE = 'SELECT data FROM prediction_tile WHERE layer_id = ? AND tile = ?';

type TileLayer = Pick<LayerRow, 'layerId' | 'kind'>;

/** The run-length code of a tile, or null where it holds no label. Errors: `tile-damaged`. */
export function readTileCode(sql: Sql, { layerId, kind }: TileLayer, column: number, row: number): Uint8Array | null {
  const select = kind === 'human' ? HUMAN_TILE : PREDICTED_TILE;
  const stored = sql.get<{ data: Uint8Array | null }>(select, layerId, tileKey(column, row));
  return stored?.data ? codeOfBlob(stored.data) : null;
}

/** The tiles of a layer as core's edits read them. */
export function tileSource(sql: Sql, layer: TileLayer): TileSource {
  return {
    get(column, row) {
      const code = readTileCode(sql, layer, column, row);
      return code === null ? null : decodeTile(code, TILE_LENGTH);
    },
  };
}

/** Adds the version that an edit made of a tile; to be called within the edit's transaction, `updateHeads` after it. */
export function writeVersion(sql: Sql, layerId: number, editId: number, { column, row, after }: TileChange): void {
  const data = after === null ? null : toBlob(after);
  sql.run('INSERT INTO tile_version VALUES (?, ?, ?, ?)', editId, layerId, tileKey(column, row), data);
}

/** Adds the versions that take an edit back: each of its tiles as it was before. */
export function copyVersionsBefore(sql: Sql, target: number, editId: number): void {
  sql.run(
    `INSERT INTO tile_version SELECT ?, v.layer_id, v.tile,
       (SELECT p.data FROM tile_version p WHERE p.layer_id = v.layer_id AND p.tile = v.tile AND p.edit_id < v.edit_id
        ORDER BY p.edit_id DESC LIMIT 1)
     FROM tile_version v WHERE v.edit_id = ?`,
    editId,
    target,
  );
}

/** Adds the versions that bring an edit back: each of its tiles as it left them. */
export function copyVersionsOf(sql: Sql, target: number, editId: number): void {
  sql.run(
    'INSERT INTO tile_version SELECT ?, layer_id, tile, data FROM tile_version WHERE edit_id = ?',
    editId,
    target,
  );
}

/** Makes the versions of an edit the ones that are seen. */
export function updateHeads(sql: Sql, editId: number): void {
  sql.run(
    `INSERT INTO tile_head SELECT layer_id, tile, edit_id, data IS NOT NULL FROM tile_version WHERE edit_id = ?
     ON CONFLICT (layer_id, tile) DO UPDATE SET edit_id = excluded.edit_id, filled = excluded.filled`,
    editId,
  );
}
