/** A whole slide's labels, and its origins, as one tiled TIFF each, in mask pixels: no pyramid, no metadata but the pixel size. */
import type { PixelSize } from '../../core/slide.ts';
import type { FormatContext, FormatWriter } from './export-format.ts';
import type { EffectiveTile } from './export-slide.ts';
import { createTiledTiff } from './tiled-tiff.ts';

/** `label-tiff/<slide>/labels.tif` and `label-tiff/<slide>/origins.tif`. */
export function labelTiffFormat({ files, toolVersion }: FormatContext): FormatWriter {
  return {
    async slide({ slide, fileName }) {
      const frame = {
        widthPx: slide.maskWidthPx,
        heightPx: slide.maskHeightPx,
        pixelSizeUm: maskPixelSize(slide.info.pixelSize, slide.maskDownsample),
        software: `Histoloop ${toolVersion}`,
      };
      const folder = `label-tiff/${fileName}`;
      const labels = await createTiledTiff(await files.create(`${folder}/labels.tif`), frame);
      const origins = await createTiledTiff(await files.create(`${folder}/origins.tif`), frame);
      return {
        async tile(tile: EffectiveTile) {
          await labels.tile({ ...tile, data: tile.labels });
          await origins.tile({ ...tile, data: tile.origins });
        },
        async finish() {
          await labels.finish();
          await origins.finish();
        },
      };
    },
    async finish() {},
  };
}

function maskPixelSize({ xUm, yUm }: PixelSize, downsample: number): { x: number; y: number } | null {
  return xUm === null || yUm === null ? null : { x: xUm * downsample, y: yUm * downsample };
}
