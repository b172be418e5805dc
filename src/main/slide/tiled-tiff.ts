/** Any tiled TIFF or BigTIFF: pages or sub-directories of the first page's shape are its levels. OME-TIFF included. */
import type { Slide } from '../../core/slide.ts';
import { pixelSizeFromOme, pixelSizeFromTags } from './pixel-size.ts';
import type { SlideFile } from './slide-file.ts';
import type { SlideFormat } from './slide-format.ts';
import { isTiff, readTiffDirectories } from './tiff-directory.ts';
import { isTiled, levelPagesOf, openTiffSlide } from './tiff-slide.ts';

export const tiledTiff: SlideFormat = {
  name: 'tiled TIFF',
  async detect(file) {
    if (!isTiff(file.head)) return false;
    const [first] = await readTiffDirectories(file);
    return first !== undefined && isTiled(first);
  },
  open: openTiledTiff,
};

async function openTiledTiff(file: SlideFile): Promise<Slide> {
  const pages = await readTiffDirectories(file);
  const finest = pages[0]!;
  const isOme = finest.description.includes('<OME');
  const candidates = [finest, ...finest.subDirectories, ...pages.slice(1)].filter(isTiled);
  const levelPages = levelPagesOf(candidates);
  return openTiffSlide(file, {
    format: isOme ? 'OME-TIFF' : 'tiled TIFF',
    vendor: finest.make === '' ? null : finest.make,
    levelPages,
    associated: pages.flatMap((page, index) => (levelPages.includes(page) ? [] : [`page-${index}`])),
    pixelSize: pixelSizeFromOme(finest.description) ?? pixelSizeFromTags(finest),
    magnification: null,
  });
}
