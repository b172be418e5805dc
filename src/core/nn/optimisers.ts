/**
 * Optimisers on ONE flat vector, as graph functions. What changes from step to step comes in through `hyper`, so that
 * schedules need no new graph: [learning rate, 1/(1−β1^t), 1/√(1−β2^t), learning rate · weight decay].
 */
import type { GraphBuilder } from './builder.ts';
import type { Tensor } from './session.ts';

export type Optimiser =
  | {
      readonly kind: 'adamw';
      /** Decoupled weight decay per unit of learning rate; biases and normalisation are never decayed. Default 0.01. */
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
      /** Default 0. */
      readonly weightDecay?: number;
    };

/** Elements of the `hyper` input. */
export const HYPER_LENGTH = 4;

/** The flat vectors of one step, all [L]. */
export interface FlatState {
  readonly theta: string;
  readonly m: string;
  /** Second moment; only AdamW has one. */
  readonly v: string | null;
}

export interface StepInputs {
  readonly state: FlatState;
  /** Gradient [L]. */
  readonly gradient: string;
  /** float32 [4]. */
  readonly hyper: string;
  /** 1 where weights decay, else 0 [L]; null where none does. */
  readonly decayMask: string | null;
}

/** Adds one update and gives the new vectors. */
export function optimiserStep(g: GraphBuilder, optimiser: Optimiser, step: StepInputs): FlatState {
  const [rate, correctM, correctV, decay] = Array.from({ length: HYPER_LENGTH }, (_, i) =>
    g.slice(step.hyper, 0, i, i + 1),
  );
  const moved =
    optimiser.kind === 'adamw' ? adam(g, optimiser, { ...step, correctM, correctV }) : momentum(g, optimiser, step);
  const shrink = step.decayMask === null ? null : g.mul(g.mul(step.state.theta, step.decayMask), decay);
  const stepped = g.sub(step.state.theta, g.mul(moved.direction, rate));
  return { theta: shrink === null ? stepped : g.sub(stepped, shrink), m: moved.m, v: moved.v };
}

type AdamW = Extract<Optimiser, { kind: 'adamw' }>;
type Sgd = Extract<Optimiser, { kind: 'sgd' }>;
type Moved = Omit<FlatState, 'theta'> & { readonly direction: string };

/** Adam's direction (Kingma & Ba 2015, algorithm 1) with decay outside it (Loshchilov & Hutter 2019, algorithm 2). */
function adam(g: GraphBuilder, optimiser: AdamW, step: StepInputs & { correctM: string; correctV: string }): Moved {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = optimiser;
  const { gradient, state } = step;
  const m = g.add(g.scale(state.m, beta1), g.scale(gradient, 1 - beta1));
  const v = g.add(g.scale(state.v!, beta2), g.scale(g.mul(gradient, gradient), 1 - beta2));
  const spread = g.add(g.mul(g.op('Sqrt', [v]), step.correctV), g.scalar(epsilon));
  return { m, v, direction: g.div(g.mul(m, step.correctM), spread) };
}

function momentum(g: GraphBuilder, optimiser: Sgd, { gradient, state }: StepInputs): Moved {
  const m = g.add(g.scale(state.m, optimiser.momentum ?? 0.9), gradient);
  return { m, v: null, direction: m };
}

/** Shortens the gradient to a global L2 norm of at most `limit` (Pascanu et al. 2013, algorithm 1). */
export function clipGlobalNorm(g: GraphBuilder, gradient: string, limit: number): string {
  const norm = g.op('Sqrt', [g.sum(g.mul(gradient, gradient), [0])]);
  const factor = g.div(g.scalar(limit), g.op('Max', [norm, g.scalar(limit)]));
  return g.mul(gradient, factor);
}

/** The `hyper` input of one step; `step` counts from 1. */
export function stepHyper(step: number, learningRate: number, optimiser: Optimiser): Tensor {
  const adamw = optimiser.kind === 'adamw' ? optimiser : { beta1: 0, beta2: 0 };
  const { beta1 = 0.9, beta2 = 0.999 } = adamw;
  const decay = optimiser.weightDecay ?? (optimiser.kind === 'adamw' ? 0.01 : 0);
  const values = [learningRate, 1 / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step), learningRate * decay];
  return { type: 'float32', dims: [HYPER_LENGTH], data: Float32Array.from(values) };
}
