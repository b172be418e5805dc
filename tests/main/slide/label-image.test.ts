/** Label pictures keep every stored value, whatever PNG or TIFF does with it. */
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { readLabelImage, readRgbImage } from '../../../src/main/slide/image-codec.ts';
import { taggedError, temporaryFile } from './temporary-file.ts';
import { buildTiff } from './tiff-builder.ts';

function chunk(kind: string, data: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(data.length);
  head.write(kind, 4, 'latin1');
  return Buffer.concat([head, data, Buffer.alloc(4)]);
}

/** A PNG of our own: rows as they are stored, each with its filter byte in front. */
function png(
  header: { width: number; height: number; bits: number; colour: number; interlace?: number },
  rows: number[][],
) {
  const ihdr = Buffer.alloc(13);
  ihdr.writeUInt32BE(header.width);
  ihdr.writeUInt32BE(header.height, 4);
  ihdr.set([header.bits, header.colour, 0, 0, header.interlace ?? 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const idat = deflateSync(Uint8Array.from(rows.flat()));
  const parts = [chunk('IHDR', ihdr), chunk('PLTE', Buffer.from([9, 9, 9, 200, 0, 0])), chunk('IDAT', idat)];
  return Buffer.concat([signature, ...parts, chunk('IEND', Buffer.alloc(0))]);
}

const read = async (bytes: Uint8Array) => readLabelImage(temporaryFile('label', bytes));

describe('PNG labels', () => {
  it('16-bit values are exact', async () => {
    const { data } = await read(png({ width: 2, height: 1, bits: 16, colour: 0 }, [[0, 0x12, 0x34, 0xff, 0xff]]));
    expect(data).toEqual(Uint16Array.from([0x1234, 0xffff]));
  });
  it('a palette gives its indices, not its colours', async () => {
    const { data } = await read(png({ width: 9, height: 1, bits: 1, colour: 3 }, [[0, 0b10100000, 0b10000000]]));
    expect([...data]).toEqual([1, 0, 1, 0, 0, 0, 0, 0, 1]);
    const four = await read(png({ width: 3, height: 1, bits: 4, colour: 0 }, [[0, 0x5f, 0x20]]));
    expect([...four.data]).toEqual([5, 15, 2]);
  });
  it('each of the five row filters is undone', async () => {
    const rows = [
      [1, 10, 1, 1],
      [2, 1, 1, 1],
      [3, 10, 5, 5],
      [4, 1, 2, 3],
      [0, 7, 8, 9],
    ];
    const { data } = await read(png({ width: 3, height: 5, bits: 8, colour: 0 }, rows));
    expect([...data]).toEqual([10, 11, 12, 11, 12, 13, 15, 18, 20, 16, 20, 23, 7, 8, 9]);
  });
  it('what sharp writes is read back', async () => {
    const values = Uint8Array.from({ length: 40 * 30 }, (_, i) => (i * 7) & 255);
    const bytes = await sharp(values, { raw: { width: 40, height: 30, channels: 1 } })
      .png()
      .toBuffer();
    expect(Buffer.compare((await read(bytes)).data as Uint8Array, values)).toBe(0);
  });
  it('grey saved as RGB is one channel; colours are no labels', async () => {
    const grey = await read(png({ width: 2, height: 1, bits: 8, colour: 2 }, [[0, 5, 5, 5, 6, 6, 6]]));
    expect([...grey.data]).toEqual([5, 6]);
    const colour = png({ width: 1, height: 1, bits: 8, colour: 2 }, [[0, 5, 6, 5]]);
    expect((await taggedError(read(colour))).message).toMatch(/one channel/);
  });
  it('damage is told, not read', async () => {
    const whole = png(
      { width: 50, height: 50, bits: 8, colour: 0 },
      Array.from({ length: 50 }, () => Array(51).fill(1)),
    );
    for (let length = 1; length < whole.length - 16; length += 3) {
      const { code } = await taggedError(read(whole.subarray(0, length)));
      expect(['slide-damaged', 'slide-unsupported']).toContain(code);
    }
    const huge = png({ width: 1e9, height: 1e9, bits: 8, colour: 0 }, [[0, 1]]);
    expect((await taggedError(read(huge))).message).toMatch(/1000000000/);
    const interlaced = png({ width: 1, height: 1, bits: 8, colour: 0, interlace: 1 }, [[0, 1]]);
    expect((await taggedError(read(interlaced))).message).toMatch(/interlac/);
  });
});

describe('TIFF labels', () => {
  const value = (x: number, y: number) => [x * 300 + y];
  const expectValues = async (bytes: Uint8Array, width: number, height: number) => {
    const { data } = await read(bytes);
    const wanted = Uint16Array.from({ length: width * height }, (_, i) => (i % width) * 300 + Math.floor(i / width));
    expect(data).toEqual(wanted);
  };
  for (const compression of [1, 5, 8, 32773]) {
    it(`16 bits in strips and in tiles, packing ${compression}`, async () => {
      const page = { width: 70, height: 40, samples: 1, bits: 16, compression, pixelAt: value };
      await expectValues(buildTiff({ pages: [page] }), 70, 40);
      await expectValues(buildTiff({ big: true, pages: [{ ...page, tile: 32, predictor: 2 }] }), 70, 40);
    });
  }
  it('several channels are refused', async () => {
    expect((await taggedError(read(buildTiff({ pages: [{ width: 8, height: 8 }] })))).message).toMatch(/3 channels/);
  });
  it('cut short it says so', async () => {
    const bytes = buildTiff({ pages: [{ width: 70, height: 40, samples: 1, compression: 8 }] });
    expect((await taggedError(read(bytes.subarray(0, bytes.length - 30)))).code).toBe('slide-damaged');
  });
});

it('an RGBA picture is laid on white', async () => {
  const raw = { width: 2, height: 1, channels: 4 as const };
  const bytes = await sharp(Uint8Array.from([10, 20, 30, 255, 10, 20, 30, 0]), { raw })
    .png()
    .toBuffer();
  const image = await readRgbImage(temporaryFile('rgba.png', bytes));
  expect([...image.data]).toEqual([10, 20, 30, 255, 255, 255]);
});
