/** A pass that takes away nodes whose results reach no output, and constants that nobody reads any more. */
import type { GraphPass } from './graph-pass.ts';
import { usedInitialisers } from './prune.ts';

export const dropUnused: GraphPass = (graph) => {
  const used = new Set(graph.outputs.map((output) => output.name));
  const kept = [...graph.nodes].reverse().filter((node) => {
    const needed = node.outputs.some((name) => used.has(name));
    if (needed) for (const name of node.inputs) used.add(name);
    return needed;
  });
  const nodes = kept.reverse();
  return { ...graph, nodes, initialisers: usedInitialisers(nodes, graph.initialisers, graph.outputs) };
};
