/** A model that is not imported yet, on a piece of an open slide: the picture, and the picture with the answer drawn over it. */
import type { ModelTrial } from '../../core/contract.ts';
import { greatestChannels, probabilitiesOf } from '../../core/learn/probabilities.ts';
import { imagesToTensor } from '../../core/learn/tensors.ts';
import type { RgbImage } from '../../core/slide.ts';
import { encodeRgbPng } from '../dataset/png.ts';
import { colorsFor } from '../model-classes.ts';
import type { ProjectModel } from '../model-examination.ts';
import { type Parts, scaleFor } from './parts.ts';

/** Large enough to know tissue by, small enough to wait for. */
const SIZE_PX = 384;
/** How much of a class's colour lies over the tissue; its border is drawn whole. */
const VEIL = 0.4;
const NEARLY_ALL = 0.995;

export interface TrialPlace {
  readonly slideId: string;
  /** Level-0 pixels, the middle of the piece. */
  readonly x: number;
  readonly y: number;
}

/** Errors: `model-unusable`, `model-output-invalid`, `bad-input` (pixel sizes too far apart), and those of the slide. */
export async function tryModel(parts: Parts, { bytes, card }: ProjectModel, place: TrialPlace): Promise<ModelTrial> {
  const entry = await parts.shelf.open(place.slideId);
  const sizePx = card.fixedSizePx ?? Math.ceil(SIZE_PX / card.sizeMultiple) * card.sizeMultiple;
  const edge = (sizePx * entry.row.maskDownsample) / scaleFor(card, entry);
  const rect = { x: place.x - edge / 2, y: place.y - edge / 2, width: edge, height: edge };
  const picture = await entry.slide.region(rect, sizePx, sizePx);
  const outputs = await parts.engine.tryOut(bytes, { [card.input]: imagesToTensor([picture], card.normalisation) });
  const shape = [1, card.classes.length, sizePx, sizePx];
  const labels = greatestChannels(probabilitiesOf(outputs[card.output], card, shape), card.classes.length);
  const colors = colorsFor((await parts.store.project()).classes, card.classes);
  const classes = card.classes.map((name, k) => ({ name, color: colors[k]!, share: shareOf(labels, k) }));
  return {
    sizePx,
    picture: await addressOf(picture),
    prediction: await addressOf(drawOver(picture, labels, colors)),
    classes,
    doubt: doubtOf(classes),
  };
}

function shareOf(labels: Uint8Array, k: number): number {
  return labels.reduce((count, label) => (label === k ? count + 1 : count), 0) / labels.length;
}

function doubtOf(classes: ModelTrial['classes']): string | null {
  const all = classes.find(({ share }) => share > NEARLY_ALL);
  if (!all) return null;
  return `nearly everything is “${all.name}”: try other input values, or a place where you expect something else`;
}

function drawOver({ width, height, data }: RgbImage, labels: Uint8Array, colors: readonly string[]): RgbImage {
  const drawn = data.slice();
  const rgb = colors.map((color) => [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16)));
  for (let pixel = 0; pixel < labels.length; pixel++) {
    const label = labels[pixel]!;
    if (label === 0) continue;
    const x = pixel % width;
    const inside =
      (x === 0 || labels[pixel - 1] === label) &&
      (x === width - 1 || labels[pixel + 1] === label) &&
      (pixel < width || labels[pixel - width] === label) &&
      (pixel >= width * (height - 1) || labels[pixel + width] === label);
    const veil = inside ? VEIL : 1;
    for (let c = 0; c < 3; c++) drawn[3 * pixel + c] = data[3 * pixel + c]! * (1 - veil) + rgb[label]![c]! * veil;
  }
  return { width, height, data: drawn };
}

async function addressOf(image: RgbImage): Promise<string> {
  return `data:image/png;base64,${Buffer.from(await encodeRgbPng(image)).toString('base64')}`;
}
