/** Maps between slide and screen, levels as OpenSeadragon is told them, numbers as people read them, keys as they are named. */
import { describe, expect, test } from 'vitest';
import { formatLength, formatSeconds, roundLength } from '../../src/renderer/format.ts';
import { keyName } from '../../src/renderer/keyboard.ts';
import { affineThrough, apply, invert, mirror, scaleOf, visibleRect } from '../../src/renderer/viewer/affine.ts';
import { slideSource } from '../../src/renderer/viewer/slide-source.ts';
import { drawnSlideInfo } from './drawn-slide.ts';

const turned = affineThrough({ x: 30, y: 40 }, { x: 30, y: 40.5 }, { x: 29.5, y: 40 });

describe('the map from slide to screen', () => {
  test('there and back is the same point, turned and mirrored too', () => {
    for (const map of [turned, mirror(turned, 800)]) {
      const there = apply(map, { x: 123, y: 45 });
      const back = apply(invert(map), there);
      expect(back.x).toBeCloseTo(123, 9);
      expect(back.y).toBeCloseTo(45, 9);
    }
  });

  test('a mirror swaps left and right of the viewer and nothing else', () => {
    const plain = apply(turned, { x: 10, y: 20 });
    expect(apply(mirror(turned, 800), { x: 10, y: 20 })).toEqual({ x: 800 - plain.x, y: plain.y });
    expect(scaleOf(mirror(turned, 800))).toBeCloseTo(0.5, 9);
  });

  test('the visible rectangle holds every corner of the viewer', () => {
    const rect = visibleRect(turned, 800, 600);
    expect(rect.width).toBeCloseTo(1200, 6);
    expect(rect.height).toBeCloseTo(1600, 6);
  });
});

test('levels of any downsample and tile size are told coarsest first', () => {
  const info = {
    ...drawnSlideInfo(33_001, 20_003),
    levels: [
      { index: 0, widthPx: 33_001, heightPx: 20_003, tileWidthPx: 240, tileHeightPx: 240, downsample: 1 },
      { index: 1, widthPx: 8250, heightPx: 5000, tileWidthPx: 256, tileHeightPx: 128, downsample: 4.0003 },
    ],
  };
  const source = slideSource(info, (level, column, row) => `${level}/${column}/${row}`);
  expect(source.maxLevel).toBe(1);
  expect(source.getLevelScale(1)).toBe(1);
  expect(source.getLevelScale(0)).toBeCloseTo(0.25, 3);
  expect([source.getTileWidth(0), source.getTileHeight(0), source.getTileWidth(1)]).toEqual([256, 128, 240]);
  expect(source.getTileUrl(0, 3, 4)).toBe('1/3/4');
});

test('lengths are in micrometres only where the pixel size is known', () => {
  expect(formatLength(40, 0.5)).toBe('20 µm');
  expect(formatLength(40_000, 0.25)).toBe('10 mm');
  expect(formatLength(40, null)).toBe('40 px');
});

test.each([
  [1, 0.5],
  [0.037, 0.2528],
  [17, null],
])('a scale bar at zoom %d is round and fits', (zoom, pixelSize) => {
  const px = roundLength(160, zoom, pixelSize);
  expect(px * zoom).toBeLessThanOrEqual(160);
  expect(px * zoom).toBeGreaterThan(160 / 2.51);
  const shown = px * (pixelSize ?? 1);
  const digits = shown / 10 ** Math.floor(Math.log10(shown) + 1e-9);
  expect([1, 2, 5].some((digit) => Math.abs(digits - digit) < 1e-6)).toBe(true);
});

test('times are short', () => {
  expect([0, 59.6, 185, 7800].map(formatSeconds)).toEqual(['0 s', '1 min 00 s', '3 min 05 s', '2 h 10 min']);
});

test.each([
  [{ key: 'z', ctrlKey: true, shiftKey: true }, 'Ctrl+Shift+Z'],
  [{ key: 'Z', ctrlKey: true, shiftKey: true }, 'Ctrl+Shift+Z'],
  [{ key: 'b' }, 'B'],
  [{ key: '?', shiftKey: true }, '?'],
  [{ key: 'z', metaKey: true }, 'Ctrl+Z'],
  [{ key: 'ArrowLeft' }, 'ArrowLeft'],
])('the key %j is called %s', (init, name) => {
  expect(keyName(new KeyboardEvent('keydown', init))).toBe(name);
});
