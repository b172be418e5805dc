/**
 * Tiles of one TIFF page: passed on as stored where a browser can read them (JPEG, WebP), decoded to RGB otherwise.
 * It knows one page; levels and caching are `tiled-slide.ts`.
 */
import { HistoloopError } from '../../core/errors.ts';
import type { EncodedTile, RgbImage } from '../../core/slide.ts';
import { completeJpeg, endsAsJpeg, readJpegMarkers } from './jpeg-tile.ts';
import { isPackingRead, unpackSamples } from './packed-samples.ts';
import { samplesToRgb, undoPredictor } from './samples.ts';
import { decodePicture } from './sharp-codec.ts';
import type { SlideFile } from './slide-file.ts';
import type { TiffDirectory } from './tiff-directory.ts';

/** A stored tile may be at most this many pixels: more is a strip in disguise or a hostile file. */
const MAX_TILE_PIXELS = 4096 * 4096;
/** No side of a slide is longer; 2 million pixels are half a metre at 0.25 µm. */
const MAX_SIDE_PX = 2_000_000;

const JPEG = 7;
const WEBP = 50001;

const NOT_READ: Readonly<Record<number, string>> = {
  6: 'old-style JPEG (6)',
  33003: 'JPEG 2000 (33003)',
  33004: 'JPEG 2000 (33004)',
  33005: 'JPEG 2000 (33005)',
  34712: 'JPEG 2000 (34712)',
  50002: 'JPEG XL (50002)',
  52546: 'JPEG XL (52546)',
};

export interface TiffTiles {
  readonly directory: TiffDirectory;
  /** A tile that can go to a browser as stored, or null where its pixels have to be made. */
  stored(column: number, row: number): Promise<EncodedTile | null>;
  /** RGB of the whole stored tile (edge tiles keep their padding), or null where the file holds no such tile. */
  pixels(column: number, row: number): Promise<RgbImage | null>;
}

/** Says in one sentence why a page cannot be read, or nothing where it can. Errors: `slide-unsupported`, `slide-damaged`. */
export function checkPage(page: TiffDirectory, name: string): void {
  const { widthPx, heightPx, tileWidthPx, tileHeightPx } = page;
  const whole = [widthPx, heightPx, tileWidthPx, tileHeightPx].every((n) => Number.isInteger(n) && n > 0);
  if (!whole || widthPx > MAX_SIDE_PX || heightPx > MAX_SIDE_PX || tileWidthPx * tileHeightPx > MAX_TILE_PIXELS) {
    const message = `${name} says it is ${widthPx} × ${heightPx} pixels in tiles of ${tileWidthPx} × ${tileHeightPx}: no slide is; the file is damaged`;
    throw new HistoloopError('slide-damaged', message, { data: { widthPx, heightPx } });
  }
  const reason = whyUnread(page);
  if (reason !== null) {
    const message = `${name} stores its tiles as ${reason}, which this version does not read: convert it to a JPEG pyramidal TIFF (for example with vips or QuPath)`;
    throw new HistoloopError('slide-unsupported', message, { data: { compression: page.compression } });
  }
  const tiles = Math.ceil(widthPx / tileWidthPx) * Math.ceil(heightPx / tileHeightPx);
  if (page.tileOffsets.length < tiles || page.tileByteCounts.length < tiles) {
    const message = `${name} should hold ${tiles} tiles but lists ${Math.min(page.tileOffsets.length, page.tileByteCounts.length)}: the file is damaged; copy it again`;
    throw new HistoloopError('slide-damaged', message, { data: { tiles } });
  }
}

function whyUnread(page: TiffDirectory): string | null {
  const { compression, photometric, samplesPerPixel, bitsPerSample } = page;
  if (NOT_READ[compression]) return NOT_READ[compression];
  if (compression !== JPEG && compression !== WEBP && !isPackingRead(compression)) return `compression ${compression}`;
  if (bitsPerSample.some((bits) => bits !== 8)) return `${Math.max(...bitsPerSample)}-bit samples`;
  if (page.sampleFormat !== 1) return 'signed or floating-point samples';
  if (page.planar && samplesPerPixel > 1) return 'separate colour planes';
  if (samplesPerPixel < 1 || samplesPerPixel > 4) return `${samplesPerPixel} channels`;
  if (compression === JPEG || compression === WEBP) return null;
  if (page.predictor !== 1 && page.predictor !== 2) return `predictor ${page.predictor}`;
  return photometric <= 2 ? null : `photometric ${photometric} without JPEG`;
}

export function tiffTiles(file: SlideFile, page: TiffDirectory): TiffTiles {
  const columns = Math.ceil(page.widthPx / page.tileWidthPx);
  const maxPixels = page.tileWidthPx * page.tileHeightPx;

  async function bytesOf(column: number, row: number): Promise<Uint8Array | null> {
    const index = row * columns + column;
    const length = Number(page.tileByteCounts[index]);
    if (length === 0) return null;
    return await file.read(Number(page.tileOffsets[index]), length);
  }

  async function storedJpeg(bytes: Uint8Array): Promise<EncodedTile> {
    const jpeg = completeJpeg(bytes, page.jpegTables, page.photometric);
    const markers = readJpegMarkers(jpeg);
    if (!markers?.hasScan) throw new Error('its JPEG data has no picture');
    if (markers.widthPx !== page.tileWidthPx || markers.heightPx !== page.tileHeightPx) {
      throw new Error(`its JPEG data is ${markers.widthPx} × ${markers.heightPx} pixels`);
    }
    if (!endsAsJpeg(jpeg)) await decodePicture(jpeg, maxPixels);
    return { bytes: jpeg, mime: 'image/jpeg', passthrough: true };
  }

  async function decode(bytes: Uint8Array): Promise<RgbImage> {
    if (page.compression === JPEG) return checkSize(await decodePicture((await storedJpeg(bytes)).bytes, maxPixels));
    if (page.compression === WEBP) return checkSize(await decodePicture(bytes, maxPixels));
    const length = maxPixels * page.samplesPerPixel;
    const samples = await unpackSamples(bytes, page.compression, length);
    const plain = page.predictor === 2 ? undoPredictor(samples, page) : samples;
    return samplesToRgb(plain, page);
  }

  function checkSize(image: RgbImage): RgbImage {
    if (image.width === page.tileWidthPx && image.height === page.tileHeightPx) return image;
    throw new Error(`it is ${image.width} × ${image.height} pixels`);
  }

  return {
    directory: page,
    async stored(column, row) {
      if (page.compression !== JPEG && page.compression !== WEBP) return null;
      const bytes = await bytesOf(column, row);
      if (bytes === null) return null;
      if (page.compression === JPEG) return await storedJpeg(bytes);
      if (!isWebp(bytes)) throw new Error('its WebP data has no header');
      return { bytes, mime: 'image/webp', passthrough: true };
    },
    async pixels(column, row) {
      const bytes = await bytesOf(column, row);
      return bytes === null ? null : await decode(bytes);
    },
  };
}

function isWebp(bytes: Uint8Array): boolean {
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  return text.startsWith('RIFF') && text.endsWith('WEBP');
}
