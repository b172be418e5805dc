/**
 * Losses on class scores as graph functions on logits [N,K,H,W]: they add nodes and give one number [1]. Each pixel counts
 * by its weight [N,1,H,W]; where all weights are 0 the loss is 0 and so is its gradient. No gradients here: `grad.ts`.
 */
import { HistoloopError } from '../errors.ts';
import type { GraphBuilder } from './builder.ts';

/** What all losses of one head share: computed once, by `pixelTerms`. */
export interface PixelTerms {
  /** softmax(logits) over classes [N,K,H,W]. */
  readonly probability: string;
  /** log softmax(logits) [N,K,H,W]. */
  readonly logProbability: string;
  /** log softmax(logits) of the target's class [N,1,H,W]; 0 where the target is no class. */
  readonly logTarget: string;
  /** 1 at the target class [N,K,H,W]. */
  readonly oneHot: string;
  /** Weight of each pixel, 0 where the target is no class [N,1,H,W]. */
  readonly weight: string;
  /** Sum of the weights, never 0 [1,1,1,1]. */
  readonly weightSum: string;
  readonly classes: number;
}

/** The axes of a picture [N,C,H,W]. */
export const ALL = [0, 1, 2, 3];

/**
 * The shared terms. `target` is int32 [N,1,H,W], a class 0…K−1; any other value takes the pixel's weight away.
 * Softmax is spelled out because the runtime's own over axis 1 transposes twice.
 */
export function pixelTerms(g: GraphBuilder, logits: string, target: string, weight: string): PixelTerms {
  const classes = g.dims(logits)[1];
  const top = g.stop(g.op('ReduceMax', [logits, g.ints([1])]));
  const shifted = g.sub(logits, top);
  const exponential = g.op('Exp', [shifted]);
  const sum = g.sum(exponential, [1]);
  const indices = g.constant({
    type: 'int32',
    dims: [1, classes, 1, 1],
    data: Int32Array.from({ length: classes }, (_, k) => k),
  });
  const oneHot = g.op('Cast', [g.op('Equal', [target, indices])], { to: 1 });
  const known = g.sum(oneHot, [1]);
  const counted = g.mul(weight, known);
  const logSum = g.op('Log', [sum]);
  return {
    probability: g.div(exponential, sum),
    logProbability: g.sub(shifted, logSum),
    logTarget: g.sub(g.sum(g.mul(shifted, oneHot), [1]), g.mul(logSum, known)),
    oneHot,
    weight: counted,
    weightSum: g.op('Max', [g.sum(counted, ALL), g.scalar(1e-12)]),
    classes,
  };
}

export interface CrossEntropy {
  /** A factor for each class; default 1. */
  readonly classWeights?: readonly number[];
  /** Share of the target that is spread over all classes (Szegedy et al. 2016, section 7); default 0. */
  readonly labelSmoothing?: number;
}

/**
 * Cross-entropy: −Σ w·a·ln p_target / Σ w·a, with a the target class's factor. Smoothing by ε takes (1−ε) of that and
 * adds ε/K · (−Σ w·Σ_c a_c·ln p_c) / Σ w·a.
 */
export function crossEntropy(g: GraphBuilder, terms: PixelTerms, options: CrossEntropy = {}): string {
  const { classWeights, labelSmoothing = 0 } = options;
  const factors = classFactors(g, terms, classWeights);
  const weighted = withFactors(g, terms, factors);
  const told = weightedMean(g, g.op('Neg', [terms.logTarget]), weighted);
  if (labelSmoothing === 0) return told;
  const logs = factors === null ? terms.logProbability : g.mul(terms.logProbability, factors);
  const total = g.sum(g.mul(g.sum(logs, [1]), terms.weight), ALL);
  const spread = g.reshape(g.div(g.op('Neg', [total]), weighted.weightSum), [1]);
  return g.add(g.scale(told, 1 - labelSmoothing), g.scale(spread, labelSmoothing / terms.classes));
}

export interface Focal {
  /** How much less a pixel counts that is right already; default 2. */
  readonly gamma?: number;
  /** α: a factor for each class; default 1. */
  readonly classWeights?: readonly number[];
}

/** Focal loss, −Σ w·α·(1−p)^γ·ln p / Σ w with p of the target class (Lin et al. 2017, eq. 5). */
export function focal(g: GraphBuilder, terms: PixelTerms, { gamma = 2, classWeights }: Focal = {}): string {
  const miss = g.sub(g.scalar(1), g.op('Exp', [terms.logTarget]));
  const { weight } = withFactors(g, terms, classFactors(g, terms, classWeights));
  const perPixel = g.mul(power(g, miss, gamma), g.op('Neg', [terms.logTarget]));
  return weightedMean(g, perPixel, { weight, weightSum: terms.weightSum });
}

/** Products where the exponent is small and whole: Pow is a slow kernel, and has no slope at 0 for exponents below 1. */
export function power(g: GraphBuilder, base: string, exponent: number): string {
  if (exponent === 0) return g.filled(g.dims(base), 1);
  if (Number.isInteger(exponent) && exponent > 0 && exponent <= 4) {
    return Array.from({ length: exponent }, () => base).reduce((a, b) => g.mul(a, b));
  }
  return g.op('Pow', [g.op('Max', [base, g.scalar(1e-6)]), g.scalar(exponent)]);
}

/** Added above and below the fraction, so that a class that is absent and not predicted counts as found. */
const OVERLAP_SMOOTHING = 1;

export interface SoftDice {
  /**
   * Sums run over the whole batch (default), which suits sparse corrections, where most tiles lack most classes; or over
   * each sample, with the mean over samples too.
   */
  readonly over?: 'batch' | 'sample';
}

/**
 * Soft Dice: 1 − mean of (2 Σ w·p·y + 1) / (Σ w·p + Σ w·y + 1) over classes (Milletari et al. 2016, with plain instead of
 * squared sums). With all weights 0 it is 0.
 */
export function softDice(g: GraphBuilder, terms: PixelTerms, { over = 'batch' }: SoftDice = {}): string {
  const { hits, predicted, truth } = overlapSums(g, terms, over === 'batch' ? [0, 2, 3] : [2, 3]);
  const s = g.scalar(OVERLAP_SMOOTHING);
  const perClass = g.div(g.add(g.scale(hits, 2), s), g.add(g.add(predicted, truth), s));
  return g.sub(g.scalar(1), g.reshape(g.mean(perClass, ALL), [1]));
}

export interface Tversky {
  /** What a pixel costs that is wrongly called the class; default 0.5. */
  readonly alpha?: number;
  /** What a missed pixel of the class costs; default 0.5. */
  readonly beta?: number;
  /** (1 − index)^exponent (Abraham & Khan 2019, eq. 4, where it is 1/γ); default 1. */
  readonly exponent?: number;
  /** As for soft Dice; default `batch`. */
  readonly over?: 'batch' | 'sample';
  /** One index for each class and their mean (default), or one index of all classes' sums. */
  readonly classes?: 'each' | 'together';
}

/** Tversky loss: 1 − (TP + 1) / (TP + α·FP + β·FN + 1), sums weighted (Salehi et al. 2017, eq. 1, smoothed by 1). */
export function tversky(g: GraphBuilder, terms: PixelTerms, options: Tversky = {}): string {
  const { alpha = 0.5, beta = 0.5, exponent = 1, over = 'batch', classes = 'each' } = options;
  const axes = [...(over === 'batch' ? [0] : []), ...(classes === 'together' ? [1] : []), 2, 3];
  const { hits, predicted, truth } = overlapSums(g, terms, axes);
  const s = g.scalar(OVERLAP_SMOOTHING);
  const wrong = g.add(g.scale(g.sub(predicted, hits), alpha), g.scale(g.sub(truth, hits), beta));
  const missing = g.sub(g.scalar(1), g.div(g.add(hits, s), g.add(g.add(hits, wrong), s)));
  return g.reshape(g.mean(power(g, missing, exponent), ALL), [1]);
}

/** Σ w·p·y, Σ w·p and Σ w·y over the axes, which stay as 1. */
function overlapSums(g: GraphBuilder, { probability, oneHot, weight }: PixelTerms, axes: readonly number[]) {
  const p = g.mul(probability, weight);
  return {
    hits: g.sum(g.mul(p, oneHot), axes),
    predicted: g.sum(p, axes),
    truth: g.sum(g.mul(oneHot, weight), axes),
  };
}

/** [1,K,1,1], or null where every class counts alike. */
function classFactors(g: GraphBuilder, { classes }: PixelTerms, factors: readonly number[] | undefined): string | null {
  if (factors === undefined) return null;
  if (factors.length !== classes || !factors.every((factor) => factor >= 0 && Number.isFinite(factor))) {
    throw new HistoloopError(
      'bad-input',
      `class weights ${factors.join(', ')} do not fit ${classes} classes; give one number of 0 or more for each`,
    );
  }
  return g.floats([1, classes, 1, 1], factors);
}

type Weights = Pick<PixelTerms, 'weight' | 'weightSum'>;

function withFactors(g: GraphBuilder, terms: PixelTerms, factors: string | null): Weights {
  if (factors === null) return terms;
  const weight = g.mul(terms.weight, g.sum(g.mul(terms.oneHot, factors), [1]));
  return { weight, weightSum: g.op('Max', [g.sum(weight, ALL), g.scalar(1e-12)]) };
}

function weightedMean(g: GraphBuilder, perPixel: string, { weight, weightSum }: Weights): string {
  return g.reshape(g.div(g.sum(g.mul(perPixel, weight), ALL), weightSum), [1]);
}
