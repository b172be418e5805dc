/**
 * Chance changes that leave tissue tissue: which way up it lies, how big it is, how strongly it was stained.
 * Every draw comes from the caller's seeded `Random`. Image and labels always move together.
 */
import type { Random } from '../random.ts';
import { byteOfDensity, OPTICAL_DENSITY } from '../stain.ts';

/** How far chance may go. */
export interface Augmentation {
  /** Flips and quarter turns. */
  readonly turns: boolean;
  /** Source pixels per patch pixel, drawn evenly in the logarithm; [1, 1] for none. */
  readonly scale: readonly [number, number];
  /** Standard deviation of the logarithm of the optical density's factor, for all channels and for each. */
  readonly stain: number;
  readonly stainPerChannel: number;
  /** Optical density added before that, drawn evenly; below 0 is a brighter lamp. */
  readonly light: readonly [number, number];
}

/** For fine-tuning: enough that a few blocks are not learnt by heart, less than between laboratories. */
export const MODERATE: Augmentation = {
  turns: true,
  scale: [0.8, 1.25],
  stain: 0.2,
  stainPerChannel: 0.06,
  light: [-0.06, 0.04],
};

/**
 * For training from scratch: other scanners, stains and magnifications must not surprise the model. Light: NuInsSeg's
 * glass lies at a density of 0.23 (bytes around 150), an ordinary scanner's near 0.
 */
export const STRONG: Augmentation = {
  turns: true,
  scale: [0.7, 1.4],
  stain: 0.25,
  stainPerChannel: 0.1,
  light: [-0.28, 0.08],
};

/** Which source pixel a patch pixel comes from: centre, step to the right and step down, in source pixels. */
export interface Placement {
  readonly centreX: number;
  readonly centreY: number;
  /** (x, y) of one patch pixel to the right; one down is (−y, x), mirrored where `mirrored`. */
  readonly right: readonly [number, number];
  readonly down: readonly [number, number];
}

/** A chance placement of a patch around a source pixel. */
export function drawPlacement(random: Random, augmentation: Augmentation, centreX: number, centreY: number): Placement {
  const [least, most] = augmentation.scale;
  const step = least === most ? least : least * (most / least) ** random.next();
  const turn = augmentation.turns ? random.int(4) : 0;
  const mirror = augmentation.turns && random.int(2) === 1 ? -1 : 1;
  const [cosine, sine] = [
    [1, 0],
    [0, 1],
    [-1, 0],
    [0, -1],
  ][turn] as [number, number];
  return {
    centreX,
    centreY,
    right: [step * cosine * mirror, step * sine * mirror],
    down: [-step * sine, step * cosine],
  };
}

/** Byte → byte tables for R, G, B that light and stain a picture more or less strongly. */
export function drawStain(random: Random, augmentation: Augmentation): readonly Uint8Array[] {
  const common = random.normal() * augmentation.stain;
  const [least, most] = augmentation.light;
  const light = least + (most - least) * random.next();
  return [0, 1, 2].map(() => {
    const factor = Math.exp(Math.max(-1, Math.min(1, common + random.normal() * augmentation.stainPerChannel)));
    return Uint8Array.from(OPTICAL_DENSITY, (density) => byteOfDensity(Math.max(0, density + light) * factor));
  });
}
