/**
 * Optimisers on ONE flat vector, as graph functions. What changes from step to step comes in through `hyper`, so that
 * schedules need no new graph.
 */
import type { GraphBuilder } from './builder.ts';
import type { Tensor } from './session.ts';

export type Optimiser =
  | {
      /** `adam` adds decay to the gradient, `adamw` takes it off the weights (times the learning rate). */
      readonly kind: 'adam' | 'adamw';
      /** Biases and normalisation are never decayed. Default 0.01 for adamw, else 0. */
      readonly weightDecay?: number;
      /** Default 0.9. */
      readonly beta1?: number;
      /** Default 0.999. */
      readonly beta2?: number;
      /** Default 1e-8. */
      readonly epsilon?: number;
    }
  | {
      readonly kind: 'sgd';
      /** Default 0.9. */
      readonly momentum?: number;
      /** Look where the momentum leads before turning (Nesterov 1983, as Sutskever et al. 2013 write it). Default false. */
      readonly nesterov?: boolean;
      /** Added to the gradient. Biases and normalisation are never decayed. Default 0. */
      readonly weightDecay?: number;
    };

/** Elements of the `hyper` input; what each is: `stepHyper`. */
export const HYPER_LENGTH = 6;

/** The flat vectors of one step, all [L]. */
export interface FlatState {
  readonly theta: string;
  readonly m: string;
  /** Second moment; only the Adams have one. */
  readonly v: string | null;
}

export interface StepInputs {
  readonly state: FlatState;
  /** Gradient [L]. */
  readonly gradient: string;
  readonly hyper: Hyper;
  /** 1 where weights decay, else 0 [L]; null where none does. */
  readonly decayMask: string | null;
  /** What each element's learning rate is multiplied by [L]; null where all are alike. */
  readonly rates?: string | null;
  /** Whether runs with `hyper.apply` 0 must leave everything as it is. */
  readonly switched?: boolean;
}

/** The elements of `hyper`, each [1]. */
export interface Hyper {
  readonly rate: string;
  readonly correctM: string;
  readonly correctV: string;
  readonly decay: string;
  readonly apply: string;
  readonly emaTake: string;
}

export function sliceHyper(g: GraphBuilder, hyper: string): Hyper {
  const [rate, correctM, correctV, decay, apply, emaTake] = Array.from({ length: HYPER_LENGTH }, (_, i) =>
    g.slice(hyper, 0, i, i + 1),
  );
  return { rate, correctM, correctV, decay, apply, emaTake };
}

/** Default weight decay of the kind. */
export function weightDecayOf(optimiser: Optimiser): number {
  return optimiser.weightDecay ?? (optimiser.kind === 'adamw' ? 0.01 : 0);
}

/** Adds one update and gives the new vectors. */
export function optimiserStep(g: GraphBuilder, optimiser: Optimiser, step: StepInputs): FlatState {
  const { state, hyper, decayMask, rates = null } = step;
  const coupled = decayMask !== null && optimiser.kind !== 'adamw';
  const pulled = (mask: string) => g.add(step.gradient, g.mul(state.theta, g.scale(mask, weightDecayOf(optimiser))));
  const gradient = coupled ? pulled(decayMask) : step.gradient;
  const moved = optimiser.kind === 'sgd' ? momentum : adam;
  const { m, v, direction } = moved(g, optimiser as Adam & Sgd, { ...step, gradient });
  const own = (by: string) => (rates === null ? by : g.mul(by, rates));
  const stepped = g.sub(state.theta, g.mul(own(direction), hyper.rate));
  if (decayMask === null || coupled) return { theta: stepped, m, v };
  return { theta: g.sub(stepped, g.mul(g.mul(state.theta, own(decayMask)), hyper.decay)), m, v };
}

type Adam = Extract<Optimiser, { kind: 'adam' | 'adamw' }>;
type Sgd = Extract<Optimiser, { kind: 'sgd' }>;
type Moved = Omit<FlatState, 'theta'> & { readonly direction: string };

/** Adam's direction (Kingma & Ba 2015, algorithm 1); AdamW's decay is outside it (Loshchilov & Hutter 2019, algorithm 2). */
function adam(g: GraphBuilder, optimiser: Adam, step: StepInputs): Moved {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = optimiser;
  const { gradient, state, hyper } = step;
  const m = blend(g, step, { old: state.m, now: gradient, keep: beta1 });
  const v = blend(g, step, { old: state.v!, now: g.mul(gradient, gradient), keep: beta2 });
  const spread = g.add(g.mul(g.op('Sqrt', [v]), hyper.correctV), g.scalar(epsilon));
  return { m, v, direction: g.div(g.mul(m, hyper.correctM), spread) };
}

/** m ← μ·m + g. */
function momentum(g: GraphBuilder, optimiser: Sgd, step: StepInputs): Moved {
  const { momentum: keep = 0.9, nesterov = false } = optimiser;
  const { gradient, state } = step;
  const { old, now } = shares(g, step, { keep, take: 1 });
  const m = g.add(old(state.m), now(gradient));
  return { m, v: null, direction: nesterov ? g.add(gradient, g.scale(m, keep)) : m };
}

interface Blend {
  readonly old: string;
  readonly now: string;
  readonly keep: number;
}

/** keep · old + (1 − keep) · now. */
function blend(g: GraphBuilder, step: StepInputs, { old, now, keep }: Blend): string {
  const by = shares(g, step, { keep, take: 1 - keep });
  return g.add(by.old(old), by.now(now));
}

/** What is kept of the old and taken of the new; all and nothing in a run that only gathers. */
function shares(
  g: GraphBuilder,
  { switched = false, hyper: { apply } }: StepInputs,
  { keep, take }: { keep: number; take: number },
): { old: (a: string) => string; now: (a: string) => string } {
  if (!switched) return { old: (a) => g.scale(a, keep), now: (a) => g.scale(a, take) };
  // Exactly `keep` where apply is 1, exactly 1 where it is 0.
  const kept = g.add(g.scale(apply, keep), g.sub(g.scalar(1), apply));
  const taken = g.scale(apply, take);
  return { old: (a) => g.mul(a, kept), now: (a) => g.mul(a, taken) };
}

/** Shortens the gradient to a global L2 norm of at most `limit` (Pascanu et al. 2013, algorithm 1). */
export function clipGlobalNorm(g: GraphBuilder, gradient: string, limit: number): string {
  const norm = g.op('Sqrt', [g.sum(g.mul(gradient, gradient), [0])]);
  const factor = g.div(g.scalar(limit), g.op('Max', [norm, g.scalar(limit)]));
  return g.mul(gradient, factor);
}

export interface HyperExtras {
  /** False for a run that only gathers gradients (`TrainingOptions.accumulate`); default true. */
  readonly apply?: boolean;
  /** Share of the averaged weights that stays (`TrainingOptions.averageWeights`); default 0.999. */
  readonly emaKeep?: number;
}

/**
 * The `hyper` input of one run: learning rate, 1/(1−β1^t), 1/√(1−β2^t), learning rate · weight decay, whether the update
 * is applied, what the averaged weights take of the new ones. `step` counts updates from 1.
 */
export function stepHyper(step: number, learningRate: number, optimiser: Optimiser, extras: HyperExtras = {}): Tensor {
  const { beta1 = 0.9, beta2 = 0.999 } = optimiser.kind === 'sgd' ? { beta1: 0, beta2: 0 } : optimiser;
  const { apply = true, emaKeep = 0.999 } = extras;
  const rate = apply ? learningRate : 0;
  const decay = optimiser.kind === 'adamw' ? weightDecayOf(optimiser) : 0;
  const corrections = [1 / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step)];
  const values = [rate, ...corrections, rate * decay, apply ? 1 : 0, apply ? 1 - emaKeep : 0];
  return { type: 'float32', dims: [HYPER_LENGTH], data: Float32Array.from(values) };
}
