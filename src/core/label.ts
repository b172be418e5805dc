/**
 * What one byte of a mask means. Every mask pixel is one byte:
 *   0            nothing said
 *   1..127       a class id (1 is always Background), said by the layer's owner: a person, or a model
 *   128 + class  (human layers only) the class was predicted by a model and accepted unchanged by a person
 * So a human layer alone tells for each pixel: untouched, drawn by a person, or accepted.
 */

export const NOTHING = 0;
export const BACKGROUND = 1;
export const MAX_CLASS_ID = 127;
export const ACCEPTED_BIT = 0x80;

/** Edge of a mask tile in mask pixels. A layer's mask pixel is `downsample` level-0 pixels wide. */
export const MASK_TILE_PX = 512;

/** Who is responsible for a pixel of the effective mask. */
export type PixelOrigin = 'none' | 'model' | 'human' | 'accepted';

export function classOf(value: number): number {
  return value & MAX_CLASS_ID;
}

export function originOf(human: number, predicted: number): PixelOrigin {
  if (human !== NOTHING) return human & ACCEPTED_BIT ? 'accepted' : 'human';
  return predicted === NOTHING ? 'none' : 'model';
}

/** The class a viewer sees: a person's word first, else the model's; 0 where neither has spoken. */
export function effectiveClass(human: number, predicted: number): number {
  return human !== NOTHING ? classOf(human) : predicted;
}

export interface LabelClass {
  /** 1..127; 1 is Background. */
  readonly id: number;
  readonly name: string;
  /** `#rrggbb` */
  readonly color: string;
}

/** What a new project starts with; the built-in model knows exactly these. */
export const DEFAULT_CLASSES: readonly LabelClass[] = [
  { id: BACKGROUND, name: 'Background', color: '#5b6472' },
  { id: 2, name: 'Nucleus', color: '#2ee6a6' },
];
