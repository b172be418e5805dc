/** What lies between the nuclei: glass, fibres of stroma, cytoplasm, lumens. Fills every pixel of a canvas. */
import type { Canvas } from './canvas.ts';
import { blendRow } from './field-lattice.ts';
import { makeGroundTexture } from './ground-texture.ts';
import { addBodies, BODY_UM, blendCrowd, LOW_POWER_UM } from './low-power.ts';
import { pixelHash, softStep } from './noise.ts';
import { stainColour } from './stain-colour.ts';
import { FIELD, FIELD_COUNT } from './tissue-map.ts';

/** How wide the border of each tissue is, µm. */
const BORDER_UM = { tissue: 3, lumen: 2.5, vessel: 2, epithelium: 3, malignant: 5 };
/** Shares of one pixel. */
export interface Mixture {
  /** Tissue rather than glass or a hole in it. */
  kept: number;
  malignant: number;
  epithelium: number;
}

/** Fills `mixture` from the fields at one place. */
export function mixTissues(fields: Float32Array, at: number, mixture: Mixture): void {
  const tissue = softStep(fields[at + FIELD.tissue]! / BORDER_UM.tissue);
  const lumen = softStep(fields[at + FIELD.lumen]! / BORDER_UM.lumen);
  const vessel = softStep(fields[at + FIELD.vessel]! / BORDER_UM.vessel);
  mixture.kept = tissue * (1 - Math.max(lumen, vessel) * 0.97);
  mixture.malignant = softStep(fields[at + FIELD.malignant]! / BORDER_UM.malignant);
  mixture.epithelium = softStep(fields[at + FIELD.epithelium]! / BORDER_UM.epithelium) * (1 - mixture.malignant);
}

export function paintGround(canvas: Canvas): void {
  const { lattice, width, height, pitchUm } = canvas;
  const blended = new Float32Array(lattice.columns * FIELD_COUNT);
  const places = Float64Array.from(
    { length: width },
    (_, i) => ((canvas.x + i + 0.5) * pitchUm) / lattice.stepUm - lattice.column0,
  );
  const paint = makeRunPainter(canvas, places);
  const run: Run = { from: 0, to: 0, node: 0, row: 0, yUm: 0 };
  for (run.row = 0; run.row < height; run.row++) {
    run.yUm = (canvas.y + run.row + 0.5) * pitchUm;
    blendRow(lattice, run.yUm, blended);
    for (run.from = 0; run.from < width; run.from = run.to) {
      run.node = Math.floor(places[run.from]!);
      run.to = run.from + 1;
      while (run.to < width && places[run.to]! < run.node + 1) run.to++;
      paint(blended, run);
    }
  }
}

/** Pixels from…to of one row, all between the lattice columns `node` and `node + 1`. */
interface Run {
  from: number;
  to: number;
  node: number;
  row: number;
  yUm: number;
}

/** Paints the pixels between two lattice nodes; fields are straight lines there, so a run of one tissue is seen at its ends. */
function makeRunPainter(canvas: Canvas, places: Float64Array) {
  const { light, width } = canvas;
  const texture = makeGroundTexture(canvas.map.table, canvas.pitchUm);
  const isLowPower = canvas.pitchUm >= LOW_POWER_UM;
  const lastField = isLowPower ? FIELD.inflammation : FIELD.cloudy;
  const fields = new Float32Array(FIELD_COUNT);
  const mixture: Mixture = { kept: 0, malignant: 0, epithelium: 0 };
  const dye = { haematoxylin: 0, eosin: 0 };
  return (blended: Float32Array, run: Run): void => {
    const at = run.node * FIELD_COUNT;
    const isPure = !isLowPower && isOneTissue(blended, at);
    if (isPure) mixTissues(blended, at, mixture);
    const first = isPure ? FIELD.across : 0;
    for (let column = run.from; column < run.to; column++) {
      const to = (run.row * width + column) * 3;
      if (isPure && mixture.kept === 0) {
        stainColour(0, 0, light, to);
        continue;
      }
      const share = places[column]! - run.node;
      for (let f = first; f <= lastField; f++) {
        const a = blended[at + f]!;
        fields[f] = a + (blended[at + FIELD_COUNT + f]! - a) * share;
      }
      if (!isPure) mixTissues(fields, 0, mixture);
      texture(fields, (canvas.x + column + 0.5) * canvas.pitchUm, run.yUm, mixture, dye);
      if (canvas.pitchUm >= BODY_UM) addBodies(fields, mixture, dye);
      stainColour(dye.haematoxylin, dye.eosin, light, to);
      if (isLowPower) blendCrowd(fields, mixture, light, { at: to, mottle: mottleAt(canvas, column, run) });
    }
  };
}

function mottleAt(canvas: Canvas, column: number, run: Run): number {
  return pixelHash(canvas.map.recipe.seed + 5, canvas.x + column, canvas.y + run.row) / 2147483648;
}

function isOneTissue(blended: Float32Array, at: number): boolean {
  return (
    isBeyond(blended, at + FIELD.tissue, BORDER_UM.tissue / 2) &&
    isBeyond(blended, at + FIELD.lumen, BORDER_UM.lumen / 2) &&
    isBeyond(blended, at + FIELD.vessel, BORDER_UM.vessel / 2) &&
    isBeyond(blended, at + FIELD.epithelium, BORDER_UM.epithelium / 2) &&
    isBeyond(blended, at + FIELD.malignant, BORDER_UM.malignant / 2)
  );
}

function isBeyond(blended: Float32Array, at: number, margin: number): boolean {
  const a = blended[at]!;
  const b = blended[at + FIELD_COUNT]!;
  return (a > margin && b > margin) || (a < -margin && b < -margin);
}
