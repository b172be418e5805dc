/** From the loss to the next weights: the flat gradient, clipped, through the optimiser; and the state links of it all. */
import { differentiate } from './grad.ts';
import type { Rule } from './grad-rule.ts';
import { clipGlobalNorm, optimiserStep, sliceHyper, weightDecayOf } from './optimisers.ts';
import { decays, joinParameters, runsOf } from './parameters.ts';
import type { Plan } from './training-plan.ts';

export interface GradientRequest {
  readonly loss: string;
  /** Each parameter's view of theta. */
  readonly views: ReadonlyMap<string, string>;
  readonly rules: ReadonlyMap<string, Rule>;
}

/** The gradient [L] in the layout's order. */
export function flatGradient({ g, options, layout }: Plan, { loss, views, rules }: GradientRequest): string {
  const slopes = differentiate(g, {
    of: loss,
    by: layout.entries.map(({ name }) => views.get(name)!),
    lowering: options.lowering ?? { weightGradient: 'conv3d' },
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
  const { optimiser, clipNorm } = options;
  const m = g.input('m', 'float32', [layout.length]);
  const v = optimiser.kind === 'sgd' ? null : g.input('v', 'float32', [layout.length]);
  const next = optimiserStep(g, optimiser, {
    state: { theta, m, v },
    gradient: clipNorm === null ? gradient : clipGlobalNorm(g, gradient, clipNorm),
    hyper: sliceHyper(g, 'hyper'),
    decayMask: decayMask(plan),
    rates: rates(plan),
  });
  g.output('theta_next', next.theta);
  g.output('m_next', next.m);
  if (next.v !== null) g.output('v_next', next.v);
  return { theta: 'theta_next', m: 'm_next', ...(next.v === null ? {} : { v: 'v_next' }) };
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
