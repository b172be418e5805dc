import { describe, expect, test } from 'vitest';
import type { EditOperation } from '../../../src/core/contract.ts';
import { isHistoloopError } from '../../../src/core/errors.ts';
import { hash32 } from '../../../src/core/random.ts';
import { openProjectDatabase } from '../../../src/main/store/project-database.ts';
import type { StoreMethods } from '../../../src/main/store/store-methods.ts';
import { hashOfLayer, record, sampleSlide, temporaryFolder } from './project-fixture.ts';

/** A wild polygon whose tiles do not compress well. */
function scribble(seed: number): EditOperation {
  const points = Array.from({ length: 160 }, (_, i) => hash32(seed, i) % 8000);
  return { kind: 'polygon', points, label: 1 + (seed % 2) };
}

/** Draws until the disk is full; the number of the stroke that did not fit. */
function drawUntilFull(store: StoreMethods, layerId: number): number {
  for (let i = 0; i < 500; i++) {
    const before = hashOfLayer(store, layerId);
    try {
      store.edit(record(layerId, `r${i}`), scribble(i));
    } catch (error) {
      expect(isHistoloopError(error) && error.code).toBe('disk-full');
      expect(hashOfLayer(store, layerId)).toBe(before);
      return i;
    }
  }
  throw new Error('the disk never filled up');
}

describe('a full disk', () => {
  test('refuses the stroke with a sentence, keeps every earlier one, and takes it again once there is space', () => {
    const folder = temporaryFolder();
    const { methods: store, sql, close } = openProjectDatabase(folder, { maxPages: 150 });
    const layerId = store.addSlide(sampleSlide()).humanLayerId;
    const failed = drawUntilFull(store, layerId);
    expect(failed).toBeGreaterThan(1);
    const before = hashOfLayer(store, layerId);
    expect(() => store.edit(record(layerId, `r${failed}`), scribble(failed))).toThrowError(
      /no room to save.*free some disk space/,
    );
    expect(hashOfLayer(store, layerId)).toBe(before);
    expect(store.history('slide-1', 1)[0]!.editId).toBe(failed);
    expect(store.correctionBlocks().every((block) => block.editId <= failed)).toBe(true);
    sql.get('PRAGMA max_page_count = 100000');
    const repeated = store.edit(record(layerId, `r${failed}`), scribble(failed));
    expect(repeated.history).toEqual({ editId: failed + 1, canUndo: true, canRedo: false });
    expect(hashOfLayer(store, layerId)).not.toBe(before);
    store.undo(layerId, 'u', 'ann');
    expect(hashOfLayer(store, layerId)).toBe(before);
    close();
  });

  test('leaves a sound file that opens with every acknowledged stroke', () => {
    const folder = temporaryFolder();
    const full = openProjectDatabase(folder, { maxPages: 120 });
    const layerId = full.methods.addSlide(sampleSlide()).humanLayerId;
    const failed = drawUntilFull(full.methods, layerId);
    const before = hashOfLayer(full.methods, layerId);
    full.close();
    const again = openProjectDatabase(folder);
    expect(hashOfLayer(again.methods, layerId)).toBe(before);
    expect(again.methods.correctionCount()).toBe(failed);
    expect(again.sql.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
    again.close();
  });
});
