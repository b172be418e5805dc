/** The demo slide is a slide like any other, drawn by worker threads that do not outlive it. */
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { drawRegion } from '../../../src/core/learn/synthesise/draw-region.ts';
import type { DrawnRecipe } from '../../../src/core/learn/synthesise/recipe.ts';
import { asDrawnSlide, openSlide } from '../../../src/main/slide/open-slide.ts';
import { taggedError, temporaryFile } from './temporary-file.ts';

const demoPath = join(import.meta.dirname, '../../../resources/demo.histoslide.json');
const recipe: DrawnRecipe = {
  kind: 'histoloop-drawn',
  version: 1,
  seed: 3,
  widthPx: 1500,
  heightPx: 1100,
  pixelSizeUm: 0.5,
};
const small = await openSlide(temporaryFile('small.histoslide.json', JSON.stringify(recipe)));
afterAll(() => small.close());

describe('the demo slide', () => {
  it('is a pyramid of at least 16384² pixels with a known pixel size', async () => {
    const slide = await openSlide(demoPath);
    expect(slide.info.widthPx * slide.info.heightPx).toBeGreaterThanOrEqual(16384 ** 2);
    expect(slide.info.levels.map((level) => level.downsample)).toEqual([1, 2, 4, 8, 16]);
    expect(slide.info.pixelSize).toEqual({ xUm: 0.5, yUm: 0.5, source: 'file', warning: null });
    const tile = await slide.tile(4, 1, 1);
    expect((await sharp(tile.bytes).metadata()).width).toBe(256);
    expect(asDrawnSlide(slide)).not.toBeNull();
    await slide.close();
    await slide.close();
    expect((await taggedError(slide.tile(0, 0, 0))).code).toBe('cancelled');
  });
});

describe('a drawn slide', () => {
  it('gives the pixels and the truth that core draws', async () => {
    const rect = { x: 500, y: 300, width: 300, height: 200 };
    const drawn = drawRegion(recipe, rect, 300, 200);
    const region = await small.region(rect, 300, 200);
    expect(Buffer.compare(region.data, drawn.image.data)).toBe(0);
    const truth = await asDrawnSlide(small)!.truth(rect, 300, 200);
    expect(Buffer.compare(truth, drawn.truth)).toBe(0);
    expect(truth).toContain(2);
  });

  it('cuts edge tiles to the slide', async () => {
    const { width, height } = await sharp((await small.tile(0, 5, 4)).bytes).metadata();
    expect([width, height]).toEqual([1500 - 5 * 256, 1100 - 4 * 256]);
  });

  it('answers tiles while regions are being drawn', async () => {
    let regionsDone = false;
    const long = Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        small.region({ x: 0, y: 0, width: 1400 + i, height: 1000 + i }, 1400 + i, 1000 + i),
      ),
    ).then(() => {
      regionsDone = true;
    });
    await small.tile(0, 3, 3);
    expect(regionsDone).toBe(false);
    await long;
  });

  it('a cancelled request is dropped and the next one served', async () => {
    const signal = { aborted: false };
    const rects = Array.from({ length: 20 }, (_, i) => ({ x: i * 50, y: 0, width: 256, height: 256 }));
    const truths = rects.map((rect) => asDrawnSlide(small)!.truth(rect, 256, 256, signal));
    signal.aborted = true;
    const codes = await Promise.all(
      truths.map((truth) =>
        truth.then(
          () => 'done',
          (error) => error.code,
        ),
      ),
    );
    expect(codes).toContain('cancelled');
    expect((await small.tile(0, 1, 3)).mime).toBe('image/jpeg');
  });

  it('closing it while it draws ends every request', async () => {
    const slide = await openSlide(temporaryFile('b.histoslide.json', JSON.stringify({ ...recipe, seed: 4 })));
    const tiles = [0, 1, 2, 3].map((column) =>
      slide.tile(0, column, 0).then(
        () => 'done',
        (error) => error.code,
      ),
    );
    await slide.close();
    for (const outcome of await Promise.all(tiles)) expect(['done', 'cancelled']).toContain(outcome);
  });

  it('is no ordinary slide, and an ordinary slide is not drawn', async () => {
    const png = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const picture = await openSlide(temporaryFile('p.png', png));
    expect(asDrawnSlide(picture)).toBeNull();
    await picture.close();
  });

  it('a damaged recipe says which field is wrong', async () => {
    const bad = async (text: string) =>
      (await taggedError(openSlide(temporaryFile('x.histoslide.json', text)))).message;
    expect(await bad('{"kind":')).toMatch(/no valid JSON/);
    expect(await bad('null')).toMatch(/kind/);
    expect(await bad(JSON.stringify({ ...recipe, widthPx: 1e9 }))).toMatch(/widthPx = 1000000000/);
    expect(await bad(JSON.stringify({ ...recipe, pixelSizeUm: '0.5' }))).toMatch(/pixelSizeUm/);
    expect(await bad(JSON.stringify({ ...recipe, version: 2 }))).toMatch(/newer Histoloop/);
    expect(await bad(`${' '.repeat(70_000)}{}`)).toMatch(/too many/);
  });
});
