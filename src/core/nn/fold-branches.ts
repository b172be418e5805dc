/**
 * `If` nodes whose condition is known before anything runs become the branch that is taken. Exporters write them for
 * questions that were settled when the network was exported (a Squeeze of an axis that may be 1).
 */
import { HistoloopError } from '../errors.ts';
import { constantOf } from './constant-node.ts';
import type { Graph, Node, OnnxModel } from './graph.ts';
import { runNode } from './reference-node.ts';
import { tensorOfValue, valueOfTensor } from './reference-values.ts';
import { renameNode, valuesMade, valuesUsed } from './rename.ts';
import type { Tensor } from './session.ts';
import { isOp } from './verify.ts';

/** Conditions hang on sizes and flags, never on weights. */
const SMALL = 1024;

export interface Folded {
  readonly model: OnnxModel;
  readonly branches: number;
}

/** The file's nodes are taken in their own order, as the standard asks; an `If` whose condition is not known stays. */
export function foldBranches(model: OnnxModel): Folded {
  const { graph } = model;
  if (!graph.nodes.some(isIf)) return { model, branches: 0 };
  const folding: Folding = {
    known: new Map([...graph.initialisers].filter(([, tensor]) => tensor.data.length <= SMALL)),
    wanted: neededForConditions(graph.nodes),
    nodes: [],
    initialisers: new Map(graph.initialisers),
    branches: 0,
  };
  for (const node of graph.nodes) fold(folding, node);
  const { nodes, initialisers, branches } = folding;
  return { model: { ...model, graph: { ...graph, nodes, initialisers } }, branches };
}

interface Folding {
  readonly known: Map<string, Tensor>;
  readonly wanted: ReadonlySet<string>;
  readonly nodes: Node[];
  readonly initialisers: Map<string, Tensor>;
  branches: number;
}

function isIf(node: Node): boolean {
  return node.op === 'If' && node.domain === '';
}

/** Values that a condition hangs on; only those are worth computing. */
function neededForConditions(nodes: readonly Node[]): Set<string> {
  const wanted = new Set(nodes.filter(isIf).map((node) => node.inputs[0]));
  for (const node of [...nodes].reverse()) {
    if (node.outputs.some((name) => wanted.has(name))) for (const name of valuesUsed(node)) wanted.add(name);
  }
  return wanted;
}

function fold(folding: Folding, node: Node): void {
  const condition = isIf(node) ? folding.known.get(node.inputs[0]) : undefined;
  const branch = condition && node.attributes[Number(condition.data[0]) ? 'then_branch' : 'else_branch'];
  if (branch?.kind === 'graph') {
    folding.branches++;
    takeBranch(folding, node, branch.value);
    return;
  }
  if (node.outputs.some((name) => folding.wanted.has(name))) compute(folding, node);
  folding.nodes.push(node);
}

/** A branch's own values get a prefix, so that two branches of one name do not meet; its results take the node's names. */
function takeBranch(folding: Folding, node: Node, branch: Graph): void {
  const own = valuesMade(branch);
  const prefix = `${node.outputs[0]}::`;
  const rename = (name: string) => (own.has(name) ? prefix + name : name);
  for (const [name, tensor] of branch.initialisers) {
    folding.initialisers.set(rename(name), tensor);
    if (tensor.data.length <= SMALL) folding.known.set(rename(name), tensor);
  }
  for (const inner of branch.nodes) {
    const renamed = renameNode(inner, rename);
    fold(folding, { ...renamed, name: renamed.name && prefix + renamed.name });
  }
  branch.outputs.forEach(({ name }, i) => {
    const output = node.outputs[i] ?? '';
    if (output === '') return;
    const value = rename(name);
    const tensor = folding.known.get(value);
    if (tensor) folding.known.set(output, tensor);
    folding.nodes.push({
      name: output,
      op: 'Identity',
      domain: '',
      inputs: [value],
      outputs: [output],
      attributes: {},
    });
  });
}

function compute({ known }: Folding, node: Node): void {
  if (node.domain !== '') return;
  if (node.op === 'Constant') {
    const tensor = constantOf(node);
    if (tensor.data.length <= SMALL) known.set(node.outputs[0], tensor);
    return;
  }
  const inputs = node.inputs.map((name) => (name === '' ? undefined : known.get(name)));
  if (!isOp(node.op) || node.inputs.some((name, i) => name !== '' && inputs[i] === undefined)) return;
  try {
    const values = runNode(
      node,
      inputs.map((tensor) => tensor && valueOfTensor(tensor)),
      false,
    );
    values.forEach((value, i) => {
      if (value.data.length <= SMALL) known.set(node.outputs[i], tensorOfValue(value));
    });
  } catch (error) {
    // Written in another opset than the reference speaks: the condition stays unknown, and the runtime decides.
    if (!(error instanceof HistoloopError)) throw error;
  }
}
