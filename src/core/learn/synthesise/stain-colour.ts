/** Colour of stained tissue by Beer–Lambert: light falls by ten for every unit of optical density, per channel. */

/** Optical density in R, G, B of one unit of each dye, chosen to look like a common H&E protocol on a bright-field scanner. */
const HAEMATOXYLIN_OD = [0.58, 0.74, 0.34] as const;
const EOSIN_OD = [0.2, 0.84, 0.5] as const;
/** Light through empty glass. */
const GLASS = [243, 242, 245] as const;

/** Densities above this are black anyway. */
const MAX_OD = 3;
const STEPS_PER_OD = 1024;
const FALLOFF = Float32Array.from({ length: MAX_OD * STEPS_PER_OD + 2 }, (_, i) => 10 ** (-i / STEPS_PER_OD));

function light(density: number): number {
  const place = density <= 0 ? 0 : density >= MAX_OD ? MAX_OD * STEPS_PER_OD : density * STEPS_PER_OD;
  return FALLOFF[place | 0]!;
}

/** Writes the colour (0…255, unrounded) of amounts of haematoxylin and eosin to `out[at…at + 3)`. */
export function stainColour(haematoxylin: number, eosin: number, out: Float32Array, at: number): void {
  out[at] = GLASS[0] * light(haematoxylin * HAEMATOXYLIN_OD[0] + eosin * EOSIN_OD[0]);
  out[at + 1] = GLASS[1] * light(haematoxylin * HAEMATOXYLIN_OD[1] + eosin * EOSIN_OD[1]);
  out[at + 2] = GLASS[2] * light(haematoxylin * HAEMATOXYLIN_OD[2] + eosin * EOSIN_OD[2]);
}

/** Red cells hold their own pigment besides eosin: nearly no red light is lost, much green and blue. */
const RED_CELL_OD = [0.09, 0.62, 0.5] as const;

export function redCellColour(amount: number, out: Float32Array, at: number): void {
  for (let c = 0; c < 3; c++) out[at + c] = GLASS[c]! * light(amount * RED_CELL_OD[c]!);
}
