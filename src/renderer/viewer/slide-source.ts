/** How a slide's levels are told to OpenSeadragon: any downsamples, any tile size per level, coarsest first. */
import type { SlideInfo, SlideLevel } from '../../core/slide.ts';

export type TileUrl = (level: number, column: number, row: number) => string;

/** The options and overrides of an OpenSeadragon custom tile source. Its level 0 is our coarsest level. */
export function slideSource(info: SlideInfo, tileUrl: TileUrl) {
  const levels = [...info.levels].sort((a, b) => a.downsample - b.downsample);
  const coarsest = levels.length - 1;
  const at = (osdLevel: number): SlideLevel => levels[Math.min(coarsest, Math.max(0, coarsest - osdLevel))]!;
  const scale = (osdLevel: number) => at(osdLevel).widthPx / info.widthPx;
  return {
    width: info.widthPx,
    height: info.heightPx,
    tileWidth: at(coarsest).tileWidthPx,
    tileHeight: at(coarsest).tileHeightPx,
    minLevel: 0,
    maxLevel: coarsest,
    getLevelScale: scale,
    getTileWidth: (osdLevel: number) => at(osdLevel).tileWidthPx,
    getTileHeight: (osdLevel: number) => at(osdLevel).tileHeightPx,
    getTileUrl: (osdLevel: number, column: number, row: number) => tileUrl(at(osdLevel).index, column, row),
  };
}
