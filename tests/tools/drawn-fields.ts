/** Fields of a drawn slide (core/learn/synthesise) with their known truth, at the pixel size of the built-in model. */
import type { TrainingBlock } from '../../src/core/learn/blocks.ts';
import { drawRegion } from '../../src/core/learn/synthesise/draw-region.ts';
import type { DrawnRecipe } from '../../src/core/learn/synthesise/recipe.ts';
import { createRandom } from '../../src/core/random.ts';
import { NUCLEUS_LABEL } from './nuinsseg.ts';

const FIELD_PX = 256;
const FIELD_UM_PER_PX = 0.5;

/** `count` fields of tissue (at least 3 % nuclei) from a slide of that seed, at places of that seed. */
export function drawFields(count: number, seed: number): TrainingBlock[] {
  const recipe: DrawnRecipe = {
    kind: 'histoloop-drawn',
    version: 1,
    seed,
    widthPx: 16384,
    heightPx: 16384,
    pixelSizeUm: 0.25,
  };
  const edge = (FIELD_PX * FIELD_UM_PER_PX) / recipe.pixelSizeUm;
  const random = createRandom(seed);
  const fields: TrainingBlock[] = [];
  while (fields.length < count) {
    const [x, y] = [random.int(recipe.widthPx - edge), random.int(recipe.heightPx - edge)];
    const { image, truth } = drawRegion(recipe, { x, y, width: edge, height: edge }, FIELD_PX, FIELD_PX);
    const nuclei = truth.reduce((sum, label) => sum + (label === NUCLEUS_LABEL ? 1 : 0), 0);
    if (nuclei < 0.03 * truth.length) continue;
    fields.push({ key: `drawn ${seed}/${x},${y}`, image, human: truth, predicted: null });
  }
  return fields;
}
