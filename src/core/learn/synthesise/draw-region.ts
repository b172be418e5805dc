/**
 * Draws any rectangle of a drawn slide with its truth. A pixel depends on its place, the recipe and the pitch alone, so
 * neighbouring tiles fit and a region drawn twice is the same. Pure arithmetic: no clock, no chance beyond the seed.
 */
import { HistoloopError } from '../../errors.ts';
import { type Rect, scaleRectOut } from '../../geometry.ts';
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
 * power of two and averaged from there. Truth tells nuclei only where a pixel is under 6 µm wide. Errors: `bad-input`.
 */
export function drawRegion(recipe: DrawnRecipe, slideRect: Rect, width: number, height: number): DrawnRegion {
  const plan = planDrawing(slideRect, width, height);
  const canvas = draw(recipe, plan, true);
  const image = develop(canvas);
  maskOutside(canvas);
  if (plan.within === null) return { image, truth: canvas.truth };
  return { image: resample(image, plan.within, width, height), truth: nearest(canvas, plan.within, width, height) };
}

/** The truth alone, in about a third of the time; as `drawRegion`. */
export function truthRegion(recipe: DrawnRecipe, slideRect: Rect, width: number, height: number): Uint8Array {
  const plan = planDrawing(slideRect, width, height);
  const canvas = draw(recipe, plan, false);
  maskOutside(canvas);
  return plan.within === null ? canvas.truth : nearest(canvas, plan.within, width, height);
}

/** Pixels of one pitch's grid to draw, and the part of them asked for; null where it is all of them, one to one. */
interface Plan {
  readonly pitchPx: number;
  readonly grid: Rect;
  readonly within: Rect | null;
}

function planDrawing(slideRect: Rect, width: number, height: number): Plan {
  const scale = Math.min(slideRect.width / width, slideRect.height / height);
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  const finite = Number.isFinite(slideRect.x + slideRect.y + slideRect.width + slideRect.height);
  const pitchPx = Math.max(1, 2 ** Math.floor(Math.log2(scale * 1.0001)));
  const grid = scaleRectOut(slideRect, pitchPx);
  if (!whole || !finite || !(scale > 0) || width * height > MAX_PIXELS || grid.width * grid.height > MAX_PIXELS) {
    const message = `a region of ${slideRect.width} × ${slideRect.height} pixels cannot be drawn as ${width} × ${height}: ask for at most ${MAX_PIXELS} pixels`;
    throw new HistoloopError('bad-input', message);
  }
  const within = {
    x: slideRect.x / pitchPx - grid.x,
    y: slideRect.y / pitchPx - grid.y,
    width: slideRect.width / pitchPx,
    height: slideRect.height / pitchPx,
  };
  const isWhole = within.x === 0 && within.y === 0 && within.width === width && within.height === height;
  return { pitchPx, grid, within: isWhole && grid.width === width && grid.height === height ? null : within };
}

function nearest(canvas: Canvas, within: Rect, width: number, height: number): Uint8Array {
  const truth = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const fromY = Math.floor(within.y + ((y + 0.5) * within.height) / height);
    for (let x = 0; x < width; x++) {
      const fromX = Math.floor(within.x + ((x + 0.5) * within.width) / width);
      truth[y * width + x] = canvas.truth[fromY * canvas.width + fromX]!;
    }
  }
  return truth;
}

function draw(recipe: DrawnRecipe, plan: Plan, wantsLight: boolean): Canvas {
  const { pitchPx, grid } = plan;
  const map = mapOf(recipe);
  const pitchUm = pitchPx * recipe.pixelSizeUm;
  const reach = CELL_REACH_UM + 8;
  const area = {
    x0: grid.x * pitchUm - reach,
    y0: grid.y * pitchUm - reach,
    x1: (grid.x + grid.width) * pitchUm + reach,
    y1: (grid.y + grid.height) * pitchUm + reach,
  };
  const values = wantsLight ? grid.width * grid.height * 3 : 0;
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
  if (wantsLight) paintGround(canvas);
  if (pitchUm < LOW_POWER_UM) drawCells(canvas, CELL_KINDS);
  return canvas;
}

/** Light to bytes, with the camera's noise. */
function develop(canvas: Canvas): RgbImage {
  const { width, height, light, pitchPx, map } = canvas;
  const data = new Uint8Array(width * height * 3);
  const noise = NOISE_LEVELS / pitchPx / 128;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = (row * width + column) * 3;
      if (isOutside(canvas, column, row)) {
        data.fill(255, at, at + 3);
        continue;
      }
      const h = pixelHash(map.recipe.seed + pitchPx, canvas.x + column, canvas.y + row);
      data[at] = clampByte(light[at]! + ((h & 255) - 128) * noise);
      data[at + 1] = clampByte(light[at + 1]! + (((h >> 8) & 255) - 128) * noise);
      data[at + 2] = clampByte(light[at + 2]! + (((h >> 16) & 255) - 128) * noise);
    }
  }
  return { width, height, data };
}

function isOutside(canvas: Canvas, column: number, row: number): boolean {
  const x = (canvas.x + column) * canvas.pitchPx;
  const y = (canvas.y + row) * canvas.pitchPx;
  return x < 0 || y < 0 || x >= canvas.map.recipe.widthPx || y >= canvas.map.recipe.heightPx;
}

/** What lies beyond the slide is neither background nor nucleus. */
function maskOutside(canvas: Canvas): void {
  for (let row = 0; row < canvas.height; row++) {
    for (let column = 0; column < canvas.width; column++) {
      if (isOutside(canvas, column, row)) canvas.truth[row * canvas.width + column] = NOTHING;
    }
  }
}

function clampByte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : value + 0.5;
}
