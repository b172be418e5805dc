/** Label tiles that come into being where something is drawn on them. */
import { HistoloopError } from '../../core/errors.ts';
import { MASK_TILE_PX } from '../../core/label.ts';

/** Labels of one 512×512 mask tile, as `Store.importLabels` takes them; byte 0 says nothing. */
export interface LabelTile {
  readonly column: number;
  readonly row: number;
  readonly labels: Uint8Array;
}

/** 1 GiB of labels in one edit. */
const MAX_TILES = 4096;

export interface TileCanvas {
  /** Sets pixels from ≤ x < to of row y, in mask pixels. Errors: `bad-input` where an edit becomes too large. */
  span(y: number, from: number, to: number, label: number): void;
  /** Row by row, left to right. */
  tiles(): LabelTile[];
}

export function createTileCanvas(): TileCanvas {
  const rows = new Map<number, Map<number, LabelTile>>();
  let count = 0;
  function tileAt(column: number, row: number): LabelTile {
    const columns = rows.get(row) ?? new Map<number, LabelTile>();
    rows.set(row, columns);
    let tile = columns.get(column);
    if (tile === undefined) {
      if (++count > MAX_TILES) throw tooLarge();
      tile = { column, row, labels: new Uint8Array(MASK_TILE_PX * MASK_TILE_PX) };
      columns.set(column, tile);
    }
    return tile;
  }
  return {
    span(y, from, to, label) {
      const row = Math.floor(y / MASK_TILE_PX);
      const line = (y % MASK_TILE_PX) * MASK_TILE_PX;
      for (let x = from; x < to; ) {
        const column = Math.floor(x / MASK_TILE_PX);
        const left = column * MASK_TILE_PX;
        const end = Math.min(to, left + MASK_TILE_PX);
        tileAt(column, row).labels.fill(label, line + x - left, line + end - left);
        x = end;
      }
    },
    tiles: () =>
      [...rows.values()]
        .flatMap((columns) => [...columns.values()])
        .sort((a, b) => a.row - b.row || a.column - b.column),
  };
}

function tooLarge(): HistoloopError {
  const message = `the mask covers more than ${MAX_TILES} tiles of ${MASK_TILE_PX}×${MASK_TILE_PX}; lay it on in parts`;
  return new HistoloopError('bad-input', message);
}
