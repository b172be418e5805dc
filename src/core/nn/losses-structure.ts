/**
 * The structural loss that the seeds' fine-tuning uses: it looks at each class's map as a picture, standardised, and
 * counts only where the two pictures differ most. A graph function on the terms of `losses.ts`.
 */
import type { GraphBuilder } from './builder.ts';
import { ALL, crossEntropy, type PixelTerms } from './losses.ts';

export interface Structure {
  /**
   * What a differing pixel costs: the batch's mean cross-entropy (`seed`, as the published code has it), the pixel's own
   * (`pixel`, as the method's first paper has it), or its class's part of that (`class-pixel`). Default `pixel`.
   */
  readonly variant?: 'seed' | 'pixel' | 'class-pixel';
  /** β: pixels count whose difference is more than this share of the largest; default 0.1. */
  readonly share?: number;
  /** C: keeps flat maps finite; default 0.01. */
  readonly stability?: number;
}

const SPACE = [2, 3];

/**
 * Structural similarity loss (specification D5; after Zhao et al. 2019, arXiv 1910.08711): with ŷ = (y − μ + C)/(s + C) and
 * p̂ likewise per sample and class, e = |ŷ − p̂| and f = [e > β·max e], L = Σ e·f·CE / Σ f. Pixel weights weigh the means,
 * the deviations and both sums; with all weights 0 it is 0.
 */
export function structure(g: GraphBuilder, terms: PixelTerms, options: Structure = {}): string {
  const { variant = 'pixel', share = 0.1, stability = 0.01 } = options;
  const { probability, oneHot, weight } = terms;
  const moments = momentsOf(g, weight);
  const [truth, answer] = [oneHot, probability].map((map) => standardised(g, map, { ...moments, stability }));
  const difference = g.op('Abs', [g.sub(truth, answer)]);
  const kept = keptPixels(g, difference, weight, share);
  const count = g.op('Max', [g.sum(kept, ALL), g.scalar(1e-12)]);
  const counted = g.mul(difference, kept);
  if (variant === 'seed') {
    const mean = g.reshape(g.div(g.sum(counted, ALL), count), [1]);
    return g.mul(mean, crossEntropy(g, terms));
  }
  const cost = variant === 'pixel' ? terms.logTarget : g.mul(terms.logProbability, oneHot);
  return g.reshape(g.op('Neg', [g.div(g.sum(g.mul(counted, cost), ALL), count)]), [1]);
}

interface Moments {
  readonly weight: string;
  /** Σ w, and what makes the weighted variance unbiased, Σ w − Σ w² / Σ w [N,1,1,1]; never 0. */
  readonly total: string;
  readonly freedom: string;
}

function momentsOf(g: GraphBuilder, weight: string): Moments {
  const floor = g.scalar(1e-12);
  const total = g.op('Max', [g.sum(weight, SPACE), floor]);
  const squares = g.div(g.sum(g.mul(weight, weight), SPACE), total);
  return { weight, total, freedom: g.op('Max', [g.sub(total, squares), floor]) };
}

/** (x − μ + C) / (s + C). The 1e-20 gives the root of a flat map a slope. */
function standardised(g: GraphBuilder, map: string, of: Moments & { readonly stability: number }): string {
  const mean = g.div(g.sum(g.mul(map, of.weight), SPACE), of.total);
  const centred = g.sub(map, mean);
  const variance = g.div(g.sum(g.mul(g.mul(centred, centred), of.weight), SPACE), of.freedom);
  const deviation = g.op('Sqrt', [g.add(variance, g.scalar(1e-20))]);
  const c = g.scalar(of.stability);
  return g.div(g.add(centred, c), g.add(deviation, c));
}

/** The weight of each pixel whose difference is among the largest, else 0 [N,K,H,W]. No gradient flows through it. */
function keptPixels(g: GraphBuilder, difference: string, weight: string, share: number): string {
  const counts = g.op('Cast', [g.op('Greater', [weight, g.scalar(0)])], { to: 1 });
  const largest = g.op('ReduceMax', [g.mul(difference, counts), g.ints(SPACE)]);
  const far = g.op('Cast', [g.op('Greater', [difference, g.scale(largest, share)])], { to: 1 });
  return g.stop(g.mul(far, weight));
}
