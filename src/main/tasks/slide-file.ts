/** A slide file looked at on its own, without a project: for the command line. */
import type { EncodedTile, SlideInfo } from '../../core/slide.ts';
import { openSlide } from '../slide/open-slide.ts';

export async function slideFileInfo(path: string): Promise<SlideInfo> {
  const slide = await openSlide(path);
  await slide.close();
  return slide.info;
}

export async function slideFileTile(path: string, level: number, column: number, row: number): Promise<EncodedTile> {
  const slide = await openSlide(path);
  try {
    return await slide.tile(level, column, row);
  } finally {
    await slide.close();
  }
}
