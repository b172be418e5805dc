/**
 * How good a model is where a person has spoken, and only there: untouched pixels say nothing about the truth.
 * Counts are pooled over all blocks before dividing, so that small blocks do not weigh more than their pixels.
 */
import { type CancelSignal, throwIfCancelled } from '../cancel.ts';
import { classOf, NOTHING } from '../label.ts';
import type { OpenSession, Session } from '../nn/session.ts';
import type { RgbImage } from '../slide.ts';
import { channelTable, type TrainingBlock } from './blocks.ts';
import type { ModelCard } from './model-card.ts';
import { probabilitiesOf } from './probabilities.ts';
import { imagesToTensor, padToSize } from './tensors.ts';

export interface ClassAgreement {
  /** Label id (core/label). */
  readonly classId: number;
  /** 2TP / (2TP + FP + FN); null where neither the person nor the model has the class. */
  readonly dice: number | null;
  /** Pixels of the class by the person's word. */
  readonly truthPixels: number;
}

export interface Agreement {
  /**
   * Mean Dice of the classes a person drew, background left out; where a person drew nothing but background, the
   * background's.
   */
  readonly dice: number;
  readonly perClass: readonly ClassAgreement[];
  /** Pixels that were compared. */
  readonly pixels: number;
}

export interface EvaluateOptions {
  /** ONNX bytes. */
  readonly model: Uint8Array;
  readonly card: ModelCard;
  readonly classIds: readonly number[];
  readonly blocks: readonly TrainingBlock[];
  readonly open: OpenSession;
  readonly signal?: CancelSignal | undefined;
}

/** Opens the model, predicts every block and compares. Errors: as `predictTiles`. */
export async function evaluateBlocks(options: EvaluateOptions): Promise<Agreement> {
  const session = await options.open(options.model, { purpose: 'inference' });
  try {
    const counts = emptyCounts(options.classIds.length);
    for (const block of options.blocks) {
      throwIfCancelled(options.signal);
      const predicted = await predictImage(session, options.card, block.image);
      countBlock(counts, block.human, predicted, channelTable(options.classIds));
    }
    return summarise(counts, options.classIds);
  } finally {
    await session.close();
  }
}

/** The most probable class (output channel) of every pixel of a small picture, in one run. */
export async function predictImage(session: Session, card: ModelCard, image: RgbImage): Promise<Uint8Array> {
  const padded = (length: number) => card.fixedSizePx ?? Math.ceil(length / card.sizeMultiple) * card.sizeMultiple;
  const [width, height] = [padded(image.width), padded(image.height)];
  const input = imagesToTensor([padToSize(image, width, height)], card.normalisation);
  const outputs = await session.run({ [card.input]: input });
  const probabilities = probabilitiesOf(outputs[card.output], card, [1, card.classes.length, height, width]);
  const best = new Uint8Array(image.width * image.height);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      let greatest = 0;
      for (let c = 0; c < card.classes.length; c++) {
        const p = probabilities[(c * height + y) * width + x]!;
        if (p <= greatest) continue;
        greatest = p;
        best[y * image.width + x] = c;
      }
    }
  }
  return best;
}

/** Pixel counts by output channel. */
export interface ClassCounts {
  readonly both: Float64Array;
  readonly truth: Float64Array;
  readonly predicted: Float64Array;
}

export function emptyCounts(classes: number): ClassCounts {
  return { both: new Float64Array(classes), truth: new Float64Array(classes), predicted: new Float64Array(classes) };
}

/** Adds the pixels a person has spoken about (with a class the model knows). */
export function countBlock(counts: ClassCounts, human: Uint8Array, predicted: Uint8Array, channelOf: Int8Array): void {
  for (let i = 0; i < human.length; i++) {
    if (human[i] === NOTHING) continue;
    const truth = channelOf[classOf(human[i]!)]!;
    if (truth < 0) continue;
    counts.truth[truth]! += 1;
    counts.predicted[predicted[i]!]! += 1;
    if (truth === predicted[i]) counts.both[truth]! += 1;
  }
}

export function summarise(counts: ClassCounts, classIds: readonly number[]): Agreement {
  const perClass = classIds.map((classId, c): ClassAgreement => {
    const sum = counts.truth[c]! + counts.predicted[c]!;
    return { classId, dice: sum === 0 ? null : (2 * counts.both[c]!) / sum, truthPixels: counts.truth[c]! };
  });
  const drawn = perClass.slice(1).filter((entry) => entry.truthPixels > 0);
  const counted = drawn.length > 0 ? drawn : perClass.slice(0, 1);
  const dice = counted.reduce((sum, entry) => sum + (entry.dice ?? 0), 0) / counted.length;
  return { dice, perClass, pixels: counts.truth.reduce((sum, count) => sum + count, 0) };
}
