import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { fillRings } from '../../../src/core/mask/contour-fill.ts';
import { exportProject } from '../../../src/main/dataset/export-project.ts';
import { readGeoJsonLabels } from '../../../src/main/dataset/read-labels.ts';
import {
  CLASSES,
  type DrawnSlide,
  differingPixels,
  drawnSlide,
  effectiveMask,
  exportRequest,
  temporaryFolder,
} from './drawn-project.ts';

interface CocoAnnotation {
  readonly image_id: number;
  readonly category_id: number;
  readonly segmentation: number[][] | { size: [number, number]; counts: number[] };
  readonly area: number;
  readonly bbox: [number, number, number, number];
}

async function readJson(...path: string[]) {
  return JSON.parse(await readFile(join(...path), 'utf8'));
}

/** The whole mask of what an import would lay on it. */
function imported(bytes: Uint8Array, slide: DrawnSlide): Uint8Array {
  const { widthPx, heightPx } = slide.info;
  const target = { widthPx, heightPx, maskDownsample: slide.maskDownsample, classes: CLASSES, mapping: null };
  const mask = new Uint8Array(slide.maskWidthPx * slide.maskHeightPx);
  for (const { column, row, labels } of readGeoJsonLabels(bytes, target).tiles) {
    for (let y = 0; y < Math.min(512, slide.maskHeightPx - row * 512); y++) {
      const width = Math.min(512, slide.maskWidthPx - column * 512);
      mask.set(labels.subarray(y * 512, y * 512 + width), (row * 512 + y) * slide.maskWidthPx + column * 512);
    }
  }
  return mask;
}

function cocoPixels({ segmentation }: CocoAnnotation, width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height);
  if (Array.isArray(segmentation)) {
    fillRings(segmentation, { widthPx: width, heightPx: height }, (y, from, to) =>
      data.fill(1, y * width + from, y * width + to),
    );
    return data;
  }
  let at = 0;
  for (const [i, count] of segmentation.counts.entries()) {
    for (const end = at + count; at < end; at++)
      if (i % 2 === 1) data[(at % height) * width + Math.floor(at / height)] = 1;
  }
  expect(at).toBe(width * height);
  expect(segmentation.size).toEqual([height, width]);
  return data;
}

/** The mask at full resolution, cut at the slide's edge. */
function enlarged(mask: Uint8Array, slide: DrawnSlide): Uint8Array {
  const { widthPx, heightPx } = slide.info;
  const d = slide.maskDownsample;
  return Uint8Array.from({ length: widthPx * heightPx }, (_, i) => {
    const [x, y] = [i % widthPx, Math.floor(i / widthPx)];
    return mask[Math.floor(y / d) * slide.maskWidthPx + Math.floor(x / d)]!;
  });
}

describe.each([1, 2])('an exported mask at %i slide pixels per mask pixel', (maskDownsample) => {
  const slide = drawnSlide({ maskDownsample });
  const withoutBackground = effectiveMask(slide).map((label) => (label === 1 ? 0 : label));

  it('lies, read back from its GeoJSON, to the pixel where it was', async () => {
    const folder = join(await temporaryFolder(), 'out');
    await exportProject(exportRequest(folder, [slide], { formats: ['geojson'] }));
    const bytes = await readFile(join(folder, 'geojson/slide_one.geojson'));
    expect(differingPixels(imported(bytes, slide), withoutBackground)).toBe(0);
  });

  it('has in COCO the same pixels, areas and boxes, with and without holes', async () => {
    const small = drawnSlide({ maskDownsample, widthPx: 201, heightPx: 133 });
    const folder = join(await temporaryFolder(), 'out');
    await exportProject(exportRequest(folder, [small], { formats: ['coco'] }));
    const coco = await readJson(folder, 'coco/annotations.json');
    const { widthPx, heightPx } = small.info;
    const mask = new Uint8Array(widthPx * heightPx);
    const shapes = new Set<string>();
    for (const annotation of coco.annotations as CocoAnnotation[]) {
      const pixels = cocoPixels(annotation, widthPx, heightPx);
      let [area, x0, y0, x1, y1] = [0, widthPx, heightPx, 0, 0];
      for (let i = 0; i < pixels.length; i++) {
        if (pixels[i] === 0) continue;
        area++;
        mask[i] = annotation.category_id;
        [x0, x1] = [Math.min(x0, i % widthPx), Math.max(x1, (i % widthPx) + 1)];
        [y0, y1] = [Math.min(y0, Math.floor(i / widthPx)), Math.max(y1, Math.floor(i / widthPx) + 1)];
      }
      expect(annotation.area).toBe(area);
      expect(annotation.bbox).toEqual([x0, y0, x1 - x0, y1 - y0]);
      shapes.add(Array.isArray(annotation.segmentation) ? 'polygon' : 'run lengths');
    }
    expect([...shapes].sort()).toEqual(['polygon', 'run lengths']);
    expect(
      differingPixels(
        mask,
        enlarged(
          effectiveMask(small).map((label) => (label === 1 ? 0 : label)),
          small,
        ),
      ),
    ).toBe(0);
  });

  it('has in its PNG tiles and its TIFF the same classes and origins, Background included', async () => {
    const folder = join(await temporaryFolder(), 'out');
    const { files } = await exportProject(exportRequest(folder, [slide], { formats: ['label-png', 'label-tiff'] }));
    const { maskWidthPx: width, maskHeightPx: height } = slide;
    const origins = slide.human.map((said, i) => (said > 127 ? 3 : said > 0 ? 2 : slide.predicted[i]! > 0 ? 1 : 0));
    for (const [kind, expected] of [
      ['labels', effectiveMask(slide)],
      ['origins', origins],
    ] as const) {
      const whole = sharp(join(folder, `label-tiff/slide_one/${kind}.tif`));
      expect(await whole.metadata()).toMatchObject({ width, height, channels: 1, depth: 'uchar' });
      expect(differingPixels(await whole.toColourspace('b-w').raw().toBuffer(), expected)).toBe(0);
      const mask = new Uint8Array(width * height);
      for (const file of files.filter((path) => path.startsWith(`label-png/slide_one/${kind}/`))) {
        const [column, row] = file.match(/\d+/g)!.slice(-2).map(Number) as [number, number];
        const { data, info } = await sharp(join(folder, file))
          .toColourspace('b-w')
          .raw()
          .toBuffer({ resolveWithObject: true });
        for (let y = 0; y < info.height; y++) {
          for (let x = 0; x < info.width; x++) {
            mask[(row * 512 + y) * width + column * 512 + x] = data[y * info.width + x]!;
          }
        }
      }
      expect(differingPixels(mask, expected)).toBe(0);
    }
  });
});

describe('GeoJSON for QuPath', () => {
  it('says class, colour, origin and a lasting id in the words QuPath reads', async () => {
    const folder = join(await temporaryFolder(), 'out');
    await exportProject(exportRequest(folder, [drawnSlide()], { formats: ['geojson'] }));
    const { type, features, histoloop } = await readJson(folder, 'geojson/slide_one.geojson');
    expect(type).toBe('FeatureCollection');
    expect(histoloop).toMatchObject({ widthPx: 1101, pixelSize: { xUm: 0.5 } });
    expect(new Set(features.map(({ id }: { id: string }) => id)).size).toBe(features.length);
    const origins = new Set<string>();
    for (const { id, properties, geometry } of features) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(geometry.type).toBe('Polygon');
      for (const ring of geometry.coordinates) expect(ring[0]).toEqual(ring.at(-1));
      expect(properties.objectType).toBe('annotation');
      expect([
        { name: 'Tumour', color: [200, 0, 16] },
        { name: 'Stroma', color: [0, 200, 255] },
      ]).toContainEqual(properties.classification);
      for (const value of Object.values(properties.measurements)) expect(value).toBeTypeOf('number');
      origins.add(properties.metadata.origin);
    }
    expect([...origins].sort()).toEqual(['accepted', 'human', 'mixed', 'model']);
  });
});

describe('the manifest', () => {
  it('counts objects and pixels by class and origin as the other files hold them', async () => {
    const slide = drawnSlide();
    const folder = join(await temporaryFolder(), 'out');
    await exportProject(exportRequest(folder, [slide]));
    const manifest = await readJson(folder, 'manifest.json');
    const { features } = await readJson(folder, 'geojson/slide_one.geojson');
    const mask = effectiveMask(slide);
    for (const { class: id, name, objects, maskPixels } of manifest.slides[0].counts) {
      expect(maskPixels.total).toBe(mask.filter((label) => label === id).length);
      expect(maskPixels.human).toBe(slide.human.filter((said) => said === id).length);
      const named = features.filter(
        (f: { properties: { classification: { name: string } } }) => f.properties.classification.name === name,
      );
      expect(objects.total).toBe(named.length);
    }
    expect(manifest.slides[0].counts).toHaveLength(3);
    expect(manifest.models).toEqual([{ modelId: 'model-1', name: 'Built-in', sha256: 'ab'.repeat(32) }]);
    expect(manifest.warnings).toEqual([]);
  });

  it('says that the pixel size is unknown instead of guessing one', async () => {
    const folder = join(await temporaryFolder(), 'out');
    const slide = drawnSlide({ pixelSizeUm: null, widthPx: 40, heightPx: 30 });
    await exportProject(exportRequest(folder, [slide], { formats: ['label-tiff'] }));
    const manifest = await readJson(folder, 'manifest.json');
    expect(manifest.slides[0].pixelSize).toEqual({ xUm: null, yUm: null, source: 'unknown', warning: null });
    expect(manifest.warnings[0]).toContain('the pixel size is unknown');
  });

  it('names a label that lost its class instead of dropping its pixels', async () => {
    const folder = join(await temporaryFolder(), 'out');
    await exportProject(exportRequest(folder, [drawnSlide()], { classes: CLASSES.slice(0, 2) }));
    const manifest = await readJson(folder, 'manifest.json');
    expect(manifest.warnings).toEqual([expect.stringContaining('«Class 3»')]);
  });

  it("leaves the model's pixels out where only a person's are wanted", async () => {
    const folder = join(await temporaryFolder(), 'out');
    await exportProject(exportRequest(folder, [drawnSlide()], { formats: ['geojson'], include: 'human-only' }));
    const manifest = await readJson(folder, 'manifest.json');
    for (const { maskPixels } of manifest.slides[0].counts) expect(maskPixels.model).toBe(0);
  });
});
