/**
 * Draws any rectangle of a drawn slide with its truth. A pixel depends on its place, the recipe and the pitch alone, so
 * neighbouring tiles fit and a region drawn twice is the same. Pure arithmetic: no clock, no chance beyond the seed.
 */
import { HistoloopError } from '../../errors.ts';
import type { Rect } from '../../geometry.ts';
import { BACKGROUND, NOTHING } from '../../label.ts';
import { resample } from '../../resample.ts';
import type { RgbImage } from '../../slide.ts';
import type { Canvas } from './canvas.ts';
import { CELL_KINDS } from './cell-kinds.ts';
import { CELL_REACH_UM, drawCells } from './cells.ts';
import { sampleFields } from './field-lattice.ts';
import { paintGround } from './ground.ts';
import { LOW_POWER_UM } from './low-power.ts';
import { pixelHash } from './noise.ts';
import type { DrawnRecipe } from './recipe.ts';
import { makeTissueMap, type TissueMap } from './tissue-map.ts';

const MAX_PIXELS = 1 << 24;
const NOISE_LEVELS = 3.2;

export interface DrawnRegion {
  readonly image: RgbImage;
  /** Row-major, one byte a pixel: 0 outside the slide, 1 Background, 2 Nucleus. */
  readonly truth: Uint8Array;
}

let lastMap: TissueMap | null = null;
/** Kept between drawings: a tile's light is 786 kB that need not be collected. */
let lightBuffer = new Float32Array(0);

function mapOf(recipe: DrawnRecipe): TissueMap {
  const same =
    lastMap !== null &&
    (['seed', 'widthPx', 'heightPx', 'pixelSizeUm'] as const).every((key) => lastMap?.recipe[key] === recipe[key]);
  if (!same || lastMap === null) lastMap = makeTissueMap(recipe);
  return lastMap;
}

/**
 * The level-0 rectangle `slideRect` as `width`×`height` pixels, white and 0 outside the slide. Drawn at the nearest finer
 * power of two and averaged from there. Errors: `bad-input`.
 */
export function drawRegion(recipe: DrawnRecipe, slideRect: Rect, width: number, height: number): DrawnRegion {
  const scale = Math.min(slideRect.width / width, slideRect.height / height);
  const sound = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0 && scale > 0;
  if (!sound || width * height > MAX_PIXELS || !Number.isFinite(slideRect.x + slideRect.y + scale)) {
    const message = `a region of ${slideRect.width} × ${slideRect.height} pixels cannot be drawn as ${width} × ${height}: ask for at most ${MAX_PIXELS} pixels`;
    throw new HistoloopError('bad-input', message);
  }
  const pitchPx = Math.max(1, 2 ** Math.floor(Math.log2(scale * 1.0001)));
  const x0 = Math.floor(slideRect.x / pitchPx);
  const y0 = Math.floor(slideRect.y / pitchPx);
  const x1 = Math.ceil((slideRect.x + slideRect.width) / pitchPx);
  const y1 = Math.ceil((slideRect.y + slideRect.height) / pitchPx);
  const drawn = drawPixels(recipe, pitchPx, { x: x0, y: y0, width: x1 - x0, height: y1 - y0 });
  const isAligned =
    x1 - x0 === width && y1 - y0 === height && slideRect.x === x0 * pitchPx && slideRect.y === y0 * pitchPx;
  if (isAligned && slideRect.width === width * pitchPx && slideRect.height === height * pitchPx) return drawn;
  const within = {
    x: slideRect.x / pitchPx - x0,
    y: slideRect.y / pitchPx - y0,
    width: slideRect.width / pitchPx,
    height: slideRect.height / pitchPx,
  };
  return { image: resample(drawn.image, within, width, height), truth: nearest(drawn, within, width, height) };
}

/** The truth alone; as `drawRegion`. */
export function truthRegion(recipe: DrawnRecipe, slideRect: Rect, width: number, height: number): Uint8Array {
  return drawRegion(recipe, slideRect, width, height).truth;
}

function nearest(drawn: DrawnRegion, within: Rect, width: number, height: number): Uint8Array {
  const truth = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const fromY = Math.floor(within.y + ((y + 0.5) * within.height) / height);
    for (let x = 0; x < width; x++) {
      const fromX = Math.floor(within.x + ((x + 0.5) * within.width) / width);
      truth[y * width + x] = drawn.truth[fromY * drawn.image.width + fromX]!;
    }
  }
  return truth;
}

/** Pixels of the grid of one pitch. */
function drawPixels(recipe: DrawnRecipe, pitchPx: number, grid: Rect): DrawnRegion {
  const map = mapOf(recipe);
  const pitchUm = pitchPx * recipe.pixelSizeUm;
  const reach = CELL_REACH_UM + 8;
  const area = {
    x0: grid.x * pitchUm - reach,
    y0: grid.y * pitchUm - reach,
    x1: (grid.x + grid.width) * pitchUm + reach,
    y1: (grid.y + grid.height) * pitchUm + reach,
  };
  const values = grid.width * grid.height * 3;
  if (lightBuffer.length < values) lightBuffer = new Float32Array(values);
  const canvas: Canvas = {
    map,
    lattice: sampleFields(map, area, pitchPx),
    ...grid,
    pitchPx,
    pitchUm,
    light: lightBuffer.subarray(0, values),
    truth: new Uint8Array(grid.width * grid.height).fill(BACKGROUND),
  };
  paintGround(canvas);
  if (pitchUm < LOW_POWER_UM) drawCells(canvas, CELL_KINDS);
  return finish(canvas);
}

/** Camera noise and rounding; what lies beyond the slide is white and unlabelled. */
function finish(canvas: Canvas): DrawnRegion {
  const { width, height, light, truth, pitchPx, map } = canvas;
  const { recipe } = map;
  const data = new Uint8Array(width * height * 3);
  const noise = NOISE_LEVELS / pitchPx / 128;
  const lastX = Math.ceil(recipe.widthPx / pitchPx);
  const lastY = Math.ceil(recipe.heightPx / pitchPx);
  for (let row = 0; row < height; row++) {
    const y = canvas.y + row;
    for (let column = 0; column < width; column++) {
      const x = canvas.x + column;
      const pixel = row * width + column;
      const at = pixel * 3;
      if (x < 0 || y < 0 || x >= lastX || y >= lastY) {
        data.fill(255, at, at + 3);
        truth[pixel] = NOTHING;
        continue;
      }
      const h = pixelHash(recipe.seed + pitchPx, x, y);
      data[at] = clampByte(light[at]! + ((h & 255) - 128) * noise);
      data[at + 1] = clampByte(light[at + 1]! + (((h >> 8) & 255) - 128) * noise);
      data[at + 2] = clampByte(light[at + 2]! + (((h >> 16) & 255) - 128) * noise);
    }
  }
  return { image: { width, height, data }, truth };
}

function clampByte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : value + 0.5;
}
