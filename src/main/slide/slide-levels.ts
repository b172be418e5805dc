/** Arithmetic on the levels of a slide: which coarser ones a viewer needs, how large an edge tile is. */
import type { SlideLevel } from '../../core/slide.ts';

/** The coarsest level should fit a window's corner; what is larger gets halved further. */
const COARSEST_PX = 1024;

/** The stored levels followed by made ones, each half of the one before, until the slide fits 1024 pixels. */
export function withMadeLevels(stored: readonly SlideLevel[]): SlideLevel[] {
  const levels = [...stored];
  let last = levels.at(-1)!;
  while (Math.max(last.widthPx, last.heightPx) > COARSEST_PX) {
    last = {
      index: levels.length,
      widthPx: Math.ceil(last.widthPx / 2),
      heightPx: Math.ceil(last.heightPx / 2),
      tileWidthPx: last.tileWidthPx,
      tileHeightPx: last.tileHeightPx,
      downsample: last.downsample * 2,
    };
    levels.push(last);
  }
  return levels;
}

/** Width and height of one tile in its level's pixels, cut at the level's edge. */
export function tileSize(level: SlideLevel, column: number, row: number): { width: number; height: number } {
  return {
    width: Math.min(level.tileWidthPx, level.widthPx - column * level.tileWidthPx),
    height: Math.min(level.tileHeightPx, level.heightPx - row * level.tileHeightPx),
  };
}

/** The coarsest level that still has at least the asked resolution (`scale` level-0 pixels per output pixel). */
export function levelForScale(levels: readonly SlideLevel[], scale: number): SlideLevel {
  return levels.findLast((level) => level.downsample <= scale * 1.001) ?? levels[0]!;
}
