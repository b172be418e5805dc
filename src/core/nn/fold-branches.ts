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
  const taken = branchTaken(node, folding.known.get(node.inputs[0] ?? ''));
  if (taken !== null) {
    folding.branches++;
    takeBranch(folding, taken);
    return;
  }
  if (node.outputs.some((name) => folding.wanted.has(name))) compute(folding, node);
  folding.nodes.push(node);
}

function takeBranch(folding: Folding, { nodes, initialisers }: UnfoldedBranch): void {
  for (const [name, tensor] of initialisers) {
    folding.initialisers.set(name, tensor);
    if (tensor.data.length <= SMALL) folding.known.set(name, tensor);
  }
  for (const inner of nodes) fold(folding, inner);
}

export interface UnfoldedBranch {
  /** The branch's nodes, and an Identity for each result under the name that the `If` gave it. */
  readonly nodes: readonly Node[];
  readonly initialisers: ReadonlyMap<string, Tensor>;
}

/** The branch that an `If` takes, or null where its condition or the branch is not there. */
export function branchTaken(node: Node, condition: Tensor | undefined): UnfoldedBranch | null {
  if (!isIf(node) || condition === undefined) return null;
  const branch = node.attributes[Number(condition.data[0]) ? 'then_branch' : 'else_branch'];
  return branch?.kind === 'graph' ? unfoldBranch(node, branch.value) : null;
}

/** A branch's own values get a prefix, so that two branches of one name do not meet. */
function unfoldBranch(node: Node, branch: Graph): UnfoldedBranch {
  const own = valuesMade(branch);
  const prefix = `${node.outputs[0]}::`;
  const rename = (name: string) => (own.has(name) ? prefix + name : name);
  const inner = branch.nodes.map((one) => renameNode(one, rename));
  const results = branch.outputs.flatMap(({ name }, i) => {
    const output = node.outputs[i] ?? '';
    if (output === '') return [];
    return [{ name: output, op: 'Identity', domain: '', inputs: [rename(name)], outputs: [output], attributes: {} }];
  });
  return {
    nodes: [...inner.map((one) => ({ ...one, name: one.name && prefix + one.name })), ...results],
    initialisers: new Map([...branch.initialisers].map(([name, tensor]) => [rename(name), tensor])),
  };
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
