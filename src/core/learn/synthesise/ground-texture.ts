/** The texture of ground tissue as amounts of dye: wavy fibres in stroma, fine grain in cytoplasm. */
import type { Mixture } from './ground.ts';
import { type NoiseTable, noiseAt, softStep } from './noise.ts';
import { FIELD } from './tissue-map.ts';

/** Amounts of haematoxylin and eosin at one place. */
export interface Dye {
  haematoxylin: number;
  eosin: number;
}

export type GroundTexture = (fields: Float32Array, xUm: number, yUm: number, mixture: Mixture, dye: Dye) => void;

/** Texture finer than a drawn pixel fades out, so that a coarse drawing has the mean of a fine one. */
function keep(featureUm: number, pitchUm: number): number {
  return Math.min(1, Math.max(0, (1.4 * featureUm - pitchUm * 0.7) / featureUm));
}

export function makeGroundTexture(table: NoiseTable, pitchUm: number): GroundTexture {
  const stroma = makeStroma(table, pitchUm);
  const grainKeep = keep(2.4, pitchUm);
  return (fields, x, y, mixture, dye) => {
    dye.haematoxylin = 0;
    dye.eosin = 0;
    const { malignant, epithelium } = mixture;
    const rest = 1 - malignant - epithelium;
    if (rest > 0.004) stroma(fields, x, y, dye);
    if (rest < 0.996) {
      const grain = grainKeep > 0 ? (noiseAt(table, (x + y) / 2.1 + 41.7, (x - y) / 2.1 + 3.1) - 0.5) * grainKeep : 0;
      const cloudy = fields[FIELD.cloudy]!;
      const eosin = 0.15 * (1 + grain * 0.35 + cloudy * 0.35);
      const haematoxylin = (epithelium * 0.07 + malignant * 0.11) * (1 + grain * 0.4 + cloudy * 1.1);
      dye.eosin = dye.eosin * rest + (epithelium * 1.05 + malignant * 0.95) * eosin;
      dye.haematoxylin = dye.haematoxylin * rest + haematoxylin;
    }
    dye.eosin *= mixture.kept * fields[FIELD.eosin]!;
    dye.haematoxylin *= mixture.kept * fields[FIELD.haematoxylin]!;
  };
}

/** Wavy collagen: noise drawn out along the fibres, with a fine sinusoid riding on it, and gaps between bundles. */
function makeStroma(table: NoiseTable, pitchUm: number) {
  const fibreKeep = keep(3, pitchUm);
  const bundleKeep = keep(9, pitchUm);
  return (fields: Float32Array, x: number, y: number, dye: Dye): void => {
    const across = y + fields[FIELD.across]!;
    const along = x + fields[FIELD.along]!;
    const bundle = noiseAt(table, along / 80, across / 8.5 + 19.3) - 0.5;
    const fibre = fibreKeep > 0 ? noiseAt(table, along / 24 + 91.1, across / 2.3) - 0.5 : 0;
    const ripple = fibreKeep > 0 ? Math.sin(across * 1.7 + bundle * 7) * 0.16 : 0;
    const density = 1 + bundle * 0.85 * bundleKeep + (fibre * 0.75 + ripple) * fibreKeep;
    const cleft = softStep((fields[FIELD.clefts]! * 0.35 - 0.42 - bundle) * 8) * bundleKeep;
    dye.eosin = 0.22 * Math.max(0.15, density) * (1 - 0.82 * cleft);
    // Bluish ground (mucin, old elastic fibres): stained like a pale nucleus, but none.
    const bluish = softStep(fields[FIELD.bluish]! * 4.5) * (1 + fibre * 0.9 + bundle * 0.9);
    dye.haematoxylin = (0.036 + 0.17 * bluish) * (1 - 0.8 * cleft) + 0.02 * Math.max(0, fibre) * fibreKeep;
  };
}
