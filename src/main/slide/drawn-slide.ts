/**
 * A slide that is drawn on demand from a recipe of a few numbers (`*.histoslide.json`). It knows the truth of every pixel,
 * because it drew it. Drawing itself is `core/learn/synthesise`, run by `draw-pool.ts`.
 */
import type { CancelSignal } from '../../core/cancel.ts';
import type { Rect } from '../../core/geometry.ts';
import type { DrawnRecipe } from '../../core/learn/synthesise/recipe.ts';
import type { RgbImage, Slide, SlideInfo, SlideLevel } from '../../core/slide.ts';
import { checkRegion } from './cut-region.ts';
import { createDrawPool, type DrawPool } from './draw-pool.ts';
import { tileSize, withMadeLevels } from './slide-levels.ts';
import { TiledSlide, type TileReader } from './tiled-slide.ts';

const TILE_PX = 256;

export interface DrawnSlide extends Slide {
  readonly drawn: true;
  /**
   * True labels of a level-0 rectangle at `width`×`height`, row-major: 0 outside the slide, 1 Background, 2 Nucleus
   * (core/label). Errors: `bad-input`, `cancelled`.
   */
  truth(slideRect: Rect, width: number, height: number, signal?: CancelSignal): Promise<Uint8Array>;
}

export function openDrawnSlide(recipe: DrawnRecipe): DrawnSlide {
  const pool = createDrawPool();
  return new RecipeSlide(recipe, pool);
}

class RecipeSlide extends TiledSlide implements DrawnSlide {
  readonly drawn = true;
  readonly #recipe: DrawnRecipe;
  readonly #pool: DrawPool;

  constructor(recipe: DrawnRecipe, pool: DrawPool) {
    super(drawnReader(recipe, pool));
    this.#recipe = recipe;
    this.#pool = pool;
  }

  async truth(slideRect: Rect, width: number, height: number, signal?: CancelSignal): Promise<Uint8Array> {
    checkRegion({ slideRect, width, height });
    return await this.#pool.draw({ recipe: this.#recipe, slideRect, width, height, want: 'truth' }, signal);
  }
}

function drawnReader(recipe: DrawnRecipe, pool: DrawPool): TileReader {
  const info = drawnInfo(recipe);
  const jobFor = (level: number, column: number, row: number) => {
    const at = info.levels[level]!;
    const { width, height } = tileSize(at, column, row);
    const edge = TILE_PX * at.downsample;
    const slideRect = { x: column * edge, y: row * edge, width: width * at.downsample, height: height * at.downsample };
    return { recipe, slideRect, width, height };
  };
  return {
    info,
    async stored(level, column, row, signal) {
      const bytes = await pool.draw({ ...jobFor(level, column, row), want: 'jpeg' }, signal);
      return { bytes, mime: 'image/jpeg', passthrough: false };
    },
    async pixels(level, column, row, signal): Promise<RgbImage> {
      const job = jobFor(level, column, row);
      const data = await pool.draw({ ...job, want: 'rgb' }, signal);
      return { width: job.width, height: job.height, data };
    },
    close: () => pool.close(),
  };
}

/** Every level is drawn, so all the levels a viewer needs count as stored. */
function drawnInfo(recipe: DrawnRecipe): SlideInfo {
  const { widthPx, heightPx, pixelSizeUm } = recipe;
  const size = { widthPx, heightPx, tileWidthPx: TILE_PX, tileHeightPx: TILE_PX };
  const finest: SlideLevel = { index: 0, ...size, downsample: 1 };
  return {
    format: 'drawn slide',
    vendor: null,
    widthPx,
    heightPx,
    pixelSize: { xUm: pixelSizeUm, yUm: pixelSizeUm, source: 'file', warning: null },
    magnification: null,
    levels: withMadeLevels([finest]),
    associated: [],
    warnings: [],
  };
}
