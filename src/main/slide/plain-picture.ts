/** An ordinary picture (PNG, JPEG, WebP, small untiled TIFF) as a slide: decoded once, cut into tiles in memory. */
import { HistoloopError } from '../../core/errors.ts';
import { pasteImage, whiteImage } from '../../core/resample.ts';
import type { RgbImage, Slide } from '../../core/slide.ts';
import { pixelSizeFromTags, UNKNOWN_PIXEL_SIZE } from './pixel-size.ts';
import { decodePicture, readPictureHeader } from './sharp-codec.ts';
import type { SlideFile } from './slide-file.ts';
import type { SlideFormat } from './slide-format.ts';
import { isTiff, readTiffDirectories } from './tiff-directory.ts';
import { TiledSlide } from './tiled-slide.ts';

/** 8192 × 8192: 192 MB decoded. Larger pictures belong in a tiled TIFF. */
export const MAX_PICTURE_PIXELS = 1 << 26;
const TILE_PX = 256;
const READ_FORMATS = new Set(['png', 'jpeg', 'webp', 'tiff']);

export const plainPicture: SlideFormat = {
  name: 'picture',
  async detect(file) {
    const header = await readPictureHeader(file.path);
    return header !== null && READ_FORMATS.has(header.format);
  },
  open: openPicture,
};

async function openPicture(file: SlideFile): Promise<Slide> {
  const header = (await readPictureHeader(file.path))!;
  const { widthPx, heightPx } = header;
  if (widthPx * heightPx > MAX_PICTURE_PIXELS) {
    const message = `${file.name} is ${widthPx} × ${heightPx} pixels without tiles; pictures up to ${MAX_PICTURE_PIXELS / 1e6} million pixels are read whole: convert it to a tiled, pyramidal TIFF`;
    throw new HistoloopError('slide-unsupported', message, { data: { widthPx, heightPx } });
  }
  const picture = await decodePicture(file.path, MAX_PICTURE_PIXELS).catch((cause: Error) => {
    const message = `the picture ${file.name} is damaged or incomplete (${firstLine(cause.message)}): copy it again from its source`;
    throw new HistoloopError('slide-damaged', message, { cause });
  });
  const pixelSize = isTiff(file.head) ? pixelSizeFromTags((await readTiffDirectories(file))[0]!) : UNKNOWN_PIXEL_SIZE;
  await file.close();
  return new TiledSlide({
    info: {
      format: `${header.format.toUpperCase()} picture`,
      vendor: null,
      widthPx: picture.width,
      heightPx: picture.height,
      pixelSize,
      magnification: null,
      levels: [
        {
          index: 0,
          widthPx: picture.width,
          heightPx: picture.height,
          tileWidthPx: TILE_PX,
          tileHeightPx: TILE_PX,
          downsample: 1,
        },
      ],
      associated: [],
      warnings: pixelSize.warning === null ? [] : [pixelSize.warning],
    },
    stored: async () => null,
    pixels: async (_level, column, row) => cutTile(picture, column, row),
    close: async () => {},
  });
}

function cutTile(picture: RgbImage, column: number, row: number): RgbImage {
  const tile = whiteImage(TILE_PX, TILE_PX);
  pasteImage(tile, picture, -column * TILE_PX, -row * TILE_PX);
  return tile;
}

function firstLine(text: string): string {
  return text.split('\n')[0]!.trim();
}
