/**
 * What is legal: a row per operator (standard operators, opset 18, the only version we build with), and the check that
 * a graph is a graph. A row says nothing of meaning; shapes are `shape.ts`, values `reference-ops.ts`, slopes `grad.ts`.
 */
import { HistoloopError } from '../errors.ts';
import type { Graph, Node } from './graph.ts';
import type { OpRow } from './op-row.ts';
import { AXES_OPS } from './ops-axes.ts';
import { ELEMENTWISE_OPS } from './ops-elementwise.ts';
import { LAYER_OPS } from './ops-layers.ts';
import { valuesUsed } from './rename.ts';

/** The opset that everything we build is written in. */
export const OPSET = 18;
/** The ONNX file version that belongs to it. */
export const IR_VERSION = 8;

/** A row per operator that a graph of ours may hold. */
export const OPS = { ...ELEMENTWISE_OPS, ...AXES_OPS, ...LAYER_OPS } as const;

export type Op = keyof typeof OPS;

export function isOp(op: string): op is Op {
  return Object.hasOwn(OPS, op);
}

/** How a node is called in an error. */
export function nodeLabel(node: Pick<Node, 'name' | 'op' | 'outputs'>): string {
  return `${node.op} node '${node.name || (node.outputs[0] ?? '')}'`;
}

/** Checks one node against its row. Error: `model-unusable` with what is wrong. */
export function verifyNode(node: Node): asserts node is Node & { op: Op } {
  const problem = problemOf(node);
  if (problem !== null) throw new HistoloopError('model-unusable', `${nodeLabel(node)}: ${problem}`);
}

function problemOf(node: Node): string | null {
  if (node.domain !== '' || !isOp(node.op)) {
    return `the operator ${node.domain ? `${node.domain}.` : ''}${node.op} is not one that can be trained through`;
  }
  const row: OpRow = OPS[node.op];
  if (node.inputs.length < row.inputs[0] || node.inputs.length > row.inputs[1]) {
    return `has ${node.inputs.length} inputs, not ${row.inputs.join(' to ')}`;
  }
  if (node.outputs.length < row.outputs[0] || node.outputs.length > row.outputs[1]) {
    return `has ${node.outputs.length} outputs, not ${row.outputs.join(' to ')}`;
  }
  if (node.inputs.slice(0, row.inputs[0]).includes('')) return 'lacks an input that it must have';
  for (const [name, attribute] of Object.entries(node.attributes)) {
    const kind = Object.hasOwn(row.attributes, name) ? row.attributes[name] : undefined;
    if (kind === undefined) return `has the unknown attribute '${name}'`;
    if (kind !== attribute.kind) return `its attribute '${name}' is of kind ${attribute.kind}, not ${kind}`;
  }
  return null;
}

/**
 * Nodes in an order in which each comes after what it needs; ties keep file order.
 * Errors: `model-unusable` for a value made twice, used but never made, or a cycle.
 */
export function topologicalOrder(graph: Graph): Node[] {
  const makers = makersOf(graph);
  const known = new Set(['', ...graph.inputs.map((input) => input.name), ...graph.initialisers.keys()]);
  const waiting = new Map<Node, number>();
  const users = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    const needed = new Set(valuesUsed(node).filter((name) => !known.has(name)));
    for (const name of needed) {
      if (!makers.has(name)) {
        throw new HistoloopError(
          'model-unusable',
          `${nodeLabel(node)} needs '${name}', which nothing in the model makes`,
        );
      }
      const already = users.get(name);
      if (already) already.push(node);
      else users.set(name, [node]);
    }
    waiting.set(node, needed.size);
  }
  const order = graph.nodes.filter((node) => waiting.get(node) === 0);
  for (let at = 0; at < order.length; at++) {
    for (const user of order[at].outputs.flatMap((name) => users.get(name) ?? [])) {
      const left = waiting.get(user)! - 1;
      waiting.set(user, left);
      if (left === 0) order.push(user);
    }
  }
  if (order.length < graph.nodes.length) {
    const stuck = graph.nodes.find((node) => waiting.get(node)! > 0)!;
    throw new HistoloopError('model-unusable', `${nodeLabel(stuck)} needs its own result: the model goes in a circle`);
  }
  return order;
}

function makersOf(graph: Graph): Map<string, Node> {
  const makers = new Map<string, Node>();
  const given = new Set([...graph.inputs.map((input) => input.name), ...graph.initialisers.keys()]);
  for (const node of graph.nodes) {
    for (const output of node.outputs) {
      if (output === '') continue;
      if (makers.has(output) || given.has(output)) {
        throw new HistoloopError('model-unusable', `the value '${output}' is made twice (again by ${nodeLabel(node)})`);
      }
      makers.set(output, node);
    }
  }
  return makers;
}

/** Checks that a graph is executable in its own order and that each node is legal. */
export function verifyGraph(graph: Graph): void {
  const order = topologicalOrder(graph);
  for (const node of order) verifyNode(node);
  const known = new Set([...makersOf(graph).keys(), ...graph.inputs.map((i) => i.name), ...graph.initialisers.keys()]);
  for (const output of graph.outputs) {
    if (!known.has(output.name)) {
      throw new HistoloopError('model-unusable', `the model's output '${output.name}' is made by none of its nodes`);
    }
  }
}
