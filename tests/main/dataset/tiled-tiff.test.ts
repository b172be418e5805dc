import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { createExportFiles } from '../../../src/main/dataset/export-file.ts';
import { createTiledTiff } from '../../../src/main/dataset/tiled-tiff.ts';
import { temporaryFolder } from './drawn-project.ts';

async function written(widthPx: number, heightPx: number): Promise<string> {
  const folder = await temporaryFolder();
  const file = await createExportFiles(folder).create('mask.tif');
  const tiff = await createTiledTiff(file, { widthPx, heightPx, pixelSizeUm: { x: 0.25, y: 0.5 }, software: 'test' });
  const data = Uint8Array.from({ length: 512 * 512 }, (_, i) => i % 251);
  await tiff.tile({ column: 1, row: 2, width: 512, height: 512, data });
  await tiff.finish();
  return join(folder, 'mask.tif');
}

describe('a tiled TIFF', () => {
  it.each([
    [1500, 1600, 42],
    [70_000, 62_000, 43],
  ])('of %i×%i pixels has version %i and its one tile in its place', async (width, height, version) => {
    const path = await written(width, height);
    const bytes = await readFile(path);
    expect(bytes.readUInt16LE(2)).toBe(version);
    expect(bytes.length).toBeLessThan(1_000_000);
    const picture = sharp(path, { limitInputPixels: false });
    expect(await picture.metadata()).toMatchObject({ width, height, channels: 1 });
    const region = picture.extract({ left: 500, top: 1010, width: 20, height: 20 }).toColourspace('b-w');
    const data = await region.raw().toBuffer();
    for (let y = 0; y < 20; y++) {
      for (let x = 0; x < 20; x++) {
        const inside = x >= 12 && y >= 14;
        expect(data[y * 20 + x]).toBe(inside ? ((y - 14) * 512 + x - 12) % 251 : 0);
      }
    }
  });
});
