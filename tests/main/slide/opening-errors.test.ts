/** Whatever is wrong with a file, opening it says what and what to do; it never crashes, hangs or leaks a stranger. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/core/errors.ts';
import { openSlide } from '../../../src/main/slide/open-slide.ts';
import { slideHash } from '../../../src/main/slide/slide-hash.ts';
import { taggedError, temporaryFile, temporaryFolder } from './temporary-file.ts';
import { type BuiltPage, buildTiff } from './tiff-builder.ts';

const plain: BuiltPage = { width: 128, height: 128, tile: 64, compression: 8 };

async function expectRefusal(path: string, code: ErrorCode, words: RegExp): Promise<void> {
  const error = await taggedError(openSlide(path).then((slide) => slide.close()));
  expect(`${error.code}: ${error.message}`).toMatch(words);
  expect(error.code).toBe(code);
}

describe('files that are no slide', () => {
  it('a missing file', () => expectRefusal('/nowhere/at/all.svs', 'file-missing', /moved or renamed/));
  it('a folder', () => expectRefusal(temporaryFolder(), 'file-unreadable', /is a folder/));
  it('an empty file', () => expectRefusal(temporaryFile('a.svs', ''), 'slide-damaged', /0 bytes/));
  it('a text file', () => expectRefusal(temporaryFile('a.svs', 'hello'), 'slide-unsupported', /not a slide/));
  it('a path with a zero character', () => expectRefusal('a\0b', 'bad-input', /zero character/));
  it('a hash of a missing file says the same', async () => {
    expect((await taggedError(slideHash('/nowhere.svs'))).code).toBe('file-missing');
    expect((await taggedError(slideHash(temporaryFolder()))).code).toBe('file-unreadable');
  });
  it('a hash is the SHA-256 of the content', async () => {
    const path = temporaryFile('abc', 'abc');
    expect(await slideHash(path)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('slides of families this version does not read are named', () => {
  const dicom = Buffer.alloc(200);
  dicom.write('DICM', 128);
  it('DICOM', () => expectRefusal(temporaryFile('a.dcm', dicom), 'slide-unsupported', /DICOM.*convert/));
  it('Zeiss', () => expectRefusal(temporaryFile('a.czi', 'ZISRAWFILE…'), 'slide-unsupported', /CZI.*convert/));
  it('MIRAX', () => expectRefusal(temporaryFile('a.mrxs', 'x'), 'slide-unsupported', /MIRAX.*convert/));
  it('JPEG 2000 in a TIFF', () => {
    const bytes = buildTiff({ pages: [{ ...plain, compression: 33005, packed: () => Buffer.alloc(9) }] });
    return expectRefusal(temporaryFile('a.svs', bytes), 'slide-unsupported', /JPEG 2000 \(33005\).*convert/);
  });
  it('16 bits a sample', () => {
    const bytes = buildTiff({ pages: [{ ...plain, samples: 1, bits: 16 }] });
    return expectRefusal(temporaryFile('a.tif', bytes), 'slide-unsupported', /16-bit/);
  });
});

describe('TIFF files that lie', () => {
  const lie = (page: Partial<BuiltPage>) => temporaryFile('lie.tif', buildTiff({ pages: [{ ...plain, ...page }] }));
  const withTag = (bytes: Buffer, tag: number, value: number): Buffer => {
    for (let at = bytes.readUInt32LE(4) + 2; at < bytes.length; at += 12) {
      if (bytes.readUInt16LE(at) === tag) {
        bytes.writeUInt32LE(value, at + 8);
        return bytes;
      }
    }
    throw new Error('no such tag');
  };

  it('a side of 10^9 pixels', () => {
    const path = temporaryFile('huge.tif', withTag(buildTiff({ pages: [plain] }), 256, 1e9));
    return expectRefusal(path, 'slide-damaged', /1000000000 × 128.*no slide is/);
  });
  it('no width at all', () => {
    const path = temporaryFile('flat.tif', withTag(buildTiff({ pages: [plain] }), 256, 0));
    return expectRefusal(path, 'slide-damaged', /0 × 128/);
  });
  it('tiles larger than memory', () => {
    const bytes = withTag(withTag(buildTiff({ pages: [plain] }), 322, 65536), 323, 65536);
    return expectRefusal(temporaryFile('tile.tif', bytes), 'slide-damaged', /tiles of 65536/);
  });
  it('fewer tiles than the picture needs', () => {
    const path = temporaryFile('few.tif', withTag(buildTiff({ pages: [plain] }), 256, 1280));
    return expectRefusal(path, 'slide-damaged', /should hold 40 tiles but lists 4/);
  });
  it('directories in a circle', () => {
    const bytes = buildTiff({ pages: [plain, plain] });
    const first = bytes.readUInt32LE(4);
    const second = bytes.readUInt32LE(first + 2 + 12 * bytes.readUInt16LE(first));
    bytes.writeUInt32LE(first, second + 2 + 12 * bytes.readUInt16LE(second));
    return expectRefusal(temporaryFile('circle.tif', bytes), 'slide-damaged', /circle/);
  });
  it('a sub-directory that is its own page', () => {
    const bytes = buildTiff({ pages: [{ ...plain, tags: [[330, 4, [0]]] }] });
    const path = temporaryFile('self.tif', withTag(bytes, 330, bytes.readUInt32LE(4)));
    return expectRefusal(path, 'slide-damaged', /circle/);
  });
  it('a list of four thousand million offsets', () => {
    const bytes = buildTiff({ pages: [plain] });
    for (let at = bytes.readUInt32LE(4) + 2; at < bytes.length - 12; at += 12) {
      if (bytes.readUInt16LE(at) === 324) bytes.writeUInt32LE(0xffffffff, at + 4);
    }
    return expectRefusal(temporaryFile('list.tif', bytes), 'slide-damaged', /copy it again/);
  });
  it('an unknown packing', () => {
    return expectRefusal(lie({ compression: 4711, packed: () => Buffer.alloc(4) }), 'slide-unsupported', /4711/);
  });
});

describe('pixel size', () => {
  const sizeOf = async (page: Partial<BuiltPage>) => {
    const slide = await openSlide(temporaryFile('size.tif', buildTiff({ pages: [{ ...plain, ...page }] })));
    await slide.close();
    return slide.info.pixelSize;
  };

  it('is unknown where the file is silent, or gives no unit', async () => {
    expect(await sizeOf({})).toEqual({ xUm: null, yUm: null, source: 'unknown', warning: null });
    expect((await sizeOf({ resolution: [20000, 1, 1] })).source).toBe('unknown');
  });
  it('is read from centimetres and inches', async () => {
    expect((await sizeOf({ resolution: [20000, 1, 3] })).xUm).toBeCloseTo(0.5, 9);
    expect((await sizeOf({ resolution: [50800, 1, 2] })).yUm).toBeCloseTo(0.5, 9);
  });
  it('is unknown for resolutions that are no number', async () => {
    for (const [numerator, denominator] of [
      [0, 0],
      [5, 0],
      [0, 7],
    ] as const) {
      expect((await sizeOf({ resolution: [numerator, denominator, 3] })).source).toBe('unknown');
    }
  });
  it('comes with a warning where no microscope gives it', async () => {
    const tooSmall = await sizeOf({ resolution: [2004008, 1, 3] });
    expect([tooSmall.source, tooSmall.warning]).toEqual(['file', expect.stringMatching(/0\.00499 µm.*by hand/)]);
    expect((await sizeOf({ resolution: [72, 1, 2] })).warning).toMatch(/353 µm/);
  });
  it('of Aperio is the MPP; nonsense is unknown with a warning', async () => {
    const of = (mpp: string) => sizeOf({ description: `Aperio Image Library v1\r\nx|AppMag = 40|MPP = ${mpp}` });
    expect((await of('0.2521')).xUm).toBe(0.2521);
    for (const nonsense of ['NaN', 'Infinity', '-1', '0', 'about half']) {
      const size = await of(nonsense);
      expect([size.xUm, size.source]).toEqual([null, 'unknown']);
      expect(size.warning).toMatch(/by hand/);
    }
  });
  it('of OME-XML comes before the tags', async () => {
    const description = '<?xml version="1.0"?><OME><Pixels PhysicalSizeX="0.25" PhysicalSizeY="0.25"/></OME>';
    expect((await sizeOf({ description, resolution: [20000, 1, 3] })).xUm).toBe(0.25);
    const inches = description.replace('/>', ' PhysicalSizeXUnit="inch"/>');
    expect((await sizeOf({ description: inches })).source).toBe('unknown');
  });
});

describe('plain pictures', () => {
  const raw = { width: 1500, height: 700, channels: 3 as const };
  const pixels = Buffer.alloc(1500 * 700 * 3, 120);

  it('a PNG and a JPEG open as a slide that can be zoomed out', async () => {
    for (const format of ['png', 'jpeg'] as const) {
      const path = temporaryFile(`p.${format}`, await sharp(pixels, { raw })[format]().toBuffer());
      const slide = await openSlide(path);
      expect(slide.info.levels.map((level) => level.widthPx)).toEqual([1500, 750]);
      expect(slide.info.pixelSize.source).toBe('unknown');
      const { width } = await sharp((await slide.tile(0, 5, 2)).bytes).metadata();
      expect(width).toBe(1500 - 5 * 256);
      await slide.close();
    }
  });
  it('a picture cut short says so', async () => {
    const jpeg = await sharp(pixels, { raw }).jpeg().toBuffer();
    await expectRefusal(temporaryFile('cut.jpg', jpeg.subarray(0, jpeg.length / 2)), 'slide-damaged', /incomplete/);
    const png = await sharp(pixels, { raw }).png().toBuffer();
    await expectRefusal(temporaryFile('cut.png', png.subarray(0, png.length - 300)), 'slide-damaged', /incomplete/);
  });
  it('a picture too large to hold in memory is refused before it is decoded', async () => {
    const width = 20_000;
    const big = await sharp({ create: { width, height: 5000, channels: 3, background: 'white' } })
      .png()
      .toBuffer();
    await expectRefusal(temporaryFile('big.png', big), 'slide-unsupported', /20000 × 5000.*tiled, pyramidal TIFF/);
  });
});

it('nothing is left open after a refusal', async () => {
  mkdirSync(join(temporaryFolder(), 'x'), { recursive: true });
  for (let i = 0; i < 200; i++) await taggedError(openSlide(temporaryFile(`n${i}.svs`, 'nothing')));
});
