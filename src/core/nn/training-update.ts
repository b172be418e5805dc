/** From the loss to the next weights: the flat gradient, clipped, through the optimiser; and the state links of it all. */
import { differentiate } from './grad.ts';
import type { Rule } from './grad-rule.ts';
import { clipGlobalNorm, type Hyper, optimiserStep, sliceHyper, weightDecayOf } from './optimisers.ts';
import { decays, joinParameters, runsOf } from './parameters.ts';
import type { Plan } from './training-plan.ts';

export interface GradientRequest {
  readonly loss: string;
  /** Each parameter's view of theta. */
  readonly views: ReadonlyMap<string, string>;
  readonly rules: ReadonlyMap<string, Rule>;
}

/** The gradient [L] in the layout's order. */
export function flatGradient({ g, lowering, layout }: Plan, { loss, views, rules }: GradientRequest): string {
  const slopes = differentiate(g, {
    of: loss,
    by: layout.entries.map(({ name }) => views.get(name)!),
    lowering,
    overrides: rules,
  });
  const byName = layout.entries.flatMap(({ name }) => {
    const slope = slopes.get(views.get(name)!);
    return slope === undefined ? [] : [[name, slope] as const];
  });
  return joinParameters(g, layout, new Map(byName));
}

/** Adds the optimiser; gives the state links, input → output. */
export function addUpdate(plan: Plan, theta: string, gradient: string): Record<string, string> {
  const { g, options, layout } = plan;
  const { optimiser, clipNorm, accumulate = 1 } = options;
  const hyper = sliceHyper(g, 'hyper');
  const gathered = accumulate === 1 ? gradient : accumulated(plan, gradient, hyper);
  const m = g.input('m', 'float32', [layout.length]);
  const v = optimiser.kind === 'sgd' ? null : g.input('v', 'float32', [layout.length]);
  const next = optimiserStep(g, optimiser, {
    state: { theta, m, v },
    gradient: clipNorm === null ? gathered : clipGlobalNorm(g, gathered, clipNorm),
    hyper,
    decayMask: decayMask(plan),
    rates: rates(plan),
    switched: accumulate > 1,
  });
  const vectors: Record<string, string> = { theta: next.theta, m: next.m };
  if (next.v !== null) vectors.v = next.v;
  if (options.averageWeights) vectors.ema = averaged(plan, next.theta, hyper);
  for (const [name, value] of Object.entries(vectors)) g.output(`${name}_next`, value);
  const kept = accumulate > 1 ? [...Object.keys(vectors), 'accumulated'] : Object.keys(vectors);
  return Object.fromEntries(kept.map((name) => [name, `${name}_next`]));
}

/** The mean gradient of the runs so far; after the run that applies it, it starts again from 0. */
function accumulated({ g, options, layout }: Plan, gradient: string, { apply }: Hyper): string {
  const before = g.input('accumulated', 'float32', [layout.length]);
  const sum = g.add(before, g.scale(gradient, 1 / options.accumulate!));
  g.output('accumulated_next', g.mul(sum, g.sub(g.scalar(1), apply)));
  return sum;
}

/** e ← e + share · (θ − e). */
function averaged({ g, layout }: Plan, theta: string, { emaTake }: Hyper): string {
  const before = g.input('ema', 'float32', [layout.length]);
  return g.add(before, g.mul(g.sub(theta, before), emaTake));
}

/** 1 for every element that decays [L]; null where none does. */
function decayMask({ g, layout, options }: Plan): string | null {
  if (weightDecayOf(options.optimiser) === 0 || !layout.entries.some(({ dims }) => decays(dims))) return null;
  return runsOf(g, layout, ({ dims }) => (decays(dims) ? 1 : 0));
}

/** Each element's learning rate as a multiple [L]; null where all are 1. */
function rates({ g, layout }: Plan): string | null {
  return layout.entries.every(({ rate }) => rate === 1) ? null : runsOf(g, layout, ({ rate }) => rate);
}
