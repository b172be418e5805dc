/**
 * Functions that a model file defines for itself: each call is replaced by the function's own nodes, also in functions that
 * call functions. Values inside get the call's first result as a prefix, so that two calls do not mix.
 */
import { HistoloopError } from '../errors.ts';
import type { Attribute, Attributes, Node } from './graph.ts';
import { renameNode } from './rename.ts';
import { nodeLabel } from './verify.ts';

export interface ModelFunction {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Its attributes' values where the caller gives none. */
  readonly defaults: ReadonlyMap<string, Attribute>;
  /** Its nodes, with its attributes' values put in. */
  readonly nodes: (given: ReadonlyMap<string, Attribute>) => readonly Node[];
}

/** By `functionKey`. */
export type ModelFunctions = ReadonlyMap<string, ModelFunction>;

const DEEPEST = 32;
/** Ten functions that each call the next ten times are ten thousand million nodes. */
const MOST_STEPS = 500_000;

export function functionKey(domain: string, op: string): string {
  return `${domain === 'ai.onnx' ? '' : domain}|${op}`;
}

/** Error: `model-unusable` for functions in a circle, or that would grow without bounds. */
export function inlineFunctions(nodes: readonly Node[], functions: ModelFunctions): readonly Node[] {
  if (functions.size === 0) return nodes;
  const unfolding: Unfolding = { functions, stepsLeft: MOST_STEPS };
  return nodes.flatMap((node) => inline(unfolding, node, 0));
}

/** Shared by the whole file, branches included: a function may call itself from inside a branch, too. */
interface Unfolding {
  readonly functions: ModelFunctions;
  stepsLeft: number;
}

function inline(unfolding: Unfolding, node: Node, depth: number): Node[] {
  if (--unfolding.stepsLeft < 0) throw refuse(`the model's functions unfold to more than ${MOST_STEPS} nodes`);
  const found = unfolding.functions.get(functionKey(node.domain, node.op));
  if (found === undefined) return [withInlinedBranches(unfolding, node, depth)];
  if (depth === DEEPEST) throw refuse(`${nodeLabel(node)}: the model's functions call each other ${DEEPEST} deep`);
  const given = new Map([...found.defaults, ...Object.entries(node.attributes)]);
  const prefix = `${node.outputs.find((name) => name !== '') ?? node.name}::`;
  const names = new Map([
    ...found.inputs.map((name, i) => [name, node.inputs[i] ?? ''] as const),
    ...found.outputs.map((name, i) => [name, node.outputs[i] || prefix + name] as const),
  ]);
  const rename = (name: string) => names.get(name) ?? prefix + name;
  return found.nodes(given).flatMap((inner) => {
    const renamed = renameNode(inner, rename);
    return inline(unfolding, { ...renamed, name: prefix + (inner.name || inner.op) }, depth + 1);
  });
}

function withInlinedBranches(unfolding: Unfolding, node: Node, depth: number): Node {
  if (!Object.values(node.attributes).some((attribute) => attribute.kind === 'graph')) return node;
  const entries = Object.entries(node.attributes).map(([name, attribute]): [string, Attribute] => {
    if (attribute.kind !== 'graph') return [name, attribute];
    const nodes = attribute.value.nodes.flatMap((inner) => inline(unfolding, inner, depth));
    return [name, { kind: 'graph', value: { ...attribute.value, nodes } }];
  });
  const attributes: Attributes = Object.fromEntries(entries);
  return { ...node, attributes };
}

function refuse(sentence: string): HistoloopError {
  return new HistoloopError('model-unusable', `${sentence}; export it with functions inlined`);
}
