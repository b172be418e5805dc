/**
 * Lovász-softmax: the Jaccard index itself, made continuous, as a graph function on the terms of `losses.ts`. It sorts, and
 * what it learns of the sorting carries no gradient.
 */
import type { GraphBuilder } from './builder.ts';
import type { PixelTerms } from './losses.ts';

export interface Lovasz {
  /**
   * Only so many pixels of the batch are sorted, those with the largest errors; the others count nothing. Default 65536.
   * Sorting is slow (it is done on the CPU), and small errors hardly count.
   */
  readonly mostPixels?: number;
  /** The mean over classes that the batch's truth has (default), or over all. */
  readonly classes?: 'present' | 'all';
}

/**
 * Lovász-softmax loss (Berman et al. 2018, algorithm 1), classes apart, over the whole batch. A pixel of weight w counts as
 * w pixels; with all weights 0 the loss is 0.
 */
export function lovasz(g: GraphBuilder, terms: PixelTerms, options: Lovasz = {}): string {
  const { mostPixels = 65536, classes = 'present' } = options;
  const [truth, answer] = [terms.oneHot, terms.probability].map((map) => byClass(g, map));
  const weight = byClass(g, terms.weight);
  const errors = g.op('Abs', [g.sub(truth, answer)]);
  const size = g.dims(errors)[1];
  // A pixel of weight 0 must not take a place among the sorted ones.
  const ranked = g.stop(g.mul(errors, g.op('Cast', [g.op('Greater', [weight, g.scalar(0)])], { to: 1 })));
  const [, order] = g.many('TopK', [ranked, g.ints([Math.min(size, mostPixels)])], { axis: 1 }, 2);
  const share = shares(g, { order, truth, weight });
  const perClass = g.sum(g.mul(errors, share), [1]);
  if (classes === 'all') return g.reshape(g.scale(g.sum(perClass, [0]), 1 / terms.classes), [1]);
  const present = g.op('Cast', [g.op('Greater', [g.sum(g.mul(truth, weight), [1]), g.scalar(0)])], { to: 1 });
  const count = g.op('Max', [g.sum(present, [0]), g.scalar(1)]);
  return g.reshape(g.div(g.sum(g.mul(perClass, present), [0]), count), [1]);
}

/** [N,K,H,W] → [K, N·H·W]. */
function byClass(g: GraphBuilder, map: string): string {
  const [n, classes, h, w] = g.dims(map);
  return g.reshape(g.transpose(map, [1, 0, 2, 3]), [classes, n * h * w]);
}

interface Sorted {
  /** Pixels by falling error [K,P]. */
  readonly order: string;
  /** [K, N·H·W] and [1, N·H·W]. */
  readonly truth: string;
  readonly weight: string;
}

/** How much the Jaccard loss grows when each pixel joins those with larger errors [K, N·H·W]; 0 for pixels not sorted. */
function shares(g: GraphBuilder, { order, truth, weight }: Sorted): string {
  const inside = g.mul(truth, weight);
  const outside = g.sub(g.expand(weight, g.dims(truth)), inside);
  const total = g.sum(inside, [1]);
  const [hit, missed] = [inside, outside].map((value) => {
    const sorted = g.op('GatherElements', [value, order], { axis: 1 });
    return g.op('CumSum', [sorted, g.constant({ type: 'int64', dims: [], data: BigInt64Array.of(1n) })]);
  });
  const union = g.op('Max', [g.add(total, missed), g.scalar(1e-12)]);
  const jaccard = g.div(g.add(hit, missed), union);
  const [classes, sorted] = g.dims(order);
  const before = g.concat([g.filled([classes, 1], 0), g.slice(jaccard, 1, 0, sorted - 1)], 1);
  const growth = g.sub(jaccard, before);
  return g.stop(g.op('ScatterElements', [g.filled(g.dims(truth), 0), order, growth], { axis: 1 }));
}
