/** Real slides read as other readers read them: pixels as OpenSlide gives them, labels as scikit-image does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { readLabelImage, readRgbImage } from '../../../src/main/slide/image-codec.ts';
import { openSlide } from '../../../src/main/slide/open-slide.ts';
import { describeWithData } from '../../fixtures/shared-data.ts';
import { taggedError } from './temporary-file.ts';

const numbers = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8'));
const openslideMeans: { rects: { x: number; y: number; width: number; height: number; means: number[] }[] } =
  numbers('openslide-means.json');
const labelChecksums: { files: { path: string }[] } = numbers('label-checksums.json');

/** Means of R, G, B over 4×4 blocks. */
function blockMeans(data: Uint8Array, width: number, height: number): number[] {
  const sums = new Array<number>(48).fill(0);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3);
    const column = Math.floor(((pixel % width) * 4) / width);
    const row = Math.floor((Math.floor(pixel / width) * 4) / height);
    sums[(row * 4 + column) * 3 + (i % 3)]! += data[i]!;
  }
  return sums.map((sum) => sum / ((width * height) / 16));
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}

describeWithData('CMU-1-Small-Region.svs', (data) => {
  const path = join(data, 'wsi/aperio/CMU-1-Small-Region.svs');

  it('says what it is', async () => {
    const slide = await openSlide(path);
    await slide.close();
    expect(slide.info).toMatchObject({ format: 'Aperio SVS', vendor: 'Aperio', widthPx: 2220, heightPx: 2967 });
    expect(slide.info.pixelSize).toEqual({ xUm: 0.499, yUm: 0.499, source: 'file', warning: null });
    expect(slide.info.magnification).toBe(20);
    expect(slide.info.associated).toEqual(['thumbnail', 'label', 'macro']);
    expect(slide.info.levels.map((level) => level.downsample)).toEqual([1, 2, 4]);
  });

  it('has the pixels that OpenSlide reads', async () => {
    const slide = await openSlide(path);
    for (const { x, y, width, height, means } of openslideMeans.rects) {
      const region = await slide.region({ x, y, width, height }, width, height);
      const ours = blockMeans(region.data, width, height);
      expect(largestDifference(ours, means)).toBeLessThan(0.3);
    }
    await slide.close();
  });

  it('passes inner tiles on undecoded, in the colours it decodes them to itself', async () => {
    const slide = await openSlide(path);
    const tile = await slide.tile(0, 4, 5);
    expect([tile.mime, tile.passthrough]).toEqual(['image/jpeg', true]);
    const seen = await sharp(tile.bytes).removeAlpha().raw().toBuffer();
    const region = await slide.region({ x: 960, y: 1200, width: 240, height: 240 }, 240, 240);
    expect(Buffer.compare(seen, Buffer.from(region.data))).toBe(0);
    expect((await slide.tile(0, 9, 12)).passthrough).toBe(false);
    await slide.close();
  });

  it('looks the same at every level', async () => {
    const slide = await openSlide(path);
    const rect = { x: 256, y: 512, width: 1024, height: 1024 };
    const fine = await slide.region(rect, 1024, 1024);
    const coarse = await slide.region(rect, 256, 256);
    const [a, b] = [blockMeans(fine.data, 1024, 1024), blockMeans(coarse.data, 256, 256)];
    expect(largestDifference(a, b)).toBeLessThan(0.7);
    await slide.close();
  });
});

describeWithData('the same slide in other containers', (data) => {
  it('shows the same tissue, and doubts the pixel size that is 100 times wrong', async () => {
    const svs = await openSlide(join(data, 'wsi/aperio/CMU-1-Small-Region.svs'));
    const rect = { x: 700, y: 900, width: 512, height: 512 };
    const truth = blockMeans((await svs.region(rect, 512, 512)).data, 512, 512);
    await svs.close();
    for (const name of ['jpeg', 'webp']) {
      const slide = await openSlide(join(data, `wsi/bigtiff/CMU-1-Small-Region.${name}.tiff`));
      expect(slide.info.pixelSize.warning).toMatch(/0\.00499/);
      expect((await slide.tile(0, 1, 1)).mime).toBe(`image/${name}`);
      const means = blockMeans((await slide.region(rect, 512, 512)).data, 512, 512);
      expect(largestDifference(means, truth)).toBeLessThan(4);
      await slide.close();
    }
  });

  it('big-endian OME-TIFF with YCbCr JPEG has tissue colours, not pink or green', async () => {
    const slide = await openSlide(join(data, 'wsi/ome-tiff/HE_example.tif'));
    expect(slide.info.format).toBe('OME-TIFF');
    expect(slide.info.pixelSize.xUm).toBeCloseTo(0.5001, 3);
    const { data: rgb } = await slide.region({ x: 0, y: 0, width: 1380, height: 1484 }, 138, 148);
    const mean = [0, 1, 2].map((c) => rgb.filter((_, i) => i % 3 === c).reduce((a, b) => a + b, 0) / (138 * 148));
    expect(mean[0]!).toBeGreaterThan(mean[1]! + 20);
    expect(mean[2]!).toBeGreaterThan(mean[1]! + 20);
    await slide.close();
  });

  it('JPEG 2000 and NDPI are refused by name', async () => {
    const j2k = await taggedError(openSlide(join(data, 'wsi/aperio/tcga-cr-7395-01a-01-ts1.svs')));
    expect(`${j2k.code} ${j2k.message}`).toMatch(/slide-unsupported .*JPEG 2000 \(33005\)/);
    const ndpi = await taggedError(openSlide(join(data, 'wsi/hamamatsu/test3-DAPI-2-(387).ndpi')));
    expect(`${ndpi.code} ${ndpi.message}`).toMatch(/slide-unsupported .*NDPI/);
  });

  it('every container fixture is a slide or a sentence', async () => {
    const folder = join(data, 'container-fixtures');
    for (const name of ['bigtiff/BigTIFFLong8Tiles.tif', 'bigtiff/BigTIFFMotorola.tif', 'pyramid/boxes.tiff']) {
      const slide = await openSlide(join(folder, name));
      expect((await slide.tile(0, 0, 0)).bytes.length).toBeGreaterThan(100);
      await slide.close();
    }
    const deep = await taggedError(openSlide(join(folder, 'ome-tiff/2048x2048_ome6_tiled.ome.tif')));
    expect(deep.message).toMatch(/16-bit/);
  });
});

describeWithData('pictures and labels', (data) => {
  it('labels have the values that scikit-image reads, 16 bits included', async () => {
    for (const wanted of labelChecksums.files) {
      const label = await readLabelImage(join(data, wanted.path));
      const distinct = new Set(label.data);
      let checksum = 0;
      label.data.forEach((value: number, i: number) => {
        checksum += value * (i % 1009);
      });
      const max = Math.max(...distinct);
      const bits = label.data.BYTES_PER_ELEMENT * 8;
      const { width, height } = label;
      expect({ path: wanted.path, width, height, bits, max, distinct: distinct.size, checksum }).toEqual(wanted);
    }
  });

  it('RGBA pictures become RGB; a JPEG is no label', async () => {
    const label = labelChecksums.files[3]!;
    const image = await readRgbImage(join(data, label.path.replace('labels', 'images')));
    expect([image.width, image.height, image.data.length]).toEqual([320, 256, 320 * 256 * 3]);
    const jpeg = await taggedError(readLabelImage(join(data, 'annotated/bcss/masks/1008.jpg')));
    expect(`${jpeg.code} ${jpeg.message}`).toMatch(/slide-unsupported .*JPEG changes their values/);
  });
});
