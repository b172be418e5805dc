/**
 * Between pictures and network values: RGB bytes to [N,3,H,W] float32 by a card's normalisation, and back.
 * Must not resample or augment.
 */
import { assert } from '../errors.ts';
import type { Tensor } from '../nn/session.ts';
import type { RgbImage } from '../slide.ts';
import type { Normalisation } from './model-card.ts';

/** Pictures of one size as a [N,3,H,W] tensor; value = (byte / 255 − mean) / deviation. */
export function imagesToTensor(images: readonly RgbImage[], normalisation: Normalisation): Tensor {
  const { width, height } = images[0]!;
  const plane = width * height;
  const data = new Float32Array(images.length * 3 * plane);
  images.forEach((image, n) => {
    assert(image.width === width && image.height === height, 'pictures of one batch differ in size');
    writeImage(image, normalisation, data.subarray(n * 3 * plane, (n + 1) * 3 * plane));
  });
  return { type: 'float32', dims: [images.length, 3, height, width], data };
}

/** One picture into `target` (3·H·W values, channel by channel). */
export function writeImage(image: RgbImage, normalisation: Normalisation, target: Float32Array): void {
  const plane = image.width * image.height;
  for (let c = 0; c < 3; c++) {
    const scale = 1 / (255 * normalisation.deviation[c]!);
    const shift = normalisation.mean[c]! / normalisation.deviation[c]!;
    const offset = c * plane;
    for (let i = 0, b = c; i < plane; i++, b += 3) target[offset + i] = image.data[b]! * scale - shift;
  }
}

/** Picture `n` of a [N,3,H,W] tensor as bytes again, rounded and clamped. */
export function tensorToImage(tensor: Tensor, n: number, normalisation: Normalisation): RgbImage {
  const [, , height, width] = tensor.dims as [number, number, number, number];
  const plane = width * height;
  const data = new Uint8Array(plane * 3);
  for (let c = 0; c < 3; c++) {
    const offset = (n * 3 + c) * plane;
    for (let i = 0; i < plane; i++) {
      const value = Number(tensor.data[offset + i]) * normalisation.deviation[c]! + normalisation.mean[c]!;
      data[i * 3 + c] = Math.max(0, Math.min(255, Math.round(value * 255)));
    }
  }
  return { width, height, data };
}

/** The picture with white added at the right and below; `width` and `height` are not smaller than its own. */
export function padToSize(image: RgbImage, width: number, height: number): RgbImage {
  if (width === image.width && height === image.height) return image;
  assert(
    width >= image.width && height >= image.height,
    `${image.width}×${image.height} does not fit ${width}×${height}`,
  );
  const data = new Uint8Array(width * height * 3).fill(255);
  for (let y = 0; y < image.height; y++) {
    data.set(image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3), y * width * 3);
  }
  return { width, height, data };
}
