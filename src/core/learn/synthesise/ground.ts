/** What lies between the nuclei: glass, fibres of stroma, cytoplasm, lumens. Fills every pixel of a canvas. */
import type { Canvas } from './canvas.ts';
import { blendRow } from './field-lattice.ts';
import { makeGroundTexture } from './ground-texture.ts';
import { softStep } from './noise.ts';
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
  const { lattice, width, height, pitchUm, light } = canvas;
  const blended = new Float32Array(lattice.columns * FIELD_COUNT);
  const places = Float64Array.from(
    { length: width },
    (_, i) => ((canvas.x + i + 0.5) * pitchUm) / lattice.stepUm - lattice.column0,
  );
  const paint = makeRunPainter(canvas, places);
  for (let row = 0; row < height; row++) {
    const yUm = (canvas.y + row + 0.5) * pitchUm;
    blendRow(lattice, yUm, blended);
    const rowLight = light.subarray(row * width * 3, (row + 1) * width * 3);
    for (let from = 0; from < width; ) {
      const node = Math.floor(places[from]!);
      let to = from + 1;
      while (to < width && places[to]! < node + 1) to++;
      paint(blended, { from, to, node, yUm, rowLight });
      from = to;
    }
  }
}

interface Run {
  readonly from: number;
  readonly to: number;
  readonly node: number;
  readonly yUm: number;
  readonly rowLight: Float32Array;
}

/** Paints the pixels between two lattice nodes; fields are straight lines there, so a run of one tissue is seen at its ends. */
function makeRunPainter(canvas: Canvas, places: Float64Array) {
  const texture = makeGroundTexture(canvas.map.table, canvas.pitchUm);
  const fields = new Float32Array(FIELD_COUNT);
  const mixture: Mixture = { kept: 0, malignant: 0, epithelium: 0 };
  const dye = { haematoxylin: 0, eosin: 0 };
  return (blended: Float32Array, run: Run): void => {
    const at = run.node * FIELD_COUNT;
    const isPure = isOneTissue(blended, at);
    if (isPure) mixTissues(blended, at, mixture);
    const first = isPure ? FIELD.across : 0;
    for (let column = run.from; column < run.to; column++) {
      const share = places[column]! - run.node;
      if (isPure && mixture.kept === 0) {
        stainColour(0, 0, run.rowLight, column * 3);
        continue;
      }
      for (let f = first; f <= FIELD.clefts; f++) {
        const a = blended[at + f]!;
        fields[f] = a + (blended[at + FIELD_COUNT + f]! - a) * share;
      }
      if (!isPure) mixTissues(fields, 0, mixture);
      texture(fields, (canvas.x + column + 0.5) * canvas.pitchUm, run.yUm, mixture, dye);
      stainColour(dye.haematoxylin, dye.eosin, run.rowLight, column * 3);
    }
  };
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
