/**
 * Decoding and encoding of pictures: the slide part's only door to sharp. Colours are taken as stored (no colour
 * management); alpha is laid on white.
 */
import sharp from 'sharp';
import type { EncodedTile, RgbImage } from '../../core/slide.ts';

// Many small pictures: one thread each and no cache of operations is fastest and keeps memory flat.
sharp.cache(false);
sharp.concurrency(1);

const JPEG_QUALITY = 90;

/** Throws sharp's own error where the bytes are no sound picture or larger than `maxPixels`. */
export async function decodePicture(bytes: Uint8Array | string, maxPixels: number): Promise<RgbImage> {
  const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error', ignoreIcc: true, page: 0 })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels === 3) return { width: info.width, height: info.height, data };
  return { width: info.width, height: info.height, data: spreadGrey(data, info.channels) };
}

function spreadGrey(data: Uint8Array, channels: number): Uint8Array {
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) rgb.fill(data[i * channels]!, i * 3, i * 3 + 3);
  return rgb;
}

export async function encodeJpeg(image: RgbImage): Promise<EncodedTile> {
  const bytes = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4' })
    .toBuffer();
  return { bytes, mime: 'image/jpeg', passthrough: false };
}

export interface PictureHeader {
  readonly format: string;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** What a picture's header says, or null where sharp knows no such picture. */
export async function readPictureHeader(path: string): Promise<PictureHeader | null> {
  try {
    const { format, width, height } = await sharp(path, { limitInputPixels: false, page: 0 }).metadata();
    return format && width && height ? { format, widthPx: width, heightPx: height } : null;
  } catch {
    return null;
  }
}
