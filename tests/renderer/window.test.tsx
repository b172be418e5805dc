/** The window in use: strokes, undo, other windows, outages, keys. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { HistoloopError } from '../../src/core/errors.ts';
import { ACCEPTED_BIT, BACKGROUND, DEFAULT_CLASSES } from '../../src/core/label.ts';
import { drawnPrediction, drawnSlideInfo, NUCLEUS } from './drawn-slide.ts';
import { type MountedWindow, mountWindow } from './mount.tsx';

let mounted: MountedWindow | null = null;
const open = async (...args: Parameters<typeof mountWindow>) => {
  mounted = await mountWindow(...args);
  return mounted;
};
afterEach(() => {
  mounted?.unmount();
  mounted = null;
});

const text = (selector: string) => document.querySelector(selector)?.textContent ?? '';
const saving = () => text('.saving');
const NUCLEUS_COLOR = [1, 3, 5].map((at) => Number.parseInt(DEFAULT_CLASSES[1]!.color.slice(at, at + 2), 16));

/** A spot without prediction for 40 px around, and one in the middle of a predicted nucleus. */
function spots(): { free: [number, number]; nucleus: [number, number] } {
  const labels = drawnPrediction(drawnSlideInfo(1536, 1024), 1, 1);
  const at = (x: number, y: number) => labels[(y - 512) * 512 + x - 512];
  const find = (want: number, reach: number): [number, number] => {
    for (let y = 580; y < 760; y++) {
      for (let x = 560; x < 900; x++) {
        let all = true;
        for (let d = -reach; d <= reach && all; d++) all = at(x + d, y) === want && at(x, y + d) === want;
        if (all) return [x, y];
      }
    }
    throw new Error('no such spot');
  };
  return { free: find(BACKGROUND, 12), nucleus: find(NUCLEUS, 8) };
}
const { free, nucleus } = spots();

test('a stroke is on screen before it is sent, is sent once, and stays after it is saved', async () => {
  const { fake, session, key, pointer, maskPixel, frames } = await open();
  key('b');
  expect(maskPixel(free)[3]).toBe(0);
  pointer('pointerdown', free);
  pointer('pointermove', [free[0] + 6, free[1]]);
  await frames();
  expect(
    maskPixel(free)
      .slice(0, 3)
      .map((c, i) => Math.abs(c - NUCLEUS_COLOR[i]!) < 4),
  ).toEqual([true, true, true]);
  expect(fake.edits).toHaveLength(0);
  pointer('pointerup', [free[0] + 6, free[1]]);
  expect(session.view.getState().saving.pending).toBe(1);
  await vi.waitFor(() => expect(saving()).toContain('All saved'));
  await frames();
  expect(fake.edits).toHaveLength(1);
  expect(fake.edits[0]).toMatchObject({ tool: 'brush', predictionLayerId: 3, operation: { kind: 'stroke', label: 2 } });
  expect(fake.stored(...free)).toBe(2);
  expect(maskPixel(free)[3]).toBeGreaterThan(0);
  expect(session.edits.waiting()).toHaveLength(0);
});

test('Ctrl+Z takes the stroke back and Ctrl+Shift+Z brings it again', async () => {
  const { fake, key, drag, maskPixel, frames } = await open();
  key('b');
  drag([free, [free[0] + 5, free[1] + 5]]);
  await vi.waitFor(() => expect(fake.stored(...free)).toBe(2));
  key('z', { ctrlKey: true });
  await vi.waitFor(() => expect(fake.stored(...free)).toBe(0));
  await vi.waitFor(async () => {
    await frames();
    expect(maskPixel(free)[3]).toBe(0);
  });
  key('Z', { ctrlKey: true, shiftKey: true });
  await vi.waitFor(() => expect(maskPixel(free)[3]).toBeGreaterThan(0));
  expect(fake.stored(...free)).toBe(2);
});

test('Escape gives a stroke up: nothing is sent, nothing stays', async () => {
  const { fake, key, pointer, maskPixel, frames } = await open();
  key('b');
  pointer('pointerdown', free);
  pointer('pointermove', [free[0] + 5, free[1]]);
  await frames();
  expect(maskPixel(free)[3]).toBeGreaterThan(0);
  key('Escape');
  await frames();
  expect(maskPixel(free)[3]).toBe(0);
  pointer('pointerup', free);
  expect(fake.edits).toHaveLength(0);
});

test.each([
  ['altKey', { altKey: true }],
  ['ctrlKey', { ctrlKey: true }],
])('with %s held the brush erases a wrong nucleus: it is background now', async (_name, modifier) => {
  const { fake, key, drag } = await open();
  key('b');
  drag([nucleus], modifier);
  await vi.waitFor(() => expect(fake.stored(...nucleus)).toBe(1));
  expect(fake.edits[0]).toMatchObject({ tool: 'eraser' });
});

test('the eraser may give a spot back to the model instead', async () => {
  const { fake, session, key, drag } = await open({}, { eraserMeaning: 'model' });
  key('b');
  drag([nucleus]);
  await vi.waitFor(() => expect(fake.stored(...nucleus)).toBe(2));
  key('e');
  drag([nucleus]);
  await vi.waitFor(() => expect(fake.stored(...nucleus)).toBe(0));
  expect(session.view.getState().tool).toBe('eraser');
});

test('accepting draws around predictions and marks their pixels as accepted, not as drawn', async () => {
  const { fake, key, drag } = await open();
  key('a');
  const [x, y] = nucleus;
  drag([
    [x - 60, y - 60],
    [x + 60, y - 60],
    [x + 60, y + 60],
    [x - 60, y + 60],
  ]);
  await vi.waitFor(() => expect(fake.stored(x, y)).toBe(NUCLEUS | ACCEPTED_BIT));
  expect(fake.stored(x + 70, y) & ACCEPTED_BIT).toBe(0);
});

test('Shift+A accepts all that is in view', async () => {
  const { fake, key } = await open();
  key('A', { shiftKey: true });
  await vi.waitFor(() => expect(fake.stored(...nucleus)).toBe(NUCLEUS | ACCEPTED_BIT));
});

test('accepting changes nothing of the picture, at full resolution and far out', async () => {
  const { fake, session, key, maskPicture, still } = await open({ widthPx: 4000, heightPx: 3000 });
  session.stage()!.viewer.fit();
  await still();
  const pictures: Uint8ClampedArray[] = [];
  const zooms = [0.06, 0.2, 0.5, 1];
  for (const zoom of zooms) {
    session.stage()!.viewer.zoomTo(zoom);
    await still();
    pictures.push(maskPicture());
  }
  session.stage()!.viewer.fit();
  await still();
  key('A', { shiftKey: true });
  await vi.waitFor(() =>
    expect(session.view.getState().saving).toMatchObject({ pending: 0, savedAt: expect.any(Number) }),
  );
  expect(fake.edits).toHaveLength(1);
  for (const [i, zoom] of zooms.entries()) {
    session.stage()!.viewer.zoomTo(zoom);
    await still();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(pictures[i]!.some((value) => value !== 0)).toBe(true);
    expect(
      maskPicture().every((value, at) => value === pictures[i]![at]),
      `zoom ${zoom}`,
    ).toBe(true);
  }
});

test('a stroke lands where it was drawn when the view is turned and mirrored', async () => {
  const { fake, session, key, drag, maskPixel, frames } = await open();
  key('r');
  key('m');
  await vi.waitFor(async () => {
    await frames();
    expect(session.view.getState().viewport).toMatchObject({ rotation: 90, flipped: true });
  });
  await new Promise((resolve) => setTimeout(resolve, 400));
  key('b');
  drag([free, [free[0] + 3, free[1]]]);
  await vi.waitFor(() => expect(fake.stored(...free)).toBe(2));
  await frames();
  expect(maskPixel(free)[3]).toBeGreaterThan(0);
});

test('while the workstation is away strokes stay on screen and are counted, and land in order when it is back', async () => {
  const { fake, key, drag, maskPixel, frames } = await open();
  key('b');
  fake.failure = new TypeError('Failed to fetch');
  drag([free]);
  key('2');
  drag([[free[0], free[1] + 10]]);
  await vi.waitFor(() => expect(saving()).toContain('2 edits wait'));
  await frames();
  expect(maskPixel(free)[3]).toBeGreaterThan(0);
  const leaving = new Event('beforeunload', { cancelable: true });
  window.dispatchEvent(leaving);
  expect(leaving.defaultPrevented).toBe(true);
  fake.failure = null;
  await vi.waitFor(() => expect(saving()).toContain('All saved'), 8000);
  expect(new Set(fake.edits.map((edit) => edit.requestId)).size).toBe(2);
  expect(fake.stored(...free)).toBe(2);
});

test('an edit that is refused leaves the screen and is told in one sentence', async () => {
  const { fake, key, drag, maskPixel, frames } = await open();
  key('b');
  fake.failure = new HistoloopError('bad-input', 'label 9 is no class; choose one of the list');
  drag([free]);
  await vi.waitFor(() => expect(text('[role="alert"]')).toContain('Label 9 is no class; choose one of the list.'));
  fake.failure = null;
  await vi.waitFor(async () => {
    await frames();
    expect(maskPixel(free)[3]).toBe(0);
  });
  expect(document.body.textContent).not.toMatch(/\bat .*\.tsx?:\d+/);
});

test('what another window draws appears', async () => {
  const { fake, maskPixel } = await open();
  expect(maskPixel(free)[3]).toBe(0);
  await fake.client.mask.edit({
    slideId: 'slide-1',
    requestId: 'from-elsewhere',
    operation: { kind: 'stroke', points: free, radius: 8, label: 2 },
    predictionLayerId: null,
    tool: 'brush',
  });
  await vi.waitFor(() => expect(maskPixel(free)[3]).toBeGreaterThan(0));
});

describe('looks', () => {
  test('H hides the mask, F outlines it, X shows it without corrections', async () => {
    const { fake, session, key, drag, maskPixel, frames, stage } = await open();
    key('b');
    drag([free]);
    await vi.waitFor(() => expect(fake.stored(...free)).toBe(2));
    await vi.waitFor(() => expect(session.edits.waiting()).toHaveLength(0));
    key('x');
    await frames();
    expect(maskPixel(free)[3]).toBe(0);
    key('x');
    key('f');
    await frames();
    expect(maskPixel(nucleus)[3]).toBe(0);
    key('f');
    await frames();
    expect(maskPixel(nucleus)[3]).toBeGreaterThan(0);
    key('h');
    expect(getComputedStyle(stage.querySelector('.mask-canvas')!).visibility).toBe('hidden');
    expect(session.view.getState().fill).toBe(true);
  });

  test('a hidden class is not drawn, and comes back', async () => {
    const { maskPixel, frames } = await open();
    const button = () =>
      document.querySelector<HTMLButtonElement>('[aria-label="Hide Nucleus"], [aria-label="Show Nucleus"]')!;
    button().click();
    await frames();
    expect(maskPixel(nucleus)[3]).toBe(0);
    button().click();
    await frames();
    expect(maskPixel(nucleus)[3]).toBeGreaterThan(0);
  });
});

test('brackets and Alt + wheel size the brush; Ctrl + wheel fades the mask; the plain wheel is left to the viewer', async () => {
  const { session, stage, key } = await open();
  const size = () => session.view.getState().brushScreenPx;
  const first = size();
  key(']');
  expect(size()).toBeGreaterThan(first);
  key('[');
  expect(size()).toBeCloseTo(first, 6);
  const wheel = (more: WheelEventInit) => {
    const event = new WheelEvent('wheel', { deltaY: -100, bubbles: true, cancelable: true, ...more });
    stage.dispatchEvent(event);
    return event.defaultPrevented;
  };
  expect(wheel({ altKey: true })).toBe(true);
  expect(size()).toBeGreaterThan(first);
  const opacity = session.view.getState().opacity;
  expect(wheel({ ctrlKey: true })).toBe(true);
  expect(session.view.getState().opacity).toBeGreaterThan(opacity);
});

test('keys typed into a field stay in the field', async () => {
  const { session, key } = await open();
  document.querySelector<HTMLButtonElement>('button[aria-label^="Corrections are signed by"]')!.click();
  const input = await vi.waitFor(() => {
    const field = document.querySelector<HTMLInputElement>('[role="dialog"] input');
    expect(field).not.toBeNull();
    return field!;
  });
  input.focus();
  key('b');
  expect(session.view.getState().tool).toBe('pan');
});

test('the readout says what lies under the pointer and who said it', async () => {
  const { fake, key, drag, pointer } = await open();
  const readout = () => text('[data-testid="pointer-position"]');
  pointer('pointermove', nucleus, { buttons: 0 });
  await vi.waitFor(() => expect(readout()).toContain('Nucleus, model'));
  key('b');
  drag([free]);
  await vi.waitFor(() => expect(fake.stored(...free)).toBe(2));
  pointer('pointermove', free, { buttons: 0 });
  await vi.waitFor(() => expect(readout()).toContain('Nucleus, drawn'));
});

test('digits choose classes', async () => {
  const { session, key } = await open();
  key('1');
  expect(session.view.getState()).toMatchObject({ classId: 1, tool: 'brush' });
  key('2');
  expect(session.view.getState().classId).toBe(2);
  key('9');
  expect(session.view.getState().classId).toBe(2);
});

test('a slide of one pixel opens', async () => {
  const { stage, session } = await open({ widthPx: 1, heightPx: 1 });
  expect(stage.querySelector('.mask-canvas canvas')).not.toBeNull();
  expect(session.view.getState().viewport!.zoom).toBeGreaterThan(0);
});
