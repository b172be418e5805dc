/**
 * Losses on real values [N,C,H,W] as graph functions: squared and absolute error. Each pixel counts by its weight
 * [N,1,H,W]; where all weights are 0 the loss is 0. No gradients here: `grad.ts`.
 */
import type { GraphBuilder } from './builder.ts';
import { ALL } from './losses.ts';

/** What the value losses of one head share. */
export interface ValueTerms {
  /** Answer and truth [N,C,H,W]. */
  readonly answer: string;
  readonly target: string;
  /** answer − truth [N,C,H,W]. */
  readonly error: string;
  /** [N,1,H,W] */
  readonly weight: string;
  /** Sum of the weights times C, never 0 [1,1,1,1]. */
  readonly weightSum: string;
  /** 1 where the main head's target is a class ≥ 1, else 0 [N,1,H,W]; null where there is no such target. */
  readonly foreground: string | null;
}

/** What the truth of a head is: input names, or values made of them. */
export interface Truth {
  readonly target: string;
  readonly weight: string;
  readonly foreground?: string | null;
}

export function valueTerms(g: GraphBuilder, answer: string, { target, weight, foreground = null }: Truth): ValueTerms {
  const sum = g.scale(g.sum(weight, ALL), g.dims(answer)[1]);
  const error = g.sub(answer, target);
  return { answer, target, error, weight, weightSum: g.op('Max', [sum, g.scalar(1e-12)]), foreground };
}

/** Mean squared error: Σ w·e² / (C·Σ w). */
export function squaredError(g: GraphBuilder, { error, weight, weightSum }: ValueTerms): string {
  const sum = g.sum(g.mul(g.mul(error, error), weight), ALL);
  return g.reshape(g.div(sum, weightSum), [1]);
}

export interface AbsoluteError {
  /** Below this error the loss is e²/2δ, above |e| − δ/2 (Girshick 2015, eq. 3, for δ = 1); default 0: |e| throughout. */
  readonly delta?: number;
}

/** Mean absolute error: Σ w·|e| / (C·Σ w), rounded at the bottom where `delta` says so. */
export function absoluteError(g: GraphBuilder, terms: ValueTerms, { delta = 0 }: AbsoluteError = {}): string {
  const size = g.op('Abs', [terms.error]);
  const bent = delta === 0 ? size : rounded(g, size, delta);
  return g.reshape(g.div(g.sum(g.mul(bent, terms.weight), ALL), terms.weightSum), [1]);
}

/** With c = min(|e|, δ): c²/2δ + (|e| − c) is both branches at once. */
function rounded(g: GraphBuilder, size: string, delta: number): string {
  const near = g.op('Min', [size, g.scalar(delta)]);
  return g.add(g.scale(g.mul(near, near), 1 / (2 * delta)), g.sub(size, near));
}
