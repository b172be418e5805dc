/** The two painters are twins, and losing the graphics card loses no picture. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MASK_TILE_PX } from '../../src/core/label.ts';
import { createRandom } from '../../src/core/random.ts';
import { affineThrough } from '../../src/renderer/viewer/affine.ts';
import { createCanvasPainter } from '../../src/renderer/viewer/canvas-painter.ts';
import type { Painter, PlaneLabels } from '../../src/renderer/viewer/painter.ts';
import { createPainter } from '../../src/renderer/viewer/painters.ts';
import type { Look } from '../../src/renderer/viewer/palette.ts';
import { createWebglPainter } from '../../src/renderer/viewer/webgl-painter.ts';

const screen = { width: 300, height: 200, ratio: 1 };
const placed = [{ key: 'a', x: 0, y: 0, edgePx: MASK_TILE_PX }];
const look: Look = {
  classes: [
    { id: 1, name: 'Background', color: '#5b6472' },
    { id: 2, name: 'Nucleus', color: '#f2c14e' },
    { id: 3, name: 'Tumour', color: '#0072b2' },
  ],
  hiddenClasses: new Set(),
  fill: true,
  opacity: 1,
  showOrigin: false,
};
const oneToOne = affineThrough({ x: 0, y: 0 }, { x: 1, y: 0 }, { x: 0, y: 1 });

function blobs(seed: number, values: readonly number[]): Uint8Array {
  const random = createRandom(seed);
  const labels = new Uint8Array(MASK_TILE_PX * MASK_TILE_PX);
  for (let i = 0; i < 60; i++) {
    const [x, y, size] = [random.int(480), random.int(480), 4 + random.int(28)];
    const value = values[random.int(values.length)]!;
    for (let row = y; row < y + size; row++) labels.fill(value, row * MASK_TILE_PX + x, row * MASK_TILE_PX + x + size);
  }
  return labels;
}

function pixels(painter: Painter): Uint8ClampedArray {
  const copy = document.createElement('canvas');
  copy.width = screen.width;
  copy.height = screen.height;
  const context = copy.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(painter.canvas, 0, 0);
  return context.getImageData(0, 0, screen.width, screen.height).data;
}

/** Part of the pixels that differ by more than rounding, as they would look on black. */
function difference(one: Uint8ClampedArray, other: Uint8ClampedArray): number {
  const shown = (data: Uint8ClampedArray, i: number, channel: number) =>
    channel === 3 ? data[i + 3]! : (data[i + channel]! * data[i + 3]!) / 255;
  let different = 0;
  for (let i = 0; i < one.length; i += 4) {
    if ([0, 1, 2, 3].some((channel) => Math.abs(shown(one, i, channel) - shown(other, i, channel)) > 3)) different++;
  }
  return different / (one.length / 4);
}

const labels: PlaneLabels = { human: blobs(1, [0, 1, 2, 3, 129, 130]), predicted: blobs(2, [1, 2, 3]) };

describe('WebGL and the plain canvas', () => {
  let twins: readonly Painter[] = [];

  beforeEach(() => {
    const webgl = createWebglPainter(() => undefined);
    expect(webgl, 'this browser has no WebGL2, not even in software').not.toBeNull();
    twins = [webgl!, createCanvasPainter()];
  });
  afterEach(() => {
    for (const painter of twins) painter.dispose();
  });

  const drawn = (change: Partial<Look>, after?: (painter: Painter) => void) =>
    twins.map((painter) => {
      painter.setLook({ ...look, ...change });
      painter.upload('a', labels, null);
      after?.(painter);
      painter.draw(oneToOne, screen, placed);
      return pixels(painter);
    }) as [Uint8ClampedArray, Uint8ClampedArray];

  test.each([
    ['filled', {}],
    ['half transparent', { opacity: 0.5 }],
    ['with a hidden class', { hiddenClasses: new Set([3]) }],
    ['by origin', { showOrigin: true }],
  ])('draw the same pixels %s', (_name, change) => {
    const [webgl, plain] = drawn(change);
    expect(plain.some((value) => value !== 0)).toBe(true);
    expect(difference(webgl, plain)).toBe(0);
  });

  test('draw nearly the same outlines', () => {
    const [webgl, plain] = drawn({ fill: false });
    expect(plain.some((value) => value !== 0)).toBe(true);
    expect(difference(webgl, plain)).toBeLessThan(0.05);
  });

  test('take over a changed rectangle, and no more than that', () => {
    const next = { human: labels.human!.slice(), predicted: labels.predicted };
    next.human.fill(3, 20 * MASK_TILE_PX, 60 * MASK_TILE_PX);
    const [webgl, plain] = drawn({}, (painter) => painter.upload('a', next, { x: 10, y: 30, width: 100, height: 20 }));
    expect(difference(webgl, plain)).toBe(0);
    const [whole] = drawn({}, (painter) => painter.upload('a', next, null));
    expect(difference(webgl, whole)).toBeGreaterThan(0);
  });

  test('draw a turned and mirrored view the same but for the edges', () => {
    const turned = affineThrough({ x: 250, y: 20 }, { x: 249.3, y: 20.7 }, { x: 249.3, y: 19.3 });
    const [webgl, plain] = twins.map((painter) => {
      painter.setLook(look);
      painter.upload('a', labels, null);
      painter.draw(turned, screen, placed);
      return pixels(painter);
    }) as [Uint8ClampedArray, Uint8ClampedArray];
    expect(difference(webgl, plain)).toBeLessThan(0.12);
  });
});

test('when the graphics context is lost, the plain canvas goes on with the same picture', async () => {
  const parent = document.createElement('div');
  const redraw = vi.fn();
  const painter = createPainter(parent, redraw, true);
  expect(painter.kind).toBe('webgl2');
  painter.setLook(look);
  painter.upload('a', labels, null);
  painter.draw(oneToOne, screen, placed);
  const before = pixels(painter);
  const lost = painter.canvas.getContext('webgl2')!.getExtension('WEBGL_lose_context')!;
  lost.loseContext();
  await vi.waitFor(() => expect(redraw).toHaveBeenCalled());
  expect(painter.kind).toBe('canvas2d');
  expect(parent.firstChild).toBe(painter.canvas);
  expect(painter.holds('a')).toBe(false);
  painter.upload('a', labels, null);
  painter.draw(oneToOne, screen, placed);
  expect(difference(pixels(painter), before)).toBe(0);
  painter.dispose();
});
