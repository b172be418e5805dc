import { describe, expect, it } from 'vitest';
import type { Rect } from '../../../src/core/geometry.ts';
import { MASK_TILE_PX } from '../../../src/core/label.ts';
import { modelScale, predictTiles } from '../../../src/core/learn/predict.ts';
import type { PredictedTile, PredictOptions } from '../../../src/core/learn/predict-options.ts';
import { imagesToTensor } from '../../../src/core/learn/tensors.ts';
import { floatNetwork } from '../../../src/core/learn/window-network.ts';
import type { Session } from '../../../src/core/nn/session.ts';
import type { RgbImage } from '../../../src/core/slide.ts';
import { CARD, CLASS_IDS, constantSession, filled, meanNetwork, spotted } from './stubs.ts';

/** A slide in memory: nearest pixel, white outside. `shift` moves what the slide shows. */
function sourceOf(image: RgbImage, shift = 0) {
  return async (r: Rect, width: number, height: number): Promise<RgbImage> => {
    const data = new Uint8Array(width * height * 3).fill(255);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const sx = Math.floor(r.x + ((x + 0.5) * r.width) / width) - shift;
        const sy = Math.floor(r.y + ((y + 0.5) * r.height) / height) - shift;
        if (sx < 0 || sy < 0 || sx >= image.width || sy >= image.height) continue;
        for (let c = 0; c < 3; c++) data[(y * width + x) * 3 + c] = image.data[(sy * image.width + sx) * 3 + c]!;
      }
    }
    return { width, height, data };
  };
}

type More = Partial<PredictOptions> & { readonly session?: Session };

async function predictAll(image: RgbImage, { session = meanNetwork(4), ...more }: More = {}) {
  const found: PredictedTile[] = [];
  const maskWidthPx = more.maskWidthPx ?? image.width;
  const maskHeightPx = more.maskHeightPx ?? image.height;
  const tiles: number[] = [];
  for (let row = 0; row * MASK_TILE_PX < maskHeightPx; row++) {
    for (let column = 0; column * MASK_TILE_PX < maskWidthPx; column++) tiles.push(column, row);
  }
  const report = await predictTiles({
    network: floatNetwork(session, CARD),
    card: CARD,
    source: sourceOf(image),
    tiles,
    maskDownsample: 1,
    maskWidthPx,
    maskHeightPx,
    modelPixelsPerMaskPixel: 1,
    classIds: CLASS_IDS,
    windowPx: 256,
    overlapPx: 64,
    onTile: (tile) => {
      found.push(tile);
    },
    ...more,
  });
  const labels = new Uint8Array(maskWidthPx * maskHeightPx);
  for (const tile of found) {
    for (let y = 0; y < MASK_TILE_PX; y++) {
      for (let x = 0; x < MASK_TILE_PX; x++) {
        const [mx, my] = [tile.column * MASK_TILE_PX + x, tile.row * MASK_TILE_PX + y];
        if (mx < maskWidthPx && my < maskHeightPx) labels[my * maskWidthPx + mx] = tile.labels[y * MASK_TILE_PX + x]!;
      }
    }
  }
  return { labels, found, report };
}

/** What the network says of the whole picture in one run. */
async function oneForward(image: RgbImage, reach: number): Promise<Uint8Array> {
  const outputs = await meanNetwork(reach).run({ image: imagesToTensor([image], CARD.normalisation) });
  const logits = outputs.logits!.data;
  const plane = image.width * image.height;
  return Uint8Array.from({ length: plane }, (_, i) => (Number(logits[plane + i]) > 0 ? 2 : 1));
}

function differing(a: Uint8Array, b: Uint8Array, { width, border }: { width: number; border: number }): number {
  let count = 0;
  const height = a.length / width;
  for (let y = border; y < height - border; y++) {
    for (let x = border; x < width - border; x++) if (a[y * width + x] !== b[y * width + x]) count++;
  }
  return count;
}

describe('predicting tiles', () => {
  const image = spotted(1100, 700, 5);

  it('gives the interior of the slide what a single big forward gives', async () => {
    const { labels } = await predictAll(image);
    const whole = await oneForward(image, 4);
    expect(whole.includes(2)).toBe(true);
    expect(differing(labels, whole, { width: 1100, border: 5 })).toBe(0);
  });

  it('shows no seam: a far-seeing network on another window grid changes less than half a percent', async () => {
    const session = meanNetwork(16);
    const dense = spotted(1100, 700, 6, 4000);
    const here = await predictAll(dense, { session });
    const moved = await predictAll(dense, {
      session,
      source: sourceOf(dense, 37),
      maskWidthPx: 1137,
      maskHeightPx: 737,
    });
    const back = new Uint8Array(1100 * 700);
    for (let y = 0; y < 700; y++) {
      back.set(moved.labels.subarray((y + 37) * 1137 + 37, (y + 37) * 1137 + 1137), y * 1100);
    }
    expect(here.labels.includes(2) && here.labels.includes(1)).toBe(true);
    expect(differing(here.labels, back, { width: 1100, border: 30 }) / (1040 * 640)).toBeLessThan(0.005);
  });

  it('gives a tile the same labels alone as among its neighbours', async () => {
    const { found } = await predictAll(image);
    const alone = await predictAll(image, { tiles: [1, 1] });
    expect(alone.found).toHaveLength(1);
    const among = found.find((tile) => tile.column === 1 && tile.row === 1)!;
    expect(alone.found[0]!.labels).toEqual(among.labels);
  });

  it('runs every window once: neighbouring tiles share', async () => {
    const run = { count: 0 };
    const { report } = await predictAll(image, { session: meanNetwork(4, run) });
    expect(run.count).toBe(report.windows);
    expect(report.windows).toBe(6 * 4);
    expect(report.tiles).toBe(6);
  });

  it('writes nothing beyond the border of the slide', async () => {
    const { found } = await predictAll(image);
    const corner = found.find((tile) => tile.column === 2 && tile.row === 1)!;
    for (let y = 0; y < MASK_TILE_PX; y++) {
      for (let x = 0; x < MASK_TILE_PX; x++) {
        const inside = x < 1100 - 1024 && y < 700 - 512;
        expect(corner.labels[y * MASK_TILE_PX + x] !== 0).toBe(inside);
      }
    }
  });

  it('predicts a slide smaller than a window', async () => {
    const { labels } = await predictAll(spotted(50, 40, 1), { windowPx: 512, overlapPx: 96 });
    expect(labels).toHaveLength(2000);
    expect(labels.every((label) => label === 1 || label === 2)).toBe(true);
  });

  it('looks at the model’s own pixel size: coarser and finer masks show the same spots', async () => {
    const slide = spotted(900, 600, 9);
    const plain = await predictAll(slide);
    const coarse = await predictAll(slide, {
      maskDownsample: 2,
      maskWidthPx: 450,
      maskHeightPx: 300,
      modelPixelsPerMaskPixel: 2,
    });
    let same = 0;
    for (let y = 0; y < 300; y++) {
      for (let x = 0; x < 450; x++) if (coarse.labels[y * 450 + x] === plain.labels[2 * y * 900 + 2 * x]) same++;
    }
    expect(same / (300 * 450)).toBeGreaterThan(0.95);
    const fine = await predictAll(slide, { modelPixelsPerMaskPixel: 0.5, session: meanNetwork(2) });
    expect(differing(fine.labels, plain.labels, { width: 900, border: 8 }) / (900 * 600)).toBeLessThan(0.05);
  });

  it('tells how sure it was', async () => {
    const { found } = await predictAll(filled(512, 512, [255, 255, 255]));
    expect(found[0]!.meanForeground).toBeLessThan(0.05);
    expect(found[0]!.meanEntropy).toBeLessThan(0.2);
    const unsure = constantSession(({ dims: [n, , h, w] }) => ({
      logits: { type: 'float32', dims: [n!, 2, h!, w!], data: new Float32Array(n! * 2 * h! * w!) },
    }));
    const guess = await predictAll(filled(512, 512, [255, 255, 255]), { session: unsure });
    expect(guess.found[0]!.meanEntropy).toBeCloseTo(1, 4);
    expect(guess.found[0]!.meanForeground).toBeCloseTo(0.5, 2);
  });

  it('stops between windows when cancelled, and keeps the tiles already given', async () => {
    const signal = { aborted: false };
    let tiles = 0;
    const onTile = () => {
      tiles++;
      signal.aborted = true;
    };
    await expect(predictAll(image, { signal, onTile })).rejects.toMatchObject({ code: 'cancelled' });
    expect(tiles).toBe(1);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses a model that answers %s', async (bad) => {
    const session = constantSession(({ dims: [n, , h, w] }) => {
      const data = new Float32Array(n! * 2 * h! * w!);
      data[77] = bad;
      return { logits: { type: 'float32', dims: [n!, 2, h!, w!], data } };
    });
    await expect(predictAll(image, { session })).rejects.toMatchObject({ code: 'model-output-invalid' });
  });

  it('refuses a model with another output name or shape, and says which', async () => {
    const named = constantSession(() => ({ other: { type: 'float32', dims: [1], data: new Float32Array(1) } }));
    await expect(predictAll(image, { session: named })).rejects.toThrow(/no output named logits/);
    const shaped = constantSession(({ dims: [n, , h, w] }) => ({
      logits: { type: 'float32', dims: [n!, 3, h!, w!], data: new Float32Array(n! * 3 * h! * w!) },
    }));
    await expect(predictAll(image, { session: shaped })).rejects.toMatchObject({ code: 'model-unusable' });
  });

  it('refuses a slide whose pixel size cannot be right', async () => {
    await expect(predictAll(image, { modelPixelsPerMaskPixel: 100 })).rejects.toMatchObject({ code: 'bad-input' });
    await expect(predictAll(image, { modelPixelsPerMaskPixel: Number.NaN })).rejects.toMatchObject({
      code: 'bad-input',
    });
  });

  it('takes the scale from both pixel sizes, and 1 where one is unknown', () => {
    expect(modelScale(CARD, 0.25, 4)).toBe(2);
    expect(modelScale(CARD, 0.25, 1)).toBe(0.5);
    expect(modelScale(CARD, null, 4)).toBe(1);
    expect(modelScale({ ...CARD, pixelSizeUm: null }, 0.25, 4)).toBe(1);
  });
});
