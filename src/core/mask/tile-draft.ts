/** A tile while an edit changes it: copied on the first pixel that really changes, counting as it goes. */
import { NOTHING } from '../label.ts';
import { TILE_LENGTH } from './tile-grid.ts';

/** Labels of stored tiles, 512×512 bytes each; null where nothing is stored. Never written to. */
export interface TileSource {
  get(column: number, row: number): Uint8Array | null;
}

/** One changed tile. `before` and `after` are whole tiles; null where nothing is stored. */
export interface TileChange {
  readonly column: number;
  readonly row: number;
  readonly before: Uint8Array | null;
  readonly after: Uint8Array | null;
  readonly changedPixels: number;
}

export interface TileDraft extends TileChange {
  after: Uint8Array | null;
  changedPixels: number;
}

export function startDraft(source: TileSource, column: number, row: number): TileDraft {
  return { column, row, before: source.get(column, row), after: null, changedPixels: 0 };
}

/** What the pixel holds now. */
export function pixelOf(draft: TileDraft, at: number): number {
  return (draft.after ?? draft.before)?.[at] ?? NOTHING;
}

/** Sets the bytes start ≤ i < end. */
export function fillPixels(draft: TileDraft, value: number, start: number, end: number): void {
  const changed = countOthers(draft.after ?? draft.before, value, start, end);
  if (changed === 0) return;
  draft.changedPixels += changed;
  openDraft(draft).fill(value, start, end);
}

export function setPixel(draft: TileDraft, at: number, value: number): void {
  if (pixelOf(draft, at) === value) return;
  draft.changedPixels++;
  openDraft(draft)[at] = value;
}

function openDraft(draft: TileDraft): Uint8Array {
  draft.after ??= draft.before === null ? new Uint8Array(TILE_LENGTH) : new Uint8Array(draft.before);
  return draft.after;
}

function countOthers(labels: Uint8Array | null, value: number, start: number, end: number): number {
  if (labels === null) return value === NOTHING ? 0 : end - start;
  let count = 0;
  for (let i = start; i < end; i++) if (labels[i] !== value) count++;
  return count;
}
