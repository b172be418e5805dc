/** Cuts any rectangle out of a tiled slide at any size: the nearest finer level's tiles, put together and resampled. */
import { type CancelSignal, throwIfCancelled } from '../../core/cancel.ts';
import { HistoloopError } from '../../core/errors.ts';
import { intersectRect, isEmptyRect, type Rect, rect, tilesOf } from '../../core/geometry.ts';
import { pasteImage, resample, whiteImage } from '../../core/resample.ts';
import type { RgbImage, SlideInfo, SlideLevel } from '../../core/slide.ts';
import { levelForScale } from './slide-levels.ts';

/** Output and source window may hold this many pixels (192 MB of RGB): more must be asked for in parts. */
const MAX_PIXELS = 1 << 26;
const TILES_AT_ONCE = 4;
/** Source pixels around the rectangle that an enlarging kernel looks at. */
const MARGIN_PX = 2;

export interface RegionRequest {
  readonly slideRect: Rect;
  readonly width: number;
  readonly height: number;
}

export interface TilePixelSource {
  readonly info: SlideInfo;
  tilePixels(level: number, column: number, row: number, signal?: CancelSignal): Promise<RgbImage>;
}

/** Errors: `bad-input` (no area, too large), and those of the tiles. */
export async function cutRegion(
  source: TilePixelSource,
  request: RegionRequest,
  signal?: CancelSignal,
): Promise<RgbImage> {
  checkRegion(request);
  const { slideRect, width, height } = request;
  const scale = Math.min(slideRect.width / width, slideRect.height / height);
  const level = levelForScale(source.info.levels, scale);
  const levelRect = toLevel(slideRect, level, source.info);
  const window = wholePixels(levelRect, width, height);
  if (window.width * window.height > MAX_PIXELS) {
    const message = `a region of ${slideRect.width} × ${slideRect.height} pixels needs more memory than is allowed at once: ask for smaller regions`;
    throw new HistoloopError('bad-input', message, { data: { ...slideRect, width, height } });
  }
  const image = whiteImage(window.width, window.height);
  await pasteTiles(source, { level, window, image }, signal);
  if (isSameGrid(window, levelRect, width, height)) return image;
  const within = rect(levelRect.x - window.x, levelRect.y - window.y, levelRect.width, levelRect.height);
  return resample(image, within, width, height);
}

export function checkRegion({ slideRect, width, height }: RegionRequest): void {
  const sound = [slideRect.x, slideRect.y, slideRect.width, slideRect.height].every(Number.isFinite);
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (!sound || isEmptyRect(slideRect) || !whole) {
    const message = `a region needs a rectangle with an area and a whole size, not ${slideRect.width} × ${slideRect.height} as ${width} × ${height} pixels`;
    throw new HistoloopError('bad-input', message);
  }
  if (width * height > MAX_PIXELS) {
    throw new HistoloopError(
      'bad-input',
      `a region of ${width} × ${height} pixels is too large: ask for smaller regions`,
    );
  }
}

function toLevel(slideRect: Rect, level: SlideLevel, info: SlideInfo): Rect {
  const isMade = Number.isInteger(Math.log2(level.downsample));
  const x = isMade ? level.downsample : info.widthPx / level.widthPx;
  const y = isMade ? level.downsample : info.heightPx / level.heightPx;
  return rect(slideRect.x / x, slideRect.y / y, slideRect.width / x, slideRect.height / y);
}

function wholePixels(levelRect: Rect, width: number, height: number): Rect {
  const grows = levelRect.width < width || levelRect.height < height;
  const margin = grows ? MARGIN_PX : 0;
  const x = Math.floor(levelRect.x) - margin;
  const y = Math.floor(levelRect.y) - margin;
  const right = Math.ceil(levelRect.x + levelRect.width) + margin;
  const bottom = Math.ceil(levelRect.y + levelRect.height) + margin;
  return rect(x, y, right - x, bottom - y);
}

function isSameGrid(window: Rect, levelRect: Rect, width: number, height: number): boolean {
  const sameRect = window.x === levelRect.x && window.y === levelRect.y;
  return (
    sameRect &&
    window.width === levelRect.width &&
    window.height === levelRect.height &&
    window.width === width &&
    window.height === height
  );
}

async function pasteTiles(
  source: TilePixelSource,
  job: { level: SlideLevel; window: Rect; image: RgbImage },
  signal: CancelSignal | undefined,
): Promise<void> {
  const { level, window, image } = job;
  const inside = intersectRect(window, rect(0, 0, level.widthPx, level.heightPx));
  if (isEmptyRect(inside)) return;
  const columns = tilesOf(inside, level.tileWidthPx);
  const rows = tilesOf(inside, level.tileHeightPx);
  const wanted: { column: number; row: number }[] = [];
  for (let row = rows.y0; row < rows.y1; row++) {
    for (let column = columns.x0; column < columns.x1; column++) wanted.push({ column, row });
  }
  for (let at = 0; at < wanted.length; at += TILES_AT_ONCE) {
    throwIfCancelled(signal);
    await Promise.all(
      wanted.slice(at, at + TILES_AT_ONCE).map(async ({ column, row }) => {
        const tile = await source.tilePixels(level.index, column, row, signal);
        pasteImage(image, tile, column * level.tileWidthPx - window.x, row * level.tileHeightPx - window.y);
      }),
    );
  }
}
