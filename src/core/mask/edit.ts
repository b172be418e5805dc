/**
 * What a gesture does to the tiles of a human layer, as a reversible diff. The window draws it at once and the store writes
 * it: the same code, so the same pixels. It never changes the tiles it is given, and reads them through `TileSource` only.
 */
import type { EditOperation } from '../contract.ts';
import { HistoloopError, never } from '../errors.ts';
import { ACCEPTED_BIT, classOf, MASK_TILE_PX, MAX_CLASS_ID, NOTHING } from '../label.ts';
import { rasterisePolygon, rasteriseStroke } from './rasterise.ts';
import type { SpanList } from './spans.ts';
import {
  fillPixels,
  pixelOf,
  setPixel,
  startDraft,
  type TileChange,
  type TileDraft,
  type TileSource,
} from './tile-draft.ts';
import type { MaskGrid } from './tile-grid.ts';

export interface EditSources {
  readonly human: TileSource;
  /** Needed by `accept` only: the prediction that the person looked at. */
  readonly predicted?: TileSource | null;
}

/** Only tiles in which a pixel changed, by ascending row, then column. */
export interface MaskDiff {
  readonly tiles: readonly TileChange[];
  readonly changedPixels: number;
}

/** The whole diff of a gesture at once. Errors: `bad-input` (points, radius, label, an `accept` without a prediction). */
export function applyEdit(grid: MaskGrid, operation: EditOperation, sources: EditSources): MaskDiff {
  const tiles = [...editTiles(grid, operation, sources)];
  return { tiles, changedPixels: tiles.reduce((sum, tile) => sum + tile.changedPixels, 0) };
}

/** The diff that takes another back. */
export function invertDiff(diff: MaskDiff): MaskDiff {
  const tiles = diff.tiles.map((tile) => ({ ...tile, before: tile.after, after: tile.before }));
  return { tiles, changedPixels: diff.changedPixels };
}

/**
 * The same diff tile by tile, so that a gesture over thousands of tiles needs the memory of a few. The gesture is checked
 * before the first tile is asked for. Errors: `bad-input`, at the call itself.
 */
export function editTiles(grid: MaskGrid, operation: EditOperation, sources: EditSources): Generator<TileChange> {
  const paint = painterOf(operation, sources);
  return changesOf(spansOfOperation(grid, operation), sources.human, paint);
}

/** The mask pixels that a gesture reaches, whatever it does there. Errors: `bad-input`. */
export function spansOfOperation(grid: MaskGrid, operation: EditOperation): SpanList {
  const spans: number[] = [];
  const collect = (y: number, x0: number, x1: number) => void spans.push(y, x0, x1);
  if (operation.kind === 'stroke') rasteriseStroke(operation, grid, collect);
  else rasterisePolygon(operation.points, grid, collect);
  return spans;
}

/** Changes the bytes start ≤ i < end of a draft. */
type Painter = (draft: TileDraft, start: number, end: number) => void;

function painterOf(operation: EditOperation, sources: EditSources): Painter {
  switch (operation.kind) {
    case 'stroke':
    case 'polygon': {
      const label = requireLabel(operation.label);
      return (draft, start, end) => fillPixels(draft, label, start, end);
    }
    case 'accept':
      if (!sources.predicted) throw new HistoloopError('bad-input', 'there is no prediction to accept; run one first');
      return acceptPainter(sources.predicted);
    default:
      return never(operation);
  }
}

function requireLabel(label: number): number {
  if (Number.isInteger(label) && label >= NOTHING && label <= MAX_CLASS_ID) return label;
  throw new HistoloopError(
    'bad-input',
    `label ${label} is no class; it must be a whole number from 0 to ${MAX_CLASS_ID}`,
  );
}

/** Takes over predicted classes only where no person has said anything. */
function acceptPainter(predicted: TileSource): Painter {
  let tileOf: TileDraft | null = null;
  let tile: Uint8Array | null = null;
  return (draft, start, end) => {
    if (draft !== tileOf) {
      tileOf = draft;
      tile = predicted.get(draft.column, draft.row);
    }
    if (tile === null) return;
    for (let i = start; i < end; i++) {
      const predictedClass = classOf(tile[i]!);
      if (predictedClass !== NOTHING && pixelOf(draft, i) === NOTHING)
        setPixel(draft, i, predictedClass | ACCEPTED_BIT);
    }
  };
}

/** The spans from ≤ i < to of a list, all within one row of tiles. */
interface Band {
  readonly spans: SpanList;
  readonly row: number;
  readonly from: number;
  readonly to: number;
}

function* changesOf(spans: SpanList, human: TileSource, paint: Painter): Generator<TileChange> {
  for (let from = 0; from < spans.length; ) {
    const row = Math.floor(spans[from]! / MASK_TILE_PX);
    let to = from;
    while (to < spans.length && spans[to]! < (row + 1) * MASK_TILE_PX) to += 3;
    const band = { spans, row, from, to };
    for (const column of columnsOf(band)) {
      const draft = startDraft(human, column, row);
      paintBand(band, draft, paint);
      if (draft.after !== null) yield draft;
    }
    from = to;
  }
}

function columnsOf({ spans, from, to }: Band): number[] {
  const columns = new Set<number>();
  for (let i = from; i < to; i += 3) {
    const last = Math.floor((spans[i + 2]! - 1) / MASK_TILE_PX);
    for (let column = Math.floor(spans[i + 1]! / MASK_TILE_PX); column <= last; column++) columns.add(column);
  }
  return [...columns].sort((a, b) => a - b);
}

function paintBand({ spans, row, from, to }: Band, draft: TileDraft, paint: Painter): void {
  const left = draft.column * MASK_TILE_PX;
  for (let i = from; i < to; i += 3) {
    const x0 = Math.max(spans[i + 1]! - left, 0);
    const x1 = Math.min(spans[i + 2]! - left, MASK_TILE_PX);
    const start = (spans[i]! - row * MASK_TILE_PX) * MASK_TILE_PX;
    if (x0 < x1) paint(draft, start + x0, start + x1);
  }
}
