/** A model with other outputs, and only the nodes and weights that those need. */
import type { Node, OnnxModel, ValueInfo } from './graph.ts';
import { valuesUsed } from './rename.ts';
import type { Tensor } from './session.ts';

/** The nodes keep their order. A value that nothing makes is left for the verifier to name. */
export function pruneTo(model: OnnxModel, outputs: readonly ValueInfo[]): OnnxModel {
  const { graph } = model;
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const needed = new Set<Node>();
  const used = new Set<string>();
  const waiting = outputs.map((output) => output.name);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (used.has(name)) continue;
    used.add(name);
    const maker = makers.get(name);
    if (maker === undefined || needed.has(maker)) continue;
    needed.add(maker);
    waiting.push(...valuesUsed(maker));
  }
  const nodes = graph.nodes.filter((node) => needed.has(node));
  const initialisers = usedInitialisers(nodes, graph.initialisers, outputs);
  return { ...model, graph: { ...graph, nodes, initialisers, outputs } };
}

/** Those that a node (or a branch in it) reads, or that are an output themselves. */
export function usedInitialisers(
  nodes: readonly Node[],
  initialisers: ReadonlyMap<string, Tensor>,
  outputs: readonly ValueInfo[],
): Map<string, Tensor> {
  const used = new Set([...nodes.flatMap(valuesUsed), ...outputs.map((output) => output.name)]);
  return new Map([...initialisers].filter(([name]) => used.has(name)));
}
