/**
 * What cells look like when a pixel is wider than they are: no outlines, only how much of the light they take. The shares
 * are those of `cell-kinds.ts`, so a low-power view has the mean colour of the fine drawing.
 */
import type { Mixture } from './ground.ts';
import { softStep } from './noise.ts';
import { redCellColour, stainColour } from './stain-colour.ts';
import { FIELD } from './tissue-map.ts';

/** From this pixel width (µm) on, cells are painted as a crowd. */
export const LOW_POWER_UM = 6;

/** Share of the area that nuclei cover, and how much haematoxylin they hold on average. */
const CROWD = {
  stroma: { share: 0.06, haematoxylin: 0.53 },
  lymphocytes: { share: 0.4, haematoxylin: 0.71 },
  epithelium: { share: 0.3, haematoxylin: 0.345 },
  malignant: { share: 0.46, haematoxylin: 0.375 },
};
const NUCLEAR_EOSIN = 0.1;
const RED_CELLS = { share: 0.42, amount: 0.66 };
/** What cell bodies add to the ground between the nuclei. */
const BODY = { epithelium: 0.033, malignant: 0.026, haematoxylin: 0.25 };
/** From this pixel width on, bodies are painted with the ground. */
export const BODY_UM = 2.1;

const colour = new Float32Array(3);

/** Adds the bodies' dye to the ground before it is coloured. */
export function addBodies(fields: Float32Array, mixture: Mixture, dye: { haematoxylin: number; eosin: number }): void {
  const amount = (mixture.epithelium * BODY.epithelium + mixture.malignant * BODY.malignant) * mixture.kept;
  dye.eosin += amount * fields[FIELD.eosin]!;
  dye.haematoxylin += amount * BODY.haematoxylin * fields[FIELD.haematoxylin]!;
}

/** Lays the crowd over one pixel's light. `mottle` in [−1, 1] is how much more or less crowded this pixel is. */
export function blendCrowd(
  fields: Float32Array,
  mixture: Mixture,
  light: Float32Array,
  place: { at: number; mottle: number },
): void {
  const { at, mottle } = place;
  const stroma = 1 - mixture.malignant - mixture.epithelium;
  const inflamed = Math.min(0.75, 0.012 + Math.max(0, fields[FIELD.inflammation]!) * 3.2);
  const lymphocytes = stroma * (1 - Math.exp(-inflamed * CROWD.lymphocytes.share));
  const fibroblasts = stroma * CROWD.stroma.share;
  const epithelium = mixture.epithelium * CROWD.epithelium.share;
  const malignant = mixture.malignant * CROWD.malignant.share;
  const share = lymphocytes + fibroblasts + epithelium + malignant;
  const dye =
    (lymphocytes * CROWD.lymphocytes.haematoxylin +
      fibroblasts * CROWD.stroma.haematoxylin +
      epithelium * CROWD.epithelium.haematoxylin +
      malignant * CROWD.malignant.haematoxylin) /
    share;
  stainColour(dye * fields[FIELD.haematoxylin]!, NUCLEAR_EOSIN * fields[FIELD.eosin]!, colour, 0);
  blend(light, at, Math.min(1, share * mixture.kept * (1 + 0.35 * mottle)));
  const vessel = softStep((fields[FIELD.vessel]! - 2.4) / 2) * softStep(fields[FIELD.tissue]! / 3);
  if (vessel === 0) return;
  redCellColour(RED_CELLS.amount * fields[FIELD.eosin]!, colour, 0);
  blend(light, at, vessel * RED_CELLS.share);
}

function blend(light: Float32Array, at: number, share: number): void {
  for (let c = 0; c < 3; c++) light[at + c] = light[at + c]! + (colour[c]! - light[at + c]!) * share;
}
