/** The drawn slide is the same from every side: place alone decides a pixel, every pitch shows one tissue, truth fits the picture. */
import { describe, expect, it } from 'vitest';
import { HistoloopError } from '../../../../src/core/errors.ts';
import { drawRegion, truthRegion } from '../../../../src/core/learn/synthesise/draw-region.ts';
import { checkRecipe, type DrawnRecipe } from '../../../../src/core/learn/synthesise/recipe.ts';
import { FIELD, FIELD_COUNT, makeTissueMap } from '../../../../src/core/learn/synthesise/tissue-map.ts';
import type { RgbImage } from '../../../../src/core/slide.ts';
import { haematoxylin } from '../../../../src/core/stain.ts';

const recipe: DrawnRecipe = {
  kind: 'histoloop-drawn',
  version: 1,
  seed: 7,
  widthPx: 16384,
  heightPx: 16384,
  pixelSizeUm: 0.5,
};
const square = (x: number, y: number, side: number) => ({ x, y, width: side, height: side });

function meanColour(image: RgbImage): number[] {
  const sums = [0, 0, 0];
  image.data.forEach((value, i) => {
    sums[i % 3]! += value;
  });
  return sums.map((sum) => sum / (image.width * image.height));
}

function shareOf(truth: Uint8Array, label: number): number {
  return truth.reduce((count, value) => count + Number(value === label), 0) / truth.length;
}

describe('place decides', () => {
  it('a pixel is the same whatever rectangle is asked for, at every pitch', () => {
    for (const pitch of [1, 2, 4, 8, 16]) {
      const whole = drawRegion(recipe, square(6400, 8000, 160 * pitch), 160, 160);
      drawRegion(recipe, square(100, 100, 64), 64, 64);
      const part = drawRegion(recipe, square(6400 + 37 * pitch, 8000 + 51 * pitch, 60 * pitch), 60, 60);
      for (let y = 0; y < 60; y++) {
        const at = (y + 51) * 160 + 37;
        const row = whole.image.data.subarray(at * 3, (at + 60) * 3);
        expect(Buffer.compare(part.image.data.subarray(y * 180, y * 180 + 180), row)).toBe(0);
        expect(Buffer.compare(part.truth.subarray(y * 60, y * 60 + 60), whole.truth.subarray(at, at + 60))).toBe(0);
      }
    }
  });

  it('another seed is another slide', () => {
    const a = drawRegion(recipe, square(8000, 8000, 128), 128, 128);
    const b = drawRegion({ ...recipe, seed: 8 }, square(8000, 8000, 128), 128, 128);
    expect(Buffer.compare(a.image.data, b.image.data)).not.toBe(0);
    expect(Buffer.compare(a.truth, b.truth)).not.toBe(0);
  });

  it('the truth alone is the truth of the picture', () => {
    for (const [side, size] of [
      [256, 256],
      [512, 256],
      [300, 200],
    ] as const) {
      const { truth } = drawRegion(recipe, square(5000, 7000, side), size, size);
      expect(Buffer.compare(truthRegion(recipe, square(5000, 7000, side), size, size), truth)).toBe(0);
    }
  });
});

describe('one tissue at every pitch', () => {
  it('the mean colour of a place hardly depends on how it is drawn', () => {
    for (const [x, y] of [
      [8448, 6656],
      [2048, 7680],
      [5120, 4096],
      [11264, 9216],
      [6912, 10240],
    ] as const) {
      const fine = meanColour(drawRegion(recipe, square(x, y, 768), 768, 768).image);
      for (const pitch of [2, 3, 4, 8, 16]) {
        const coarse = meanColour(drawRegion(recipe, square(x, y, 768), 768 / pitch, 768 / pitch).image);
        coarse.forEach((value, c) => {
          expect(Math.abs(value - fine[c]!), `at ${x}, ${y}, pitch ${pitch}, channel ${c}`).toBeLessThan(4.5);
        });
      }
    }
  }, 60_000);

  it('nuclei take the same share at half the resolution', () => {
    const fine = shareOf(truthRegion(recipe, square(8448, 6656, 512), 512, 512), 2);
    const half = shareOf(truthRegion(recipe, square(8448, 6656, 512), 256, 256), 2);
    expect(fine).toBeGreaterThan(0.1);
    expect(Math.abs(half - fine)).toBeLessThan(0.02);
  });
});

describe('it is tissue', () => {
  const map = makeTissueMap(recipe);
  const fields = new Float32Array(FIELD_COUNT);
  const survey = (seed: number) => {
    const seen = { tissue: 0, malignant: 0, epithelium: 0, lumen: 0, stroma: 0 };
    const other = seed === recipe.seed ? map : makeTissueMap({ ...recipe, seed });
    for (let i = 0; i < 64 * 64; i++) {
      other.evaluate((i % 64) * 128 + 64, Math.floor(i / 64) * 128 + 64, fields, 0);
      if (fields[FIELD.tissue]! < 0) continue;
      seen.tissue++;
      if (fields[FIELD.lumen]! > 0) seen.lumen++;
      else if (fields[FIELD.malignant]! > 0) seen.malignant++;
      else if (fields[FIELD.epithelium]! > 0) seen.epithelium++;
      else seen.stroma++;
      for (const stain of [FIELD.haematoxylin, FIELD.eosin]) {
        expect(fields[stain]!).toBeGreaterThan(0.65 * 0.84);
        expect(fields[stain]!).toBeLessThan(1.45 * 1.16);
      }
    }
    return seen;
  };

  it('takes 40 to 60 % of the slide and holds every region, for any seed', () => {
    for (const seed of [7, 1, 2, 3]) {
      const seen = survey(seed);
      expect(seen.tissue / 4096).toBeGreaterThan(0.38);
      expect(seen.tissue / 4096).toBeLessThan(0.62);
      for (const part of ['malignant', 'epithelium', 'lumen', 'stroma'] as const) {
        expect(seen[part] / seen.tissue, `${part}, seed ${seed}`).toBeGreaterThan(0.004);
      }
    }
  });

  it('a threshold on haematoxylin finds nuclei better than chance but far from perfectly', () => {
    let [both, ours, theirs] = [0, 0, 0];
    for (let field = 0; field < 6; field++) {
      const { image, truth } = drawRegion(
        recipe,
        square(2500 + field * 1700, 4000 + ((field * 3571) % 7000), 384),
        384,
        384,
      );
      const amounts = haematoxylin(image);
      const threshold = otsu(amounts);
      amounts.forEach((amount, i) => {
        const found = amount > threshold;
        const true_ = truth[i] === 2;
        both += Number(found && true_);
        ours += Number(found);
        theirs += Number(true_);
      });
    }
    const dice = (2 * both) / (ours + theirs);
    expect(dice).toBeGreaterThan(0.5);
    expect(dice).toBeLessThan(0.85);
  });

  it('glass is nearly white and unlabelled nuclei are not there', () => {
    const { image, truth } = drawRegion(recipe, square(0, 0, 256), 256, 256);
    expect(Math.min(...meanColour(image))).toBeGreaterThan(235);
    expect(shareOf(truth, 1)).toBe(1);
  });
});

/** Otsu 1979: the threshold that separates two classes of values best. */
function otsu(values: Float32Array): number {
  const sorted = Float32Array.from(values).sort();
  const sums = new Float64Array(sorted.length + 1);
  sorted.forEach((value, i) => {
    sums[i + 1] = sums[i]! + value;
  });
  let best = { between: -1, threshold: 0 };
  for (let i = 100; i < sorted.length - 100; i += 100) {
    const low = sums[i]! / i;
    const high = (sums[sorted.length]! - sums[i]!) / (sorted.length - i);
    const between = i * (sorted.length - i) * (high - low) ** 2;
    if (between > best.between) best = { between, threshold: sorted[i]! };
  }
  return best.threshold;
}

describe('odd requests', () => {
  it('beyond the slide is white and says nothing', () => {
    const { image, truth } = drawRegion(recipe, square(-64, 16384 - 64, 128), 128, 128);
    expect([truth[0], truth[127 * 128 + 127], truth[64]]).toEqual([0, 0, 1]);
    expect([...image.data.subarray(0, 3)]).toEqual([255, 255, 255]);
  });

  it('a rectangle without area, endless or too large is refused', () => {
    const requests = [
      [square(0, 0, 0), 5, 5],
      [square(Number.NaN, 0, 5), 5, 5],
      [square(0, 0, Number.POSITIVE_INFINITY), 5, 5],
      [square(0, 0, 5), 0, 5],
      [square(0, 0, 5), 2.5, 5],
      [square(0, 0, 16384), 16384, 16384],
      [{ x: 0, y: 0, width: 16384, height: 1 }, 1, 1],
    ] as const;
    for (const [rect, width, height] of requests.slice(0, 6)) {
      expect(() => drawRegion(recipe, rect, width, height)).toThrow(HistoloopError);
    }
    expect(drawRegion(recipe, requests[6][0], 1, 1).truth.length).toBe(1);
  });

  it('a recipe from a stranger is checked field by field', () => {
    expect(checkRecipe({ ...recipe, comment: 'ignored' })).toEqual(recipe);
    for (const change of [
      { seed: -1 },
      { seed: 0.5 },
      { widthPx: 3 },
      { heightPx: '9' },
      { pixelSizeUm: Number.NaN },
      { kind: 'x' },
    ]) {
      expect(() => checkRecipe({ ...recipe, ...change })).toThrow(new RegExp(Object.keys(change)[0]!));
    }
    for (const stranger of [null, undefined, 5, 'x', []]) expect(() => checkRecipe(stranger)).toThrow(HistoloopError);
  });
});
