/** A few hundred damaged files: each is a slide or a tagged error, its tiles are tiles or tagged errors, and none hangs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HistoloopError } from '../../../src/core/errors.ts';
import { createRandom } from '../../../src/core/random.ts';
import { openSlide } from '../../../src/main/slide/open-slide.ts';
import { describeWithData } from '../../fixtures/shared-data.ts';
import { taggedError, temporaryFile } from './temporary-file.ts';
import { buildTiff } from './tiff-builder.ts';

/** Opens, reads a few tiles and a region, closes; a tagged error at any step is fine, a stranger is not. */
async function survive(path: string): Promise<string> {
  try {
    const slide = await openSlide(path);
    try {
      const level = slide.info.levels.at(-1)!;
      await slide.tile(0, 0, 0);
      await slide.tile(level.index, 0, 0);
      await slide.region({ x: 0, y: 0, width: 300, height: 300 }, 100, 100);
    } finally {
      await slide.close();
    }
    return 'read';
  } catch (error) {
    if (!(error instanceof HistoloopError)) throw new Error('a stranger was thrown', { cause: error });
    expect(error.code).not.toBe('internal');
    return error.code;
  }
}

function mutate(bytes: Buffer, seed: number): Buffer {
  const random = createRandom(seed);
  const damaged = Buffer.from(bytes);
  const interesting = [0, 1, 0x7f, 0x80, 0xff];
  for (let i = 0; i < 1 + random.int(8); i++) {
    const at = random.next() < 0.5 ? random.int(damaged.length) : Math.max(0, damaged.length - 1 - random.int(700));
    damaged[at] = random.next() < 0.5 ? random.int(256) : interesting[random.int(interesting.length)]!;
  }
  return random.next() < 0.2 ? damaged.subarray(0, random.int(damaged.length)) : damaged;
}

describe('files of our own, damaged at random', () => {
  const shapes = {
    deflate: {
      pages: [
        { width: 200, height: 130, tile: 64, compression: 8 },
        { width: 100, height: 65, tile: 64, compression: 8 },
      ],
    },
    'big-endian LZW': { motorola: true, pages: [{ width: 150, height: 70, tile: 64, compression: 5 }] },
    BigTIFF: { big: true, pages: [{ width: 150, height: 70, tile: 64, compression: 50000, predictor: 2 }] },
  };
  for (const [name, shape] of Object.entries(shapes)) {
    it(`${name}: always a slide or a sentence`, async () => {
      const bytes = buildTiff(shape);
      const outcomes = new Map<string, number>();
      for (let seed = 1; seed <= 120; seed++) {
        const outcome = await survive(temporaryFile('fuzz.tif', mutate(bytes, seed)));
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      expect(outcomes.size).toBeGreaterThan(2);
    });
  }

  it('cut at every length, a file never opens as if it were whole', async () => {
    const bytes = buildTiff({
      pages: [{ width: 128, height: 64, tile: 64, compression: 8, description: 'x'.repeat(40) }],
    });
    for (let length = 1; length < bytes.length; length += 7) {
      expect(await survive(temporaryFile('cut.tif', bytes.subarray(0, length)))).not.toBe('read');
    }
  });

  it('a damaged tile names its place and leaves the others readable', async () => {
    const good = { width: 192, height: 128, tile: 64, compression: 8 };
    const bad = (column: number, row: number) => (column === 1 && row === 1 ? Buffer.from('no zlib data') : undefined);
    const whole = buildTiff({ pages: [good] });
    expect(await survive(temporaryFile('good.tif', whole))).toBe('read');
    const flat = (await import('node:zlib')).deflateSync(Buffer.alloc(64 * 64 * 3, 5));
    const path = temporaryFile('bad.tif', buildTiff({ pages: [{ ...good, packed: (c, r) => bad(c, r) ?? flat }] }));
    const slide = await openSlide(path);
    const error = await taggedError(slide.tile(0, 1, 1));
    expect(error.code).toBe('tile-damaged');
    expect(error.data).toMatchObject({ level: 0, column: 1, row: 1 });
    expect(error.message).toMatch(/level 0, column 1, row 1.*rest of the slide/);
    expect((await slide.tile(0, 0, 1)).bytes.length).toBeGreaterThan(100);
    expect((await taggedError(slide.region({ x: 0, y: 0, width: 192, height: 128 }, 96, 64))).code).toBe(
      'tile-damaged',
    );
    await slide.close();
  });
});

describeWithData('the real SVS, damaged', (data) => {
  const bytes = readFileSync(join(data, 'wsi/aperio/CMU-1-Small-Region.svs'));

  it('mutated 60 times: always a slide or a sentence', async () => {
    for (let seed = 1; seed <= 60; seed++) await survive(temporaryFile('fuzz.svs', mutate(bytes, seed)));
  });

  it('cut short says so when it is opened or at the missing tile', async () => {
    for (const share of [0.001, 0.3, 0.7, 0.95, 0.9999]) {
      const outcome = await survive(temporaryFile('cut.svs', bytes.subarray(0, Math.floor(bytes.length * share))));
      expect(['slide-damaged', 'tile-damaged', 'slide-unsupported']).toContain(outcome);
    }
  });
});
