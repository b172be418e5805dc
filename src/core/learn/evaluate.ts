/**
 * How good a model is where a person has spoken, and only there: untouched pixels say nothing about the truth.
 * Counts are pooled over all blocks before dividing, so that small blocks do not weigh more than their pixels.
 */
import { type CancelSignal, throwIfCancelled } from '../cancel.ts';
import { classOf, NOTHING } from '../label.ts';
import { addOverlap, countOverlap, type OverlapCounts, scoreOverlap } from '../measure/overlap.ts';
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
    const counts: OverlapCounts[][] = [];
    for (const block of options.blocks) {
      throwIfCancelled(options.signal);
      const predicted = await predictImage(session, options.card, block.image);
      counts.push(overlapWhereSpoken(block.human, predicted, options.classIds));
    }
    return summariseAgreement(counts, options.classIds);
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

const SILENT = 255;

/** Overlap by output channel over the pixels a person has spoken about (with a class the model knows). */
export function overlapWhereSpoken(
  human: Uint8Array,
  predicted: Uint8Array,
  classIds: readonly number[],
): OverlapCounts[] {
  const channelOf = channelTable(classIds);
  const truth = human.map((value) => {
    const channel = value === NOTHING ? -1 : channelOf[classOf(value)]!;
    return channel < 0 ? SILENT : channel;
  });
  return countOverlap(truth, predicted, [...classIds.keys()], { ignoreLabel: SILENT });
}

/** Sums up blocks; `blocks` holds each one's overlap by output channel. */
export function summariseAgreement(
  blocks: readonly (readonly OverlapCounts[])[],
  classIds: readonly number[],
): Agreement {
  const pooled = addOverlap(blocks);
  const perClass = pooled.map((counts, channel): ClassAgreement => {
    const truthPixels = counts.truePositive + counts.falseNegative;
    return { classId: classIds[channel]!, dice: scoreOverlap(counts, 'skip')?.dice ?? null, truthPixels };
  });
  const drawn = perClass.slice(1).filter((entry) => entry.truthPixels > 0);
  const counted = drawn.length > 0 ? drawn : perClass.slice(0, 1);
  const dice = counted.reduce((sum, entry) => sum + (entry.dice ?? 0), 0) / Math.max(1, counted.length);
  return { dice, perClass, pixels: perClass.reduce((sum, entry) => sum + entry.truthPixels, 0) };
}
