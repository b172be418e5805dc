/** Puts TIFF pages together as one slide: which are levels is decided by the format readers that call this. */
import { HistoloopError } from '../../core/errors.ts';
import type { PixelSize, Slide, SlideLevel } from '../../core/slide.ts';
import type { SlideFile } from './slide-file.ts';
import type { TiffDirectory } from './tiff-directory.ts';
import { checkPage, tiffTiles } from './tiff-tiles.ts';
import { TiledSlide } from './tiled-slide.ts';

export interface TiffSlideParts {
  readonly format: string;
  readonly vendor: string | null;
  /** Finest first. */
  readonly levelPages: readonly TiffDirectory[];
  readonly associated: readonly string[];
  readonly pixelSize: PixelSize;
  readonly magnification: number | null;
}

/** Errors: `slide-unsupported`, `slide-damaged` as `checkPage`. */
export function openTiffSlide(file: SlideFile, parts: TiffSlideParts): Slide {
  const [finest] = parts.levelPages;
  if (finest === undefined) throw new HistoloopError('slide-unsupported', `${file.name} holds no tiled picture`);
  for (const page of parts.levelPages) checkPage(page, file.name);
  const pages = parts.levelPages.map((page) => tiffTiles(file, page));
  const { pixelSize } = parts;
  return new TiledSlide({
    info: {
      format: parts.format,
      vendor: parts.vendor,
      widthPx: finest.widthPx,
      heightPx: finest.heightPx,
      pixelSize,
      magnification: parts.magnification,
      levels: parts.levelPages.map((page, index) => levelFrom(page, index, finest)),
      associated: parts.associated,
      warnings: pixelSize.warning === null ? [] : [pixelSize.warning],
    },
    stored: (level, column, row) => pages[level]!.stored(column, row),
    pixels: (level, column, row) => pages[level]!.pixels(column, row),
    close: () => file.close(),
  });
}

/** Pages that are the same picture, smaller each time: same shape within a pixel of rounding at the smaller size. */
export function levelPagesOf(pages: readonly TiffDirectory[]): TiffDirectory[] {
  const [finest, ...rest] = pages;
  if (finest === undefined) return [];
  const levels = [finest];
  const sameShape = rest.filter((page) => {
    const across = finest.widthPx / page.widthPx;
    const down = finest.heightPx / page.heightPx;
    const rounding = Math.max(0.01, 2 / Math.min(page.widthPx, page.heightPx));
    return across > 1 && Math.abs(across / down - 1) <= rounding;
  });
  for (const page of sameShape.sort((a, b) => b.widthPx - a.widthPx)) {
    if (page.widthPx < levels.at(-1)!.widthPx) levels.push(page);
  }
  return levels;
}

export function isTiled(page: TiffDirectory): boolean {
  return page.tileWidthPx > 0 && page.tileHeightPx > 0;
}

function levelFrom(page: TiffDirectory, index: number, finest: TiffDirectory): SlideLevel {
  const downsample = (finest.widthPx / page.widthPx + finest.heightPx / page.heightPx) / 2;
  const power = 2 ** Math.round(Math.log2(downsample));
  return {
    index,
    widthPx: page.widthPx,
    heightPx: page.heightPx,
    tileWidthPx: page.tileWidthPx,
    tileHeightPx: page.tileHeightPx,
    downsample: Math.abs(downsample / power - 1) < 0.01 ? power : downsample,
  };
}
