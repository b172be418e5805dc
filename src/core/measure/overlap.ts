/**
 * How well a predicted mask covers a true one, pixel by pixel: Dice, IoU, precision, recall by class. Kernels on plain
 * arrays; objects and distances are measured elsewhere. Source: seeds-spec D6.
 */
import { assert } from '../errors.ts';

/** Pixels (or sums of pixel weights) of one class. */
export interface OverlapCounts {
  readonly truePositive: number;
  readonly falsePositive: number;
  readonly falseNegative: number;
}

export interface OverlapScores {
  /** 2∩ / (|T| + |P|), the same as F1. */
  readonly dice: number;
  /** ∩ / ∪ */
  readonly iou: number;
  /** ∩ / |P|; 0 where nothing was predicted but something was there. */
  readonly precision: number;
  /** ∩ / |T|; 0 where nothing was there but something was predicted. */
  readonly recall: number;
}

/**
 * A class that neither the truth nor the prediction holds: `one` scores it 1 everywhere (nothing was wrong), `skip` leaves
 * it out of means.
 */
export type BothEmpty = 'one' | 'skip';

export interface CountOptions {
  /** A truth label whose pixels do not count. */
  readonly ignoreLabel?: number;
  /** A weight ≥ 0 per pixel; default 1. */
  readonly weights?: ArrayLike<number>;
}

/** Counts for each class, in the order of `classIds`. Both masks hold one label a pixel and have the same length. */
export function countOverlap(
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classIds: readonly number[],
  { ignoreLabel, weights }: CountOptions = {},
): OverlapCounts[] {
  assert(truth.length === predicted.length, `a truth of ${truth.length} pixels, a prediction of ${predicted.length}`);
  assert(
    weights === undefined || weights.length === truth.length,
    `${weights?.length} weights on ${truth.length} pixels`,
  );
  const both = new Float64Array(256);
  const inTruth = new Float64Array(256);
  const inPrediction = new Float64Array(256);
  for (let i = 0; i < truth.length; i++) {
    const label = truth[i]!;
    if (label === ignoreLabel) continue;
    const weight = weights === undefined ? 1 : weights[i]!;
    inTruth[label]! += weight;
    inPrediction[predicted[i]!]! += weight;
    if (label === predicted[i]) both[label]! += weight;
  }
  return classIds.map((id) => ({
    truePositive: both[id]!,
    falsePositive: inPrediction[id]! - both[id]!,
    falseNegative: inTruth[id]! - both[id]!,
  }));
}

/** Sums class by class over pictures: scores of the sum are «pooled». All lists name the same classes in the same order. */
export function addOverlap(pictures: readonly (readonly OverlapCounts[])[]): OverlapCounts[] {
  const [first = [], ...others] = pictures;
  return others.reduce<OverlapCounts[]>(
    (sum, picture) => {
      assert(picture.length === sum.length, `${picture.length} classes added to ${sum.length}`);
      return sum.map((counts, i) => addCounts(counts, picture[i]!));
    },
    [...first],
  );
}

function addCounts(a: OverlapCounts, b: OverlapCounts): OverlapCounts {
  return {
    truePositive: a.truePositive + b.truePositive,
    falsePositive: a.falsePositive + b.falsePositive,
    falseNegative: a.falseNegative + b.falseNegative,
  };
}

/** Null only where both are empty and that is to be skipped. */
export function scoreOverlap(counts: OverlapCounts, bothEmpty: BothEmpty = 'one'): OverlapScores | null {
  const { truePositive, falsePositive, falseNegative } = counts;
  const union = truePositive + falsePositive + falseNegative;
  if (union === 0) return bothEmpty === 'skip' ? null : { dice: 1, iou: 1, precision: 1, recall: 1 };
  const share = (of: number) => (of === 0 ? 0 : truePositive / of);
  return {
    dice: (2 * truePositive) / (truePositive + union),
    iou: truePositive / union,
    precision: share(truePositive + falsePositive),
    recall: share(truePositive + falseNegative),
  };
}

/** The plain mean of scores, those skipped left out; null where none is left. */
export function meanOverlap(scores: readonly (OverlapScores | null)[]): OverlapScores | null {
  const counted = scores.filter((score) => score !== null);
  if (counted.length === 0) return null;
  const mean = (of: (score: OverlapScores) => number) =>
    counted.reduce((sum, score) => sum + of(score), 0) / counted.length;
  return {
    dice: mean((score) => score.dice),
    iou: mean((score) => score.iou),
    precision: mean((score) => score.precision),
    recall: mean((score) => score.recall),
  };
}

export interface OverlapSummary {
  /** By class: scores of the counts summed over all pictures. */
  readonly pooled: readonly (OverlapScores | null)[];
  /** By class: the mean of each picture's scores. */
  readonly perPicture: readonly (OverlapScores | null)[];
  /** Means over the classes of the two. */
  readonly macroPooled: OverlapScores | null;
  readonly macroPerPicture: OverlapScores | null;
}

/** Both ways to speak of a set of pictures; `pictures` holds each one's counts by class, in one order. */
export function summariseOverlap(
  pictures: readonly (readonly OverlapCounts[])[],
  bothEmpty: BothEmpty = 'one',
): OverlapSummary {
  const pooled = addOverlap(pictures).map((counts) => scoreOverlap(counts, bothEmpty));
  const perPicture = pooled.map((_, i) => meanOverlap(pictures.map((counts) => scoreOverlap(counts[i]!, bothEmpty))));
  return { pooled, perPicture, macroPooled: meanOverlap(pooled), macroPerPicture: meanOverlap(perPicture) };
}
