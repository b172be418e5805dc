/**
 * The plain method that a trained nuclei model must beat: Otsu's threshold on the haematoxylin channel.
 * It knows no shapes; it is a peer for measuring, not something the workstation predicts with.
 */

import type { RgbImage } from '../slide.ts';
import { haematoxylin } from '../stain.ts';
import { boxMean3 } from './box-mean.ts';
import { otsuThreshold } from './otsu.ts';

/** 1 where a pixel's haematoxylin (3×3 mean, so that single noisy pixels do not count) lies above Otsu's threshold, else 0. */
export function thresholdNuclei(image: RgbImage): Uint8Array {
  const smooth = boxMean3(haematoxylin(image), image.width, image.height);
  const threshold = otsuThreshold(smooth, 0, 1.5);
  return Uint8Array.from(smooth, (amount) => (amount > threshold ? 1 : 0));
}
