/**
 * Losses by name: a list of terms, each with its settings, becomes one number [1]. Terms about classes and terms about
 * values look at different truths and do not mix in one head.
 */
import { assert, HistoloopError } from '../errors.ts';
import type { GraphBuilder } from './builder.ts';
import {
  type CrossEntropy,
  crossEntropy,
  type Focal,
  focal,
  type PixelTerms,
  pixelTerms,
  type SoftDice,
  softDice,
  type Tversky,
  tversky,
} from './losses.ts';
import { type Similarity, type SlopeError, similarity, slopeError } from './losses-images.ts';
import { type Lovasz, lovasz } from './losses-lovasz.ts';
import { type Structure, structure } from './losses-structure.ts';
import {
  type AbsoluteError,
  absoluteError,
  squaredError,
  type Truth,
  type ValueTerms,
  valueTerms,
} from './losses-values.ts';

/** What the term counts for in the sum; default 1. */
interface Factor {
  readonly factor?: number;
}

/** Losses on class scores; the truth is a class per pixel. */
export type ClassLoss = Factor &
  (
    | ({ readonly kind: 'cross-entropy' } & CrossEntropy)
    | ({ readonly kind: 'focal' } & Focal)
    | ({ readonly kind: 'dice' } & SoftDice)
    | ({ readonly kind: 'tversky' } & Tversky)
    | ({ readonly kind: 'structure' } & Structure)
    | ({ readonly kind: 'lovasz' } & Lovasz)
  );

/** Losses on real values; the truth is a number per pixel and channel. */
export type ValueLoss = Factor &
  (
    | { readonly kind: 'mse' }
    | ({ readonly kind: 'l1' } & AbsoluteError)
    | ({ readonly kind: 'ssim' } & Similarity)
    | ({ readonly kind: 'gradient-mse' } & SlopeError)
  );

export type LossTerm = ClassLoss | ValueLoss;

type Table<Term extends { readonly kind: string }, Terms> = {
  readonly [K in Term['kind']]: (g: GraphBuilder, terms: Terms, term: Extract<Term, { kind: K }>) => string;
};

const CLASS_LOSSES: Table<ClassLoss, PixelTerms> = {
  'cross-entropy': crossEntropy,
  focal,
  dice: softDice,
  tversky,
  structure,
  lovasz,
};
const VALUE_LOSSES: Table<ValueLoss, ValueTerms> = {
  mse: squaredError,
  l1: absoluteError,
  ssim: similarity,
  'gradient-mse': slopeError,
};

/**
 * Whether a list of terms speaks of classes or of values.
 * Error: `bad-input` for an empty or mixed list, or one in which nothing counts.
 */
export function lossKind(loss: readonly LossTerm[]): 'classes' | 'values' {
  const factors = loss.map((term) => term.factor ?? 1);
  if (!factors.every((factor) => factor >= 0 && Number.isFinite(factor)) || !factors.some((factor) => factor > 0)) {
    throw new HistoloopError(
      'bad-input',
      `loss factors ${factors.join(', ') || '(none)'} must be positive, and one of them more than 0`,
    );
  }
  const values = loss.filter((term) => Object.hasOwn(VALUE_LOSSES, term.kind)).length;
  if (values > 0 && values < loss.length) {
    const kinds = loss.map((term) => term.kind).join(', ');
    throw new HistoloopError('bad-input', `the losses ${kinds} do not go together: some are about classes, some not`);
  }
  return values > 0 ? 'values' : 'classes';
}

/** Adds the sum of terms on `answer` [N,K,H,W] (logits, or values) and gives its name. */
export function totalLoss(g: GraphBuilder, loss: readonly LossTerm[], answer: string, truth: Truth): string {
  const counted = loss.filter((term) => term.factor !== 0);
  const parts =
    lossKind(loss) === 'classes'
      ? sum(g, CLASS_LOSSES, counted as readonly ClassLoss[], pixelTerms(g, answer, truth.target, truth.weight))
      : sum(g, VALUE_LOSSES, counted as readonly ValueLoss[], valueTerms(g, answer, truth));
  return parts.reduce((a, b) => g.add(a, b));
}

function sum<Term extends LossTerm, Terms>(
  g: GraphBuilder,
  table: Table<Term, Terms>,
  loss: readonly Term[],
  terms: Terms,
): string[] {
  return loss.map((term) => {
    const add = table[term.kind as Term['kind']] as (g: GraphBuilder, terms: Terms, term: Term) => string;
    assert(add !== undefined, `no loss called ${term.kind}`);
    return g.scale(add(g, terms, term), term.factor ?? 1);
  });
}
