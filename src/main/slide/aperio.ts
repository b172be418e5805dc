/** Aperio SVS: tiled pages are levels, the rest are thumbnail, label and macro; scale and power stand in the description. */
import type { PixelSize, Slide } from '../../core/slide.ts';
import { statedPixelSize, UNKNOWN_PIXEL_SIZE } from './pixel-size.ts';
import type { SlideFile } from './slide-file.ts';
import type { SlideFormat } from './slide-format.ts';
import { isTiff, readTiffDirectories, type TiffDirectory } from './tiff-directory.ts';
import { isTiled, levelPagesOf, openTiffSlide } from './tiff-slide.ts';

export const aperio: SlideFormat = {
  name: 'Aperio SVS',
  async detect(file) {
    if (!isTiff(file.head)) return false;
    const pages = await readTiffDirectories(file);
    return pages.slice(0, 1).some((first) => first.description.startsWith('Aperio') && isTiled(first));
  },
  open: openAperio,
};

async function openAperio(file: SlideFile): Promise<Slide> {
  const pages = await readTiffDirectories(file);
  const properties = aperioProperties(pages[0]!.description);
  const magnification = Number(properties.get('AppMag'));
  return openTiffSlide(file, {
    format: 'Aperio SVS',
    vendor: 'Aperio',
    levelPages: levelPagesOf(pages.filter(isTiled)),
    associated: associatedNames(pages),
    pixelSize: aperioPixelSize(properties.get('MPP')),
    magnification: Number.isFinite(magnification) && magnification > 0 ? magnification : null,
  });
}

/** `… |AppMag = 20|MPP = 0.4990` as a table; the text before the first bar is skipped. */
export function aperioProperties(description: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const part of description.split('|').slice(1)) {
    const at = part.indexOf('=');
    if (at > 0) properties.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
  }
  return properties;
}

function aperioPixelSize(mpp: string | undefined): PixelSize {
  if (mpp === undefined || mpp === '') return UNKNOWN_PIXEL_SIZE;
  return statedPixelSize(Number(mpp), Number(mpp));
}

function associatedNames(pages: readonly TiffDirectory[]): string[] {
  return pages.flatMap((page, index) => {
    if (isTiled(page)) return [];
    if (/^label\b/m.test(page.description)) return ['label'];
    if (/^macro\b/m.test(page.description)) return ['macro'];
    return index === 1 ? ['thumbnail'] : [`page-${index}`];
  });
}
