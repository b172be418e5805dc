import { describe, expect, test } from 'vitest';
import { createRandom, type Random } from '../../../src/core/random.ts';
import { openProjectDatabase } from '../../../src/main/store/project-database.ts';
import type { StoreMethods } from '../../../src/main/store/store-methods.ts';
import { hashOfLayer, record, sampleSlide, stroke, temporaryFolder } from './project-fixture.ts';

function randomStroke(random: Random) {
  const at = () => random.next() * 8000;
  return {
    kind: 'stroke' as const,
    points: [at(), at(), at(), at()],
    radius: 5 + random.next() * 150,
    label: random.int(3),
  };
}

/** What a person expects of undo and redo: a line of states and a place on it. */
function createLine(first: string) {
  const states = [first];
  let place = 0;
  return {
    state: () => states[place],
    canUndo: () => place > 0,
    canRedo: () => place < states.length - 1,
    add(state: string) {
      states.length = ++place;
      states.push(state);
    },
    step(by: 1 | -1) {
      place += by;
    },
  };
}

describe('undo and redo', () => {
  test('go to any depth and back, through new gestures and restarts, and always to the very same pixels', () => {
    for (const seed of [1, 2, 3]) {
      const random = createRandom(seed);
      const folder = temporaryFolder();
      let project = openProjectDatabase(folder);
      const layerId = project.methods.addSlide(sampleSlide()).humanLayerId;
      const line = createLine(hashOfLayer(project.methods, layerId));
      for (let i = 0; i < 70; i++) {
        const store: StoreMethods = project.methods;
        const turn = random.next();
        if (turn < 0.4 && line.canUndo()) {
          store.undo(layerId, `u${i}`, 'ann');
          line.step(-1);
        } else if (turn < 0.6 && line.canRedo()) {
          store.redo(layerId, `r${i}`, 'ann');
          line.step(1);
        } else if (turn < 0.9) {
          const { tiles } = store.edit(record(layerId, `e${i}`), randomStroke(random));
          if (tiles.length > 0) line.add(hashOfLayer(store, layerId));
        } else {
          project.close();
          project = openProjectDatabase(folder);
        }
        expect(hashOfLayer(project.methods, layerId)).toBe(line.state());
        const { canUndo, canRedo } = project.methods.historyState('slide-1');
        expect([canUndo, canRedo]).toEqual([line.canUndo(), line.canRedo()]);
      }
      project.close();
    }
  });

  test('with nothing to do say so and change nothing', () => {
    const { methods: store, close } = openProjectDatabase(temporaryFolder());
    const layerId = store.addSlide(sampleSlide()).humanLayerId;
    const conflict = expect.objectContaining({ code: 'conflict' });
    expect(() => store.undo(layerId, 'u', 'ann')).toThrowError(conflict);
    store.edit(record(layerId, 'e'), stroke(100, 100));
    expect(() => store.redo(layerId, 'r', 'ann')).toThrowError(conflict);
    expect(store.history('slide-1', 9)).toHaveLength(1);
    close();
  });

  test('sent twice are made once', () => {
    const { methods: store, close } = openProjectDatabase(temporaryFolder());
    const layerId = store.addSlide(sampleSlide()).humanLayerId;
    for (const id of ['a', 'b', 'c']) store.edit(record(layerId, id), stroke(id.charCodeAt(0) * 20, 500));
    const once = store.undo(layerId, 'u', 'ann');
    const state = hashOfLayer(store, layerId);
    expect(store.undo(layerId, 'u', 'ann')).toEqual(once);
    expect(hashOfLayer(store, layerId)).toBe(state);
    close();
  });

  test('keep the record whole: every undo and redo is an edit with its own author', () => {
    const { methods: store, close } = openProjectDatabase(temporaryFolder());
    const layerId = store.addSlide(sampleSlide()).humanLayerId;
    store.edit(record(layerId, 'a'), stroke(500, 500));
    store.undo(layerId, 'u', 'ben');
    expect(store.correctionCount()).toBe(0);
    store.redo(layerId, 'r', 'cleo');
    expect(store.correctionCount()).toBe(1);
    const rows = store
      .history('slide-1', 9)
      .map(({ editId, tool, user, target, undone }) => [editId, tool, user, target, undone]);
    expect(rows).toEqual([
      [3, 'redo', 'cleo', 1, false],
      [2, 'undo', 'ben', 1, false],
      [1, 'brush', 'ann', null, false],
    ]);
    const changed = store.history('slide-1', 9).map((entry) => entry.changedPixels);
    expect(new Set(changed).size).toBe(1);
    close();
  });

  test('of one slide leave the others alone', () => {
    const { methods: store, close } = openProjectDatabase(temporaryFolder());
    const one = store.addSlide(sampleSlide('one')).humanLayerId;
    const two = store.addSlide(sampleSlide('two')).humanLayerId;
    store.edit(record(one, 'a'), stroke(500, 500));
    store.edit(record(two, 'b'), stroke(500, 500));
    store.edit(record(one, 'c'), stroke(900, 900));
    const untouched = hashOfLayer(store, two);
    store.undo(one, 'u1', 'ann');
    store.undo(one, 'u2', 'ann');
    expect(store.tiles(one)).toEqual([]);
    expect(hashOfLayer(store, two)).toBe(untouched);
    expect(store.historyState('two')).toEqual({ editId: 2, canUndo: true, canRedo: false });
    close();
  });
});
