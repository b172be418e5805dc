/** Small pictures, a card and networks made of arithmetic, so that recipes are tested without a trained model. */
import type { ModelCard } from '../../../src/core/learn/model-card.ts';
import type { Session, Tensor } from '../../../src/core/nn/session.ts';
import { createRandom } from '../../../src/core/random.ts';
import type { RgbImage } from '../../../src/core/slide.ts';

export const CARD: ModelCard = {
  format: 'histoloop-model-card/1',
  name: 'stub',
  version: '1',
  description: 'dark is a nucleus',
  licence: 'Apache-2.0',
  dataSources: [],
  classes: ['Background', 'Nucleus'],
  pixelSizeUm: 0.5,
  pixelSizeNote: null,
  input: 'image',
  output: 'logits',
  layout: 'NCHW',
  outputKind: 'logits',
  sizeMultiple: 8,
  fixedSizePx: null,
  normalisation: { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
  trainingCommand: null,
  scores: [],
  limits: [],
};

export const CLASS_IDS = [1, 2];

export function filled(width: number, height: number, colour: readonly [number, number, number]): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = colour[i % 3]!;
  return { width, height, data };
}

/** Pink ground with dark round spots, drawn from a seed. */
export function spotted(width: number, height: number, seed: number, spots = (width * height) / 900): RgbImage {
  const image = filled(width, height, [225, 170, 200]);
  const random = createRandom(seed);
  for (let n = 0; n < spots; n++) {
    const [cx, cy, radius] = [random.next() * width, random.next() * height, 3 + random.next() * 6];
    for (let y = Math.max(0, Math.floor(cy - radius)); y < Math.min(height, cy + radius); y++) {
      for (let x = Math.max(0, Math.floor(cx - radius)); x < Math.min(width, cx + radius); x++) {
        if ((x - cx) ** 2 + (y - cy) ** 2 <= radius ** 2) image.data.set([95, 60, 140], (y * width + x) * 3);
      }
    }
  }
  return image;
}

/** Which pixels of a `spotted` picture are spots: label 2, else 1. */
export function truthOf(image: RgbImage): Uint8Array {
  return Uint8Array.from({ length: image.width * image.height }, (_, i) => (image.data[i * 3] === 95 ? 2 : 1));
}

/**
 * A network that looks `reach` pixels around: logit of the nucleus = how much darker than mid-grey the mean of the red
 * channel over (2·reach+1)² pixels is, with zeros beyond the border of its input, as a padded convolution sees them.
 */
export function meanNetwork(reach: number, run: { count: number } = { count: 0 }): Session {
  return {
    run: async (feeds) => {
      run.count++;
      return { logits: meanLogits(feeds.image!, reach) };
    },
    readState: async () => ({}),
    close: async () => {},
  };
}

function meanLogits(image: Tensor, reach: number): Tensor {
  const [n, , height, width] = image.dims as [number, number, number, number];
  const plane = width * height;
  const data = new Float32Array(n * 2 * plane);
  const side = 2 * reach + 1;
  for (let b = 0; b < n; b++) {
    const red = (image.data as Float32Array).subarray(b * 3 * plane, b * 3 * plane + plane);
    const sums = integral(red, width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [x0, x1] = [Math.max(0, x - reach), Math.min(width, x + reach + 1)];
        const [y0, y1] = [Math.max(0, y - reach), Math.min(height, y + reach + 1)];
        const at = (row: number, column: number) => sums[row * (width + 1) + column]!;
        const sum = at(y1, x1) - at(y0, x1) - at(y1, x0) + at(y0, x0);
        data[(b * 2 + 1) * plane + y * width + x] = -8 * (sum / side ** 2 - 0.3);
      }
    }
  }
  return { type: 'float32', dims: [n, 2, height, width], data };
}

function integral(values: Float32Array, width: number, height: number): Float64Array {
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += values[y * width + x]!;
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1]! + row;
    }
  }
  return sums;
}

/** Answers every run with the same output. */
export function constantSession(output: (input: Tensor) => Record<string, Tensor>): Session {
  return { run: async (feeds) => output(feeds.image!), readState: async () => ({}), close: async () => {} };
}
