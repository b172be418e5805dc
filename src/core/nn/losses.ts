/**
 * Segmentation losses as graph functions on logits [N,K,H,W]: they add nodes and give one number [1]. Each pixel counts by
 * its weight [N,1,H,W]; where all weights are 0 the loss is 0 and so is its gradient. No gradients here: `grad.ts`.
 */
import type { GraphBuilder } from './builder.ts';

/** What all losses of one network share: computed once, by `pixelTerms`. */
export interface PixelTerms {
  /** softmax(logits) over classes [N,K,H,W]. */
  readonly probability: string;
  /** log softmax(logits) [N,K,H,W]. */
  readonly logProbability: string;
  /** 1 at the target class [N,K,H,W]. */
  readonly oneHot: string;
  /** Weight of each pixel, 0 where the target is no class [N,1,H,W]. */
  readonly weight: string;
  /** Sum of the weights, never 0 [1,1,1,1]. */
  readonly weightSum: string;
}

const ALL = [0, 1, 2, 3];

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
  const counted = g.mul(weight, g.sum(oneHot, [1]));
  return {
    probability: g.div(exponential, sum),
    logProbability: g.sub(shifted, g.op('Log', [sum])),
    oneHot,
    weight: counted,
    weightSum: g.op('Max', [g.sum(counted, ALL), g.scalar(1e-12)]),
  };
}

/** Cross-entropy: −Σ w · ln p_target / Σ w. */
export function crossEntropy(g: GraphBuilder, terms: PixelTerms): string {
  const perPixel = g.sum(g.mul(terms.logProbability, terms.oneHot), [1]);
  return weightedMean(g, g.op('Neg', [perPixel]), terms);
}

/** Focal loss, −Σ w · (1−p)² · ln p / Σ w with p of the target class (Lin et al. 2017, eq. 4 with γ = 2, without α). */
export function focal(g: GraphBuilder, terms: PixelTerms): string {
  const logP = g.sum(g.mul(terms.logProbability, terms.oneHot), [1]);
  const miss = g.sub(g.scalar(1), g.sum(g.mul(terms.probability, terms.oneHot), [1]));
  return weightedMean(g, g.op('Neg', [g.mul(g.mul(miss, miss), logP)]), terms);
}

/** Added above and below the fraction, so that a class that is absent and not predicted counts as found. */
const DICE_SMOOTHING = 1;

/**
 * Soft Dice: 1 − mean of (2 Σ w·p·y + 1) / (Σ w·p + Σ w·y + 1) over classes (Milletari et al. 2016, with plain instead of
 * squared sums). Sums run over the whole batch, which suits sparse corrections: most tiles lack most classes; or over
 * each sample, with the mean over samples too. With all weights 0 it is 0.
 */
export function softDice(g: GraphBuilder, terms: PixelTerms, over: 'batch' | 'sample' = 'batch'): string {
  const axes = over === 'batch' ? [0, 2, 3] : [2, 3];
  const p = g.mul(terms.probability, terms.weight);
  const s = g.scalar(DICE_SMOOTHING);
  const overlap = g.sum(g.mul(p, terms.oneHot), axes);
  const truth = g.sum(g.mul(terms.oneHot, terms.weight), axes);
  const both = g.add(g.sum(p, axes), truth);
  const perClass = g.div(g.add(g.scale(overlap, 2), s), g.add(both, s));
  return g.sub(g.scalar(1), g.reshape(g.mean(perClass, ALL), [1]));
}

function weightedMean(g: GraphBuilder, perPixel: string, { weight, weightSum }: PixelTerms): string {
  return g.reshape(g.div(g.sum(g.mul(perPixel, weight), ALL), weightSum), [1]);
}
