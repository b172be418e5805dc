/** What a drawn slide is made from: a few numbers. The same recipe is the same slide, pixel for pixel, on every machine. */
import { HistoloopError } from '../../errors.ts';

export interface DrawnRecipe {
  readonly kind: 'histoloop-drawn';
  /** The drawing rules; a change that moves any pixel is a new number. */
  readonly version: 1;
  readonly seed: number;
  readonly widthPx: number;
  readonly heightPx: number;
  /** Micrometres per level-0 pixel. */
  readonly pixelSizeUm: number;
}

const MAX_SIDE_PX = 1 << 20;

/** Checks a stranger's recipe. Errors: `slide-damaged` with the field that is wrong. */
export function checkRecipe(value: unknown): DrawnRecipe {
  const recipe = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const wrong = (field: string, wanted: string): never => {
    const message = `the slide recipe has ${field} = ${JSON.stringify(recipe[field]) ?? 'nothing'}, but needs ${wanted}`;
    throw new HistoloopError('slide-damaged', message, { data: { field } });
  };
  const whole = (field: string, min: number, max: number): number => {
    const number = recipe[field];
    const sound = typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max;
    return sound ? number : wrong(field, `a whole number from ${min} to ${max}`);
  };
  if (recipe.kind !== 'histoloop-drawn') wrong('kind', '"histoloop-drawn"');
  if (recipe.version !== 1) wrong('version', '1 (a newer recipe needs a newer Histoloop)');
  const um = recipe.pixelSizeUm;
  return {
    kind: 'histoloop-drawn',
    version: 1,
    seed: whole('seed', 0, 0xffffffff),
    widthPx: whole('widthPx', 64, MAX_SIDE_PX),
    heightPx: whole('heightPx', 64, MAX_SIDE_PX),
    pixelSizeUm: typeof um === 'number' && um >= 0.1 && um <= 4 ? um : wrong('pixelSizeUm', 'a number from 0.1 to 4'),
  };
}
