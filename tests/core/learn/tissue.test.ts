import { describe, expect, it } from 'vitest';
import { detectTissue, tissueTiles } from '../../../src/core/learn/tissue.ts';
import { createRandom } from '../../../src/core/random.ts';
import type { RgbImage } from '../../../src/core/slide.ts';
import { filled } from './stubs.ts';

const GLASS = [243, 243, 241] as const;
const PINK = [222, 170, 200] as const;

/** Glass (or another ground) with a filled rectangle and a little noise. */
function withPatch(
  size: number,
  patch: { x: number; y: number; side: number; colour: readonly number[] },
  ground: readonly [number, number, number] = GLASS,
): RgbImage {
  const image = filled(size, size, ground);
  const random = createRandom(1);
  for (let i = 0; i < image.data.length; i++)
    image.data[i] = Math.max(0, Math.min(255, image.data[i]! + random.normal() * 2));
  for (let y = patch.y; y < patch.y + patch.side; y++) {
    for (let x = patch.x; x < patch.x + patch.side; x++) image.data.set(patch.colour, (y * size + x) * 3);
  }
  return image;
}

describe('finding tissue', () => {
  it('finds a piece of tissue on glass, to the pixel but for its rim', () => {
    const map = detectTissue(withPatch(200, { x: 50, y: 60, side: 80, colour: PINK }));
    expect(map.share).toBeGreaterThan((78 * 78) / 40000);
    expect(map.share).toBeLessThan((82 * 82) / 40000);
    expect(map.data[100 * 200 + 90]).toBe(1);
    expect(map.data[20 * 200 + 20]).toBe(0);
  });

  it.each([
    ['white', [255, 255, 255]],
    ['an ordinary scanner’s grey', [243, 243, 241]],
    ['yellowish', [238, 236, 222]],
  ] as const)('says that a slide of nothing but %s glass holds none', (_, colour) => {
    expect(detectTissue(withPatch(128, { x: 0, y: 0, side: 0, colour: PINK }, [...colour])).share).toBe(0);
  });

  it('does not tear a slide full of tissue in two', () => {
    const image = withPatch(128, { x: 30, y: 30, side: 60, colour: [150, 90, 170] }, [215, 150, 190]);
    expect(detectTissue(image).share).toBe(1);
  });

  it('keeps weakly stained tissue', () => {
    const map = detectTissue(withPatch(200, { x: 50, y: 50, side: 80, colour: [236, 218, 228] }));
    expect(map.share).toBeGreaterThan(0.14);
  });

  it('keeps weak tissue beside very dark tissue', () => {
    const image = withPatch(200, { x: 20, y: 20, side: 60, colour: [70, 30, 90] });
    for (let y = 120; y < 180; y++) {
      for (let x = 120; x < 180; x++) image.data.set([232, 205, 220], (y * 200 + x) * 3);
    }
    const map = detectTissue(image);
    expect(map.data[150 * 200 + 150]).toBe(1);
    expect(map.data[100 * 200 + 20]).toBe(0);
  });

  it('drops specks and a scanner’s black fill', () => {
    const specks = withPatch(128, { x: 60, y: 60, side: 1, colour: [120, 60, 140] });
    expect(detectTissue(specks, 20).share).toBe(0);
    const black = withPatch(128, { x: 0, y: 0, side: 60, colour: [0, 0, 0] });
    expect(detectTissue(black).data[30 * 128 + 30]).toBe(0);
  });

  it('survives a picture of one pixel', () => {
    expect(detectTissue(filled(1, 1, GLASS)).share).toBe(0);
  });
});

describe('sorting mask tiles into tissue and glass', () => {
  it('names every tile once, and those that the tissue touches as tissue', () => {
    const map = detectTissue(withPatch(200, { x: 0, y: 0, side: 40, colour: PINK }));
    const { tissue, glass } = tissueTiles(map, 4000, 3000);
    expect(tissue.length / 2 + glass.length / 2).toBe(8 * 6);
    expect(tissue).toEqual([0, 0, 1, 0, 0, 1, 1, 1]);
  });

  it('keeps a tile that tissue only borders', () => {
    const map = { width: 8, height: 8, share: 1 / 64, data: new Uint8Array(64) };
    map.data[3] = 1;
    expect(tissueTiles(map, 4096, 512).tissue).toEqual([2, 0, 3, 0, 4, 0]);
  });

  it('calls every tile of an all-glass slide glass', () => {
    const map = detectTissue(filled(64, 64, GLASS));
    expect(tissueTiles(map, 1024, 1024)).toEqual({ tissue: [], glass: [0, 0, 1, 0, 0, 1, 1, 1] });
  });
});
