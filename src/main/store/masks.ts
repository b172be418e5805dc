/** Reading masks: one coded tile, the list of tiles, the labels of a rectangle. It writes nothing. */
import { HistoloopError } from '../../core/errors.ts';
import { intersectRect, type Rect, tilesOf } from '../../core/geometry.ts';
import { MASK_TILE_PX } from '../../core/label.ts';
import { decodeTile } from '../../core/mask/codec.ts';
import { isTileInside, TILE_LENGTH, tileMaskRect, tileOfKey } from '../../core/mask/tile-grid.ts';
import type { ProjectContext } from './context.ts';
import { gridOf, requireLayer } from './layers.ts';
import type { StoreMethods } from './store-methods.ts';
import { readTileCode } from './tile-records.ts';

/** Most labels that one call gives: a 16384² rectangle. */
const MAX_LABELS = 2 ** 28;

export function maskMethods({ sql }: ProjectContext): Pick<StoreMethods, 'tile' | 'tiles' | 'readLabels'> {
  return {
    /** Null outside the slide too. Errors: `not-found`, `tile-damaged`. */
    tile(layerId, column, row) {
      const layer = requireLayer(sql, layerId);
      return isTileInside(gridOf(sql, layer.slideId), column, row) ? readTileCode(sql, layer, column, row) : null;
    },
    tiles(layerId) {
      const { kind } = requireLayer(sql, layerId);
      const select =
        kind === 'human'
          ? 'SELECT tile FROM tile_head WHERE layer_id = ? AND filled = 1 ORDER BY tile'
          : 'SELECT tile FROM prediction_tile WHERE layer_id = ? AND data IS NOT NULL ORDER BY tile';
      return toAddresses(sql.all<{ tile: number }>(select, layerId));
    },
    /** Errors: `not-found`, `tile-damaged`, `bad-input` for a rectangle that is not of whole pixels or too large. */
    readLabels(layerId, maskRect) {
      const layer = requireLayer(sql, layerId);
      requireReadable(maskRect);
      const grid = gridOf(sql, layer.slideId);
      const labels = new Uint8Array(maskRect.width * maskRect.height);
      const onSlide = intersectRect(maskRect, { x: 0, y: 0, width: grid.width, height: grid.height });
      const { x0, y0, x1, y1 } = tilesOf(onSlide, MASK_TILE_PX);
      const tile = new Uint8Array(TILE_LENGTH);
      for (let row = y0; row < y1; row++) {
        for (let column = x0; column < x1; column++) {
          const code = readTileCode(sql, layer, column, row);
          if (code === null) continue;
          decodeTile(code, TILE_LENGTH, tile);
          copyPart(tile, intersectRect(tileMaskRect(grid, column, row), onSlide), labels, maskRect);
        }
      }
      return labels;
    },
  };
}

/** Flat column, row, column, row … of tile keys. */
export function toAddresses(rows: readonly { readonly tile: number }[]): number[] {
  return rows.flatMap(({ tile }) => {
    const { column, row } = tileOfKey(tile);
    return [column, row];
  });
}

function requireReadable({ x, y, width, height }: Rect): void {
  const whole = [x, y, width, height].every(Number.isSafeInteger) && width >= 0 && height >= 0;
  if (whole && width * height <= MAX_LABELS) return;
  throw new HistoloopError(
    'bad-input',
    `the mask rectangle ${x}, ${y}, ${width}×${height} cannot be read: it must be whole pixels, at most ${MAX_LABELS} of them`,
  );
}

/** `part` lies within one tile and within the rectangle, in mask pixels. */
function copyPart(tile: Uint8Array, part: Rect, labels: Uint8Array, maskRect: Rect): void {
  for (let y = part.y; y < part.y + part.height; y++) {
    const start = (y % MASK_TILE_PX) * MASK_TILE_PX + (part.x % MASK_TILE_PX);
    labels.set(tile.subarray(start, start + part.width), (y - maskRect.y) * maskRect.width + part.x - maskRect.x);
  }
}
