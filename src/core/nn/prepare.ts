/**
 * Rewrites a model, in its own opset, into one whose weights can be told apart: Constant nodes become weights, branches
 * that were decided at export are taken, and weights that an exporter merged because they were equal are separated again.
 * The function it computes stays the same.
 */
import { constantOf } from './constant-node.ts';
import { foldBranches } from './fold-branches.ts';
import type { Node, OnnxModel } from './graph.ts';
import type { Tensor } from './session.ts';

export function prepareModel(original: OnnxModel): OnnxModel {
  const { model } = foldBranches(original);
  const initialisers = new Map(model.graph.initialisers);
  const outputs = new Set(model.graph.outputs.map((output) => output.name));
  const nodes: Node[] = [];
  for (const node of model.graph.nodes) {
    const constant = node.op === 'Constant' && node.domain === '' ? constantOf(node) : untied(node, initialisers);
    const name = node.outputs[0] ?? '';
    if (constant === undefined || name === '' || outputs.has(name) || initialisers.has(name)) nodes.push(node);
    else initialisers.set(name, constant);
  }
  return { ...model, graph: { ...model.graph, nodes, initialisers } };
}

/** The exporter of PyTorch keeps one of several equal weights and lets the others be its Identity. */
function untied(node: Node, initialisers: ReadonlyMap<string, Tensor>): Tensor | undefined {
  if (node.op !== 'Identity' || node.domain !== '') return undefined;
  return initialisers.get(node.inputs[0] ?? '');
}
