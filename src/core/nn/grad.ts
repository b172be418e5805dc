/**
 * Reverse-mode differentiation of a graph, written into the same graph: one table of rules and one walk backwards.
 * It runs nothing and knows no operator itself.
 */
import { assert, HistoloopError } from '../errors.ts';
import type { GraphBuilder } from './builder.ts';
import { AXES_RULES } from './grad-axes.ts';
import { CONV_RULES } from './grad-conv.ts';
import { ELEMENTWISE_RULES } from './grad-elementwise.ts';
import { LAYER_RULES } from './grad-layers.ts';
import type { Gradient, Lowering, Rule } from './grad-rule.ts';
import type { Node } from './graph.ts';
import { isFloat, sizeOf } from './tensor.ts';
import { nodeLabel, type Op } from './verify.ts';

/** Every operator of `verify.ts`: the compiler refuses a table that leaves one out. */
const GRADIENTS: { readonly [K in Op]: Gradient } = {
  ...ELEMENTWISE_RULES,
  ...AXES_RULES,
  ...CONV_RULES,
  ...LAYER_RULES,
};

export interface GradientRequest {
  /** The value to differentiate: one number. */
  readonly of: string;
  /** The values to differentiate by. */
  readonly by: readonly string[];
  readonly lowering: Lowering;
  /** Rules that stand in for an operator's own, by the node's first output (batch normalisation while training). */
  readonly overrides?: ReadonlyMap<string, Rule>;
}

/** Adds the gradient of `of` by each of `by` to the graph. A value that `of` does not depend on gets no entry. */
export function differentiate(g: GraphBuilder, request: GradientRequest): Map<string, string> {
  const forward = [...g.nodes];
  const moving = movingValues(g, forward, request.by);
  assert(sizeOf(g.dims(request.of)) === 1, `'${request.of}' is not one number`);
  const slopes = new Map<string, string[]>([[request.of, [g.filled(g.dims(request.of), 1)]]]);
  for (const node of forward.reverse()) {
    if (!node.outputs.some((name) => moving.has(name) && slopes.has(name))) continue;
    const needs = node.inputs.map((name) => moving.has(name));
    if (!needs.includes(true)) continue;
    const dy = node.outputs.map((name) => total(g, slopes, name));
    const rule = request.overrides?.get(node.outputs[0]) ?? ruleOf(node);
    const dx = rule({ g, node, x: node.inputs, y: node.outputs, dy, needs, lowering: request.lowering });
    node.inputs.forEach((name, i) => {
      const slope = dx[i] ?? null;
      if (!needs[i] || slope === null) return;
      slopes.set(name, [...(slopes.get(name) ?? []), slope]);
    });
  }
  const found = request.by.map((name) => [name, total(g, slopes, name)] as const);
  return new Map(found.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}

/** Float values that change when one of `by` does. */
function movingValues(g: GraphBuilder, nodes: readonly Node[], by: readonly string[]): Set<string> {
  const moving = new Set(by);
  for (const node of nodes) {
    if (!node.inputs.some((name) => moving.has(name)) || GRADIENTS[node.op as Op] === 'flat') continue;
    for (const name of node.outputs) if (isFloat(g.type(name)) && !g.stopped.has(name)) moving.add(name);
  }
  return moving;
}

/** The sum of everything that flowed back to a value; summed once. */
function total(g: GraphBuilder, slopes: Map<string, string[]>, name: string): string | undefined {
  const parts = slopes.get(name);
  if (parts === undefined) return undefined;
  const sum = parts.reduce((a, b) => g.add(a, b));
  slopes.set(name, [sum]);
  return sum;
}

function ruleOf(node: Node): Rule {
  const gradient = GRADIENTS[node.op as Op];
  if (typeof gradient === 'function') return gradient;
  assert(gradient !== 'flat', `${node.op} lets no gradient through`);
  throw new HistoloopError('model-unusable', `${nodeLabel(node)} cannot be trained through: ${gradient.refused}`);
}
