/** A small slide drawn from a seed for the window's tests: pink tissue, purple nuclei, and a prediction that errs here and there. */
import { BACKGROUND, MASK_TILE_PX } from '../../src/core/label.ts';
import { hash32 } from '../../src/core/random.ts';
import type { SlideInfo, SlideLevel } from '../../src/core/slide.ts';

const CELL_PX = 44;
const TILE_PX = 256;
export const NUCLEUS = 2;

export interface Nucleus {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly predicted: boolean;
}

/** Levels halve until one fits a tile. */
export function drawnSlideInfo(widthPx: number, heightPx: number): SlideInfo {
  const levels: SlideLevel[] = [];
  for (let downsample = 1; ; downsample *= 2) {
    const size = { widthPx: Math.ceil(widthPx / downsample), heightPx: Math.ceil(heightPx / downsample) };
    levels.push({ index: levels.length, ...size, tileWidthPx: TILE_PX, tileHeightPx: TILE_PX, downsample });
    if (Math.max(size.widthPx, size.heightPx) <= TILE_PX) break;
  }
  return {
    format: 'drawn',
    vendor: null,
    widthPx,
    heightPx,
    pixelSize: { xUm: 0.5, yUm: 0.5, source: 'file', warning: null },
    magnification: 20,
    levels,
    associated: [],
    warnings: [],
  };
}

/** The nucleus of a cell of the grid, or null. */
function nucleusAt(column: number, row: number): Nucleus | null {
  const chance = hash32(column, row, 1) % 100;
  if (chance > 78) return null;
  const jitter = (salt: number) => ((hash32(column, row, salt) % 1000) / 1000 - 0.5) * 0.6;
  return {
    x: (column + 0.5 + jitter(2)) * CELL_PX,
    y: (row + 0.5 + jitter(3)) * CELL_PX,
    radius: 8 + (hash32(column, row, 4) % 7),
    predicted: hash32(column, row, 5) % 8 !== 0,
  };
}

function* nucleiIn(x: number, y: number, edge: number): Iterable<Nucleus> {
  for (let row = Math.floor(y / CELL_PX) - 1; row <= (y + edge) / CELL_PX + 1; row++) {
    for (let column = Math.floor(x / CELL_PX) - 1; column <= (x + edge) / CELL_PX + 1; column++) {
      const nucleus = column >= 0 && row >= 0 ? nucleusAt(column, row) : null;
      if (nucleus) yield nucleus;
    }
  }
}

const addresses = new Map<string, string>();

/** The address of an encoded picture tile; each is drawn once. */
export function drawnTileUrl(level: SlideLevel, column: number, row: number): string {
  const key = `${level.widthPx} ${level.heightPx} ${level.downsample} ${column} ${row}`;
  let address = addresses.get(key);
  if (address === undefined) {
    const encoded = atob(drawTile(level, column, row).split(',')[1]!);
    address = URL.createObjectURL(
      new Blob([Uint8Array.from(encoded, (char) => char.charCodeAt(0))], { type: 'image/png' }),
    );
    addresses.set(key, address);
  }
  return address;
}

function drawTile(level: SlideLevel, column: number, row: number): string {
  const canvas = document.createElement('canvas');
  canvas.width = Math.min(TILE_PX, level.widthPx - column * TILE_PX);
  canvas.height = Math.min(TILE_PX, level.heightPx - row * TILE_PX);
  const context = canvas.getContext('2d')!;
  context.fillStyle = '#e9b9d3';
  context.fillRect(0, 0, TILE_PX, TILE_PX);
  const left = column * TILE_PX * level.downsample;
  const top = row * TILE_PX * level.downsample;
  context.scale(1 / level.downsample, 1 / level.downsample);
  context.translate(-left, -top);
  for (const { x, y, radius } of nucleiIn(left, top, TILE_PX * level.downsample)) {
    context.fillStyle = '#6a3d8f';
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }
  return canvas.toDataURL('image/png');
}

/** Predicted labels of a mask tile (one mask pixel a level-0 pixel), clipped to the slide: background between nuclei, as models say. */
export function drawnPrediction(info: SlideInfo, column: number, row: number): Uint8Array {
  const labels = new Uint8Array(MASK_TILE_PX * MASK_TILE_PX);
  const left = column * MASK_TILE_PX;
  const top = row * MASK_TILE_PX;
  const width = Math.min(MASK_TILE_PX, info.widthPx - left);
  for (let y = 0; y < Math.min(MASK_TILE_PX, info.heightPx - top); y++)
    labels.fill(BACKGROUND, y * MASK_TILE_PX, y * MASK_TILE_PX + width);
  for (const { x, y, radius, predicted } of nucleiIn(left, top, MASK_TILE_PX)) {
    if (!predicted) continue;
    for (
      let py = Math.max(top, Math.ceil(y - radius));
      py < Math.min(top + MASK_TILE_PX, info.heightPx, y + radius);
      py++
    ) {
      for (
        let px = Math.max(left, Math.ceil(x - radius));
        px < Math.min(left + MASK_TILE_PX, info.widthPx, x + radius);
        px++
      ) {
        if (Math.hypot(px - x, py - y) < radius) labels[(py - top) * MASK_TILE_PX + px - left] = NUCLEUS;
      }
    }
  }
  return labels;
}
