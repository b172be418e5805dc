/** Melts frozen batch normalisation into the convolution before it: the same function, faster to predict with. */
import { floatOf } from './attributes.ts';
import type { Node, OnnxModel } from './graph.ts';
import { usedInitialisers } from './prune.ts';
import { valuesUsed } from './rename.ts';
import type { Tensor } from './session.ts';
import { sizeOf } from './tensor.ts';

/** A model without the BatchNormalization nodes that directly and alone follow a Conv with weights of its own. */
export function foldBatchNorm(model: OnnxModel): OnnxModel {
  const { graph } = model;
  const uses = new Map<string, number>();
  const used = [...graph.nodes.flatMap(valuesUsed), ...graph.outputs.map((output) => output.name)];
  for (const name of used) uses.set(name, (uses.get(name) ?? 0) + 1);
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const initialisers = new Map(graph.initialisers);
  const replaced = new Map<Node, Node | null>();
  for (const norm of graph.nodes) {
    const convolution = norm.op === 'BatchNormalization' ? makers.get(norm.inputs[0]) : undefined;
    if (convolution?.op !== 'Conv' || convolution.domain !== '' || uses.get(norm.inputs[0]) !== 1) continue;
    const merged = merge(convolution, norm, graph.initialisers);
    if (merged === null) continue;
    for (const [name, tensor] of merged.tensors) initialisers.set(name, tensor);
    replaced.set(norm, merged.node);
    replaced.set(convolution, null);
  }
  const nodes = graph.nodes.flatMap((node) => {
    const replacement = replaced.get(node);
    if (replacement === null) return [];
    return [replacement ?? node];
  });
  return { ...model, graph: { ...graph, nodes, initialisers: usedInitialisers(nodes, initialisers, graph.outputs) } };
}

function merge(convolution: Node, norm: Node, initialisers: ReadonlyMap<string, Tensor>) {
  const [weights, ...rest] = [convolution.inputs[1], ...norm.inputs.slice(1)].map((name) => initialisers.get(name));
  const biasName = convolution.inputs[2] ?? '';
  const bias = initialisers.get(biasName);
  if (weights?.type !== 'float32' || rest.some((tensor) => tensor?.type !== 'float32') || (biasName !== '' && !bias))
    return null;
  const [scale, shift, mean, variance] = rest.map((tensor) => tensor!.data as Float32Array);
  const epsilon = floatOf(norm.attributes, 'epsilon', 1e-5);
  const factor = Float64Array.from(scale, (value, c) => value / Math.sqrt(variance[c] + epsilon));
  const perOutput = sizeOf(weights.dims.slice(1));
  const folded = Float32Array.from(
    weights.data as Float32Array,
    (value, i) => value * factor[Math.floor(i / perOutput)],
  );
  const moved = Float32Array.from(shift, (value, c) => (Number(bias?.data[c] ?? 0) - mean[c]) * factor[c] + value);
  const [output] = norm.outputs;
  const names = [`${output}/weight`, `${output}/bias`];
  const tensors: [string, Tensor][] = [
    [names[0], { type: 'float32', dims: weights.dims, data: folded }],
    [names[1], { type: 'float32', dims: [moved.length], data: moved }],
  ];
  return { node: { ...convolution, inputs: [convolution.inputs[0], ...names], outputs: [output] }, tensors };
}
