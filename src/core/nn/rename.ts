/** Names of values: which ones a node uses, also from inside its branches, and the same node or graph under other names. */
import type { Attribute, Attributes, Graph, Node } from './graph.ts';

/** Every value that a node needs: its inputs, and what its branches take from the graph around them. */
export function valuesUsed(node: Node): readonly string[] {
  const inside = Object.values(node.attributes).flatMap((attribute) =>
    attribute.kind === 'graph' ? captured(attribute.value) : [],
  );
  return inside.length === 0 ? node.inputs : [...node.inputs, ...inside];
}

function captured(graph: Graph): string[] {
  const own = valuesMade(graph);
  const used = [...graph.nodes.flatMap(valuesUsed), ...graph.outputs.map((output) => output.name)];
  return used.filter((name) => name !== '' && !own.has(name));
}

/** Every value that a graph makes or brings along. */
export function valuesMade(graph: Graph): Set<string> {
  return new Set([
    ...graph.inputs.map((input) => input.name),
    ...graph.initialisers.keys(),
    ...graph.nodes.flatMap((node) => node.outputs),
  ]);
}

type Rename = (name: string) => string;

/** `rename` is never asked about the empty name, which means "left out". */
export function renameNode(node: Node, rename: Rename): Node {
  const renamed = (name: string) => (name === '' ? '' : rename(name));
  return {
    ...node,
    inputs: node.inputs.map(renamed),
    outputs: node.outputs.map(renamed),
    attributes: renameInside(node.attributes, rename),
  };
}

function renameInside(attributes: Attributes, rename: Rename): Attributes {
  if (!Object.values(attributes).some((attribute) => attribute.kind === 'graph')) return attributes;
  const entries = Object.entries(attributes).map(([name, attribute]): [string, Attribute] => {
    if (attribute.kind !== 'graph') return [name, attribute];
    return [name, { kind: 'graph', value: renameGraph(attribute.value, rename) }];
  });
  return Object.fromEntries(entries);
}

function renameGraph(graph: Graph, rename: Rename): Graph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renameNode(node, rename)),
    initialisers: new Map([...graph.initialisers].map(([name, tensor]) => [rename(name), tensor])),
    inputs: graph.inputs.map((input) => ({ ...input, name: rename(input.name) })),
    outputs: graph.outputs.map((output) => ({ ...output, name: rename(output.name) })),
  };
}
