/** Opens a slide, whatever it is: the formats in order, most specific first. A new format is a file and a line here. */
import { HistoloopError, toHistoloopError } from '../../core/errors.ts';
import type { Slide } from '../../core/slide.ts';
import { aperio } from './aperio.ts';
import { drawnFormat } from './drawn-format.ts';
import type { DrawnSlide } from './drawn-slide.ts';
import { knownButUnread } from './known-but-unread.ts';
import { plainPicture } from './plain-picture.ts';
import { openSlideFile } from './slide-file.ts';
import type { SlideFormat } from './slide-format.ts';
import { tiledTiff } from './tiled-tiff.ts';

const FORMATS: readonly SlideFormat[] = [drawnFormat, knownButUnread, aperio, tiledTiff, plainPicture];

/**
 * Errors: `file-missing`, `file-unreadable` (a folder, no permission), `slide-unsupported` (no slide, or one this version
 * does not read), `slide-damaged` (empty, cut short, nonsense inside).
 */
export async function openSlide(path: string): Promise<Slide> {
  const file = await openSlideFile(path);
  try {
    for (const format of FORMATS) {
      if (await format.detect(file)) return await format.open(file);
    }
    const message = `${file.name} is not a slide that can be read: choose an Aperio SVS, a tiled TIFF, or a PNG or JPEG picture`;
    throw new HistoloopError('slide-unsupported', message, { data: { path } });
  } catch (error) {
    await file.close();
    throw toHistoloopError(error, 'slide-damaged');
  }
}

/** The slide with its known truth, where it is one of our own drawing; else null. */
export function asDrawnSlide(slide: Slide): DrawnSlide | null {
  return 'drawn' in slide && slide.drawn === true ? (slide as DrawnSlide) : null;
}
