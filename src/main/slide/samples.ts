/** Raw TIFF samples to RGB: grey, inverted grey, RGB and an alpha channel laid on white. 8 bits a sample. */
import type { RgbImage } from '../../core/slide.ts';
import type { TiffDirectory } from './tiff-directory.ts';

type Page = Pick<TiffDirectory, 'tileWidthPx' | 'tileHeightPx' | 'samplesPerPixel' | 'photometric'>;

/** Horizontal differencing (TIFF 6.0, section 14) undone in a copy. */
export function undoPredictor(samples: Uint8Array, page: Page): Uint8Array {
  const plain = Uint8Array.from(samples);
  const rowBytes = page.tileWidthPx * page.samplesPerPixel;
  for (let row = 0; row < page.tileHeightPx; row++) {
    const start = row * rowBytes;
    for (let i = start + page.samplesPerPixel; i < start + rowBytes; i++) {
      plain[i] = plain[i]! + plain[i - page.samplesPerPixel]!;
    }
  }
  return plain;
}

export function samplesToRgb(samples: Uint8Array, page: Page): RgbImage {
  const { tileWidthPx: width, tileHeightPx: height, samplesPerPixel: channels } = page;
  const pixels = width * height;
  if (channels === 3) return { width, height, data: samples.subarray(0, pixels * 3) };
  const data = new Uint8Array(pixels * 3);
  const isGrey = channels < 3;
  const hasAlpha = channels === 2 || channels === 4;
  for (let i = 0; i < pixels; i++) {
    const from = i * channels;
    const alpha = hasAlpha ? samples[from + channels - 1]! / 255 : 1;
    for (let c = 0; c < 3; c++) {
      const stored = samples[isGrey ? from : from + c]!;
      const value = page.photometric === 0 ? 255 - stored : stored;
      data[i * 3 + c] = Math.round(value * alpha + 255 * (1 - alpha));
    }
  }
  return { width, height, data };
}
