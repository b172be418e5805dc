import { describe, expect, test } from 'vitest';
import { decodeTile, encodeTile } from '../../../src/core/mask/codec.ts';
import { TILE_LENGTH } from '../../../src/core/mask/tile-grid.ts';
import { createRandom } from '../../../src/core/random.ts';

/** Runs of random length, from single pixels to half a tile. */
function randomLabels(seed: number, length: number): Uint8Array {
  const random = createRandom(seed);
  const labels = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const run = 1 + Math.floor(2 ** (random.next() * 17));
    labels.fill(random.int(256), at, at + run);
    at += run;
  }
  return labels;
}

describe('the run-length code of a tile', () => {
  test('gives back what it was given, at any length and alignment', () => {
    for (let seed = 0; seed < 60; seed++) {
      const buffer = randomLabels(seed, 1 + ((seed * 7919) % 70_000));
      const labels = buffer.subarray(seed % 5);
      expect(Buffer.compare(decodeTile(encodeTile(labels), labels.length), labels)).toBe(0);
    }
  });

  test('takes four bytes for a solid tile and none for no labels', () => {
    expect(encodeTile(new Uint8Array(TILE_LENGTH).fill(130))).toHaveLength(4);
    expect(encodeTile(new Uint8Array(0))).toHaveLength(0);
    expect(decodeTile(new Uint8Array(0), 0)).toHaveLength(0);
  });

  test('never takes more than two bytes a label', () => {
    const noise = new Uint8Array(TILE_LENGTH).map((_, i) => i % 251);
    const code = encodeTile(noise);
    expect(code.length).toBeLessThanOrEqual(2 * TILE_LENGTH);
    expect(Buffer.compare(decodeTile(code, TILE_LENGTH), noise)).toBe(0);
  });

  test('decodes over a tile that is already there', () => {
    const into = new Uint8Array(100).fill(9);
    expect(decodeTile(encodeTile(new Uint8Array(100).fill(3)), 100, into)).toBe(into);
    expect(into.every((label) => label === 3)).toBe(true);
  });
});

describe('a damaged tile code says so', () => {
  const labels = randomLabels(5, TILE_LENGTH);
  const code = encodeTile(labels);

  test.each([
    ['empty', new Uint8Array(0)],
    ['cut within a run', code.subarray(0, code.length - 1)],
    ['cut in half', code.subarray(0, code.length >> 1)],
    ['followed by a further run', Uint8Array.from([...code, 2, 0])],
    ['an endless number', new Uint8Array(1_000_000).fill(0xff)],
    ['a run longer than the tile', Uint8Array.from([1, 0xff, 0xff, 0xff, 0x7f])],
  ])('%s', (_, bytes) => {
    expect(() => decodeTile(bytes, TILE_LENGTH)).toThrowError(expect.objectContaining({ code: 'tile-damaged' }));
  });

  test('and random bytes never write beyond the tile, hang, or fail in any other way', () => {
    const random = createRandom(11);
    const guarded = new Uint8Array(3000).fill(77);
    const into = guarded.subarray(1000, 2000);
    for (let i = 0; i < 5000; i++) {
      const bytes = Uint8Array.from({ length: random.int(40) }, () => random.int(256));
      try {
        decodeTile(bytes, into.length, into);
      } catch (error) {
        expect(error).toMatchObject({ code: 'tile-damaged' });
      }
    }
    expect(guarded.subarray(0, 1000).every((byte) => byte === 77)).toBe(true);
    expect(guarded.subarray(2000).every((byte) => byte === 77)).toBe(true);
  });
});
