/** Laying whole labels (an imported mask) over a layer as a diff, and comparing tiles. No gesture, no store. */
import { HistoloopError } from '../errors.ts';
import { MASK_TILE_PX, NOTHING } from '../label.ts';
import { setPixel, startDraft, type TileChange, type TileSource } from './tile-draft.ts';
import { BLOCK_PX, clipTileToSlide, type MaskGrid, requireTileInside, TILE_LENGTH } from './tile-grid.ts';

const EMPTY_WORDS = new Uint32Array(TILE_LENGTH / 4);

/** Labels of one tile, one byte a pixel. */
export interface LabelledTile {
  readonly column: number;
  readonly row: number;
  readonly labels: Uint8Array;
}

/**
 * Byte 0 leaves what is there, any other byte replaces it; pixels beyond the slide are left out.
 * Errors: `bad-input` for a tile outside the slide or of the wrong length.
 */
export function overlayTile(grid: MaskGrid, source: TileSource, tile: LabelledTile): TileChange | null {
  const labels = labelsOnSlide(grid, tile);
  const draft = startDraft(source, tile.column, tile.row);
  for (let i = 0; i < TILE_LENGTH; i++) if (labels[i] !== NOTHING) setPixel(draft, i, labels[i]!);
  return draft.after === null ? null : draft;
}

/** The tile's labels without pixels beyond the slide. Errors: `bad-input` for a tile outside it or of the wrong length. */
export function labelsOnSlide(grid: MaskGrid, { column, row, labels }: LabelledTile): Uint8Array {
  requireTileInside(grid, column, row);
  if (labels.length === TILE_LENGTH) return clipTileToSlide(grid, column, row, labels);
  throw new HistoloopError(
    'bad-input',
    `mask tile ${column}, ${row} has ${labels.length} bytes; it must have ${TILE_LENGTH}`,
  );
}

/** Blocks of 256×256 mask pixels in which a change of a tile changed any pixel, flat column, row …, by row, then column. */
export function changedBlocks({ column, row, before, after }: TileChange): number[] {
  const blocks: number[] = [];
  const perTile = MASK_TILE_PX / BLOCK_PX;
  const words = { before: asWords(before), after: asWords(after) };
  for (let blockRow = 0; blockRow < perTile; blockRow++) {
    for (let blockColumn = 0; blockColumn < perTile; blockColumn++) {
      const origin = blockRow * BLOCK_PX * MASK_TILE_PX + blockColumn * BLOCK_PX;
      if (differs(words, origin / 4)) blocks.push(column * perTile + blockColumn, row * perTile + blockRow);
    }
  }
  return blocks;
}

/** Four labels at a time: this runs for every tile of every stroke. */
function asWords(labels: Uint8Array | null): Uint32Array {
  if (labels === null) return EMPTY_WORDS;
  const aligned = labels.byteOffset % 4 === 0 ? labels : labels.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, TILE_LENGTH / 4);
}

function differs({ before, after }: { before: Uint32Array; after: Uint32Array }, origin: number): boolean {
  for (let y = 0; y < BLOCK_PX; y++) {
    const start = origin + (y * MASK_TILE_PX) / 4;
    for (let i = start; i < start + BLOCK_PX / 4; i++) if (before[i] !== after[i]) return true;
  }
  return false;
}
