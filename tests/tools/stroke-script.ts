/**
 * An endless script of corrections, the same wherever it runs: step i is a stroke, or now and then an undo or a redo.
 * And its truth: the mask that the first n steps leave, drawn by core alone, without a database.
 */
import type { EditOperation } from '../../src/core/contract.ts';
import { applyEdit, invertDiff, type MaskDiff } from '../../src/core/mask/edit.ts';
import { createMaskGrid, tileKey } from '../../src/core/mask/tile-grid.ts';
import { createRandom, hash32 } from '../../src/core/random.ts';

export const SLIDE_PX = 4096;
export const DOWNSAMPLE = 2;

export type Step = { readonly kind: 'undo' | 'redo' } | { readonly kind: 'edit'; readonly operation: EditOperation };

export function stepAt(index: number): Step {
  const random = createRandom(hash32(index, 77));
  const turn = index < 3 ? 1 : random.next();
  if (turn < 0.15) return { kind: 'undo' };
  if (turn < 0.2) return { kind: 'redo' };
  let x = random.next() * SLIDE_PX;
  let y = random.next() * SLIDE_PX;
  const points: number[] = [];
  for (let i = 0; i < 20; i++) {
    x += random.normal() * 40;
    y += random.normal() * 40;
    points.push(x, y);
  }
  return { kind: 'edit', operation: { kind: 'stroke', points, radius: 8 + random.next() * 90, label: random.int(3) } };
}

export interface Truth {
  /** Tiles by key, empty ones left out. */
  readonly tiles: ReadonlyMap<number, Uint8Array>;
  /** The request ids of the steps that a store records, in order: all but an undo or redo with nothing to do. */
  readonly recorded: readonly string[];
}

export function requestIdOf(step: number): string {
  return `step-${step}`;
}

/** What the steps 0 ≤ i < count leave. */
export function replay(count: number): Truth {
  const grid = createMaskGrid(SLIDE_PX, SLIDE_PX, DOWNSAMPLE);
  const tiles = new Map<number, Uint8Array>();
  const done: MaskDiff[] = [];
  const recorded: string[] = [];
  let undone: MaskDiff[] = [];
  const put = (diff: MaskDiff) => {
    for (const { column, row, after } of diff.tiles) {
      if (after?.some((label) => label !== 0)) tiles.set(tileKey(column, row), after);
      else tiles.delete(tileKey(column, row));
    }
  };
  const human = { get: (column: number, row: number) => tiles.get(tileKey(column, row)) ?? null };
  for (let i = 0; i < count; i++) {
    const step = stepAt(i);
    if (step.kind === 'edit') {
      const diff = applyEdit(grid, step.operation, { human });
      recorded.push(requestIdOf(i));
      if (diff.changedPixels === 0) continue;
      put(diff);
      done.push(diff);
      undone = [];
      continue;
    }
    const [from, to] = step.kind === 'undo' ? [done, undone] : [undone, done];
    const diff = from.pop();
    if (diff === undefined) continue;
    recorded.push(requestIdOf(i));
    put(step.kind === 'undo' ? invertDiff(diff) : diff);
    to.push(diff);
  }
  return { tiles, recorded };
}
