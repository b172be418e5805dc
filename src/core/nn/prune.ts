/** A model with other outputs, and only the nodes and weights that those need. */
import type { Node, OnnxModel, ValueInfo } from './graph.ts';
import { valuesUsed } from './rename.ts';

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
  const initialisers = new Map([...graph.initialisers].filter(([name]) => used.has(name)));
  return { ...model, graph: { ...graph, nodes, initialisers, outputs } };
}
