/**
 * Exporters write the batch they were shown into Reshape nodes, [1, 12, 1, 1], although any batch would do. This lets the
 * first size follow the value that comes in. Whether the network still means the same must be tried afterwards.
 */
import type { Node, OnnxModel } from './graph.ts';
import type { Tensor } from './session.ts';
import { tensorOf } from './tensor.ts';

/** The model, or null where nothing in it is bound to one picture. Constants must be initialisers (`prepareModel`). */
export function withFreeReshapes(model: OnnxModel): OnnxModel | null {
  const { graph } = model;
  const initialisers = new Map(graph.initialisers);
  const nodes = graph.nodes.map((node): Node => {
    const shape =
      node.op === 'Reshape' && node.domain === '' ? graph.initialisers.get(node.inputs[1] ?? '') : undefined;
    if (shape === undefined || !isBound(shape) || node.attributes.allowzero !== undefined) return node;
    const name = `${node.outputs[0]}::any batch`;
    // 0 in a Reshape means "as it was".
    initialisers.set(name, tensorOf('int64', shape.dims, [0, ...Array.from(shape.data, Number).slice(1)]));
    return { ...node, inputs: [node.inputs[0], name] };
  });
  if (initialisers.size === graph.initialisers.size) return null;
  return { ...model, graph: { ...graph, nodes, initialisers } };
}

function isBound({ type, dims, data }: Tensor): boolean {
  return type === 'int64' && dims.length === 1 && data.length > 1 && Number(data[0]) === 1;
}
