/** Label tiles as 8-bit grey PNG: value = class id; beside each an origin tile of the same name (place in ORIGINS). */
import type { FormatContext, FormatWriter } from './export-format.ts';
import { encodeGreyPng } from './png.ts';

/** `label-png/<slide>/labels/<column>_<row>.png`; tiles are 512×512 mask pixels, cut at the slide's edge. */
export function labelPngFormat({ files }: FormatContext): FormatWriter {
  return {
    async slide({ fileName }) {
      return {
        async tile(tile) {
          const name = `${tile.column}_${tile.row}.png`;
          const labels = await encodeGreyPng({ ...tile, data: tile.labels });
          await files.put(`label-png/${fileName}/labels/${name}`, labels);
          const origins = await encodeGreyPng({ ...tile, data: tile.origins });
          await files.put(`label-png/${fileName}/origins/${name}`, origins);
        },
        async finish() {},
      };
    },
    async finish() {},
  };
}
