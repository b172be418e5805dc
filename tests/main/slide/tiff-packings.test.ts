/** Every way a tiled TIFF may store its samples gives the pixels that were stored. */
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import type { Slide } from '../../../src/core/slide.ts';
import { openSlide } from '../../../src/main/slide/open-slide.ts';
import { taggedError, temporaryFile } from './temporary-file.ts';
import { type BuiltFile, buildTiff, placeColour } from './tiff-builder.ts';

const opened: Slide[] = [];
afterEach(async () => {
  for (const slide of opened.splice(0)) await slide.close();
});

async function open(file: BuiltFile): Promise<Slide> {
  const slide = await openSlide(temporaryFile('built.tif', buildTiff(file)));
  opened.push(slide);
  return slide;
}

async function expectPlaces(slide: Slide, width: number, height: number): Promise<void> {
  const { data } = await slide.region({ x: 0, y: 0, width, height }, width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      if (placeColour(x, y).some((value, c) => data[at + c] !== value)) {
        expect([x, y, ...data.subarray(at, at + 3)]).toEqual([x, y, ...placeColour(x, y)]);
      }
    }
  }
}

describe('packed samples', () => {
  const names = { 1: 'none', 5: 'LZW', 8: 'deflate', 32773: 'PackBits', 50000: 'Zstandard' };
  for (const [compression, name] of Object.entries(names)) {
    for (const big of [false, true]) {
      for (const motorola of [false, true]) {
        it(`${name}, ${big ? 'BigTIFF' : 'TIFF'}, ${motorola ? 'big' : 'little'}-endian`, async () => {
          const page = { width: 150, height: 90, tile: 64, compression: Number(compression) };
          await expectPlaces(await open({ big, motorola, pages: [page] }), 150, 90);
        });
      }
    }
  }

  it('horizontal differencing is undone', async () => {
    await expectPlaces(
      await open({ pages: [{ width: 70, height: 70, tile: 64, compression: 8, predictor: 2 }] }),
      70,
      70,
    );
  });

  it('long runs make LZW reuse strings that are still being written', async () => {
    const slide = await open({
      pages: [{ width: 256, height: 256, tile: 256, compression: 5, pixelAt: () => [7, 7, 7] }],
    });
    const { data } = await slide.region({ x: 0, y: 0, width: 256, height: 256 }, 256, 256);
    expect(data.every((value) => value === 7)).toBe(true);
  });

  it('grey, inverted grey and alpha become RGB on white', async () => {
    const grey = await open({ pages: [{ width: 64, height: 64, tile: 64, samples: 1, pixelAt: () => [40] }] });
    expect([...(await grey.region({ x: 0, y: 0, width: 1, height: 1 }, 1, 1)).data]).toEqual([40, 40, 40]);
    const page = { width: 64, height: 64, tile: 64, samples: 1, photometric: 0, pixelAt: () => [40] };
    const inverted = await open({ pages: [page] });
    expect([...(await inverted.region({ x: 0, y: 0, width: 1, height: 1 }, 1, 1)).data]).toEqual([215, 215, 215]);
    const clear = await open({ pages: [{ width: 64, height: 64, tile: 64, samples: 4, pixelAt: () => [9, 9, 9, 0] }] });
    expect([...(await clear.region({ x: 0, y: 0, width: 1, height: 1 }, 1, 1)).data]).toEqual([255, 255, 255]);
  });

  it('a tile of zero bytes is white', async () => {
    const packed = (column: number) => (column === 1 ? new Uint8Array(0) : Buffer.alloc(64 * 64 * 3, 10));
    const slide = await open({ pages: [{ width: 128, height: 64, tile: 64, packed }] });
    const { data } = await slide.region({ x: 63, y: 0, width: 2, height: 1 }, 2, 1);
    expect([...data]).toEqual([10, 10, 10, 255, 255, 255]);
    expect((await slide.tile(0, 1, 0)).mime).toBe('image/jpeg');
  });
});

describe('tiles for the browser', () => {
  it('WebP tiles are passed on as stored', async () => {
    const raw = { width: 64, height: 64, channels: 3 as const };
    const webp = await sharp(Buffer.alloc(64 * 64 * 3, 99), { raw })
      .webp({ lossless: true })
      .toBuffer();
    const slide = await open({
      pages: [{ width: 128, height: 64, tile: 64, compression: 50001, packed: () => webp }],
    });
    const tile = await slide.tile(0, 0, 0);
    expect([tile.mime, tile.passthrough]).toEqual(['image/webp', true]);
    expect(Buffer.from(tile.bytes).equals(webp)).toBe(true);
    expect([...(await slide.region({ x: 70, y: 9, width: 1, height: 1 }, 1, 1)).data]).toEqual([99, 99, 99]);
  });

  it('an edge tile is cut to the slide, never padded', async () => {
    const slide = await open({ pages: [{ width: 150, height: 90, tile: 64, compression: 8 }] });
    const { width, height } = await sharp((await slide.tile(0, 2, 1)).bytes).metadata();
    expect([width, height]).toEqual([22, 26]);
  });

  it('a tile outside the slide is refused', async () => {
    const slide = await open({ pages: [{ width: 150, height: 90, tile: 64, compression: 8 }] });
    const outside = [
      [0, 3, 0],
      [0, -1, 0],
      [0, 0.5, 0],
      [1, 0, 0],
      [0, Number.NaN, 0],
    ] as const;
    for (const [level, column, row] of outside) {
      expect((await taggedError(slide.tile(level, column, row))).code).toBe('bad-input');
    }
  });

  it('a cancelled request says so', async () => {
    const slide = await open({ pages: [{ width: 150, height: 90, tile: 64, compression: 8 }] });
    expect((await taggedError(slide.tile(0, 0, 0, { aborted: true }))).code).toBe('cancelled');
    const whole = slide.region({ x: 0, y: 0, width: 150, height: 90 }, 150, 90, { aborted: true });
    expect((await taggedError(whole)).code).toBe('cancelled');
  });
});

describe('levels', () => {
  it('stored levels are listed finest first whatever their order; other pages are only named', async () => {
    const at = (width: number, height: number) => ({ width, height, tile: 64, compression: 8 });
    const slide = await open({ pages: [at(512, 256), at(64, 64), at(128, 64), at(256, 128)] });
    expect(slide.info.levels.map((level) => level.widthPx)).toEqual([512, 256, 128]);
    expect(slide.info.levels.map((level) => level.downsample)).toEqual([1, 2, 4]);
    expect(slide.info.associated).toEqual(['page-1']);
  });

  it('a slide with one large level gets coarser ones, each pixel the mean of those it covers', async () => {
    const page = {
      width: 2500,
      height: 1300,
      tile: 256,
      compression: 8,
      pixelAt: (x: number) => [x % 2 ? 200 : 100, 0, 50],
    };
    const slide = await open({ pages: [page] });
    expect(slide.info.levels.map((level) => [level.widthPx, level.heightPx])).toEqual([
      [2500, 1300],
      [1250, 650],
      [625, 325],
    ]);
    const { data } = await slide.region({ x: 0, y: 0, width: 2400, height: 1200 }, 600, 300);
    for (let i = 0; i < data.length; i += 3) expect([data[i], data[i + 1], data[i + 2]]).toEqual([150, 0, 50]);
  });
});

describe('regions', () => {
  it('outside the slide is white, at any place and size', async () => {
    const slide = await open({ pages: [{ width: 64, height: 64, tile: 64, pixelAt: () => [0, 0, 0] }] });
    const { data } = await slide.region({ x: -32, y: -32, width: 64, height: 64 }, 4, 4);
    const reds = Array.from({ length: 16 }, (_, i) => data[i * 3]);
    expect(reds).toEqual([255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 255, 255, 0, 0]);
    const away = await slide.region({ x: 1e6, y: 0, width: 10, height: 10 }, 10, 10);
    expect(away.data.every((value) => value === 255)).toBe(true);
  });

  it('a reduction is the area average, also at fractional places', async () => {
    const page = { width: 64, height: 64, tile: 64, pixelAt: (x: number) => [x < 32 ? 0 : 200, 0, 0] };
    const slide = await open({ pages: [page] });
    const { data } = await slide.region({ x: 30.5, y: 0, width: 3, height: 3 }, 1, 1);
    expect(data[0]).toBe(100);
  });

  it('an enlargement keeps a flat colour flat', async () => {
    const slide = await open({ pages: [{ width: 64, height: 64, tile: 64, pixelAt: () => [10, 20, 30] }] });
    const { data } = await slide.region({ x: 10, y: 10, width: 8, height: 8 }, 32, 32);
    for (let i = 0; i < data.length; i += 3) expect([data[i], data[i + 1], data[i + 2]]).toEqual([10, 20, 30]);
  });

  it('an impossible rectangle is refused', async () => {
    const slide = await open({ pages: [{ width: 64, height: 64, tile: 64 }] });
    const impossible = [
      { x: Number.NaN, width: 5, output: 5 },
      { x: 0, width: 0, output: 5 },
      { x: 0, width: -5, output: 5 },
      { x: 0, width: Number.POSITIVE_INFINITY, output: 5 },
      { x: 0, width: 5, output: 0 },
      { x: 0, width: 5, output: 2.5 },
      { x: 0, width: 5, output: 1e6 },
      { x: 0, width: 1e9, output: 10 },
    ];
    for (const { x, width, output } of impossible) {
      const region = slide.region({ x, y: 0, width, height: width }, output, output);
      expect((await taggedError(region)).code).toBe('bad-input');
    }
  });
});
