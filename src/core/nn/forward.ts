/**
 * Writes an imported network into a graph under construction: shapes in numbers, one opset, constants folded, batch
 * normalisation in the form that training asks for. Values keep their names behind a prefix, so nothing collides.
 */
import { floatOf } from './attributes.ts';
import { type BatchNormStep, batchNormStep } from './batch-norm.ts';
import type { GraphBuilder } from './builder.ts';
import { branchTaken } from './fold-branches.ts';
import type { Rule } from './grad-rule.ts';
import type { Node, OnnxModel } from './graph.ts';
import { renameNode, valuesUsed } from './rename.ts';
import type { SegmentationNetwork } from './segmentation-network.ts';
import type { Tensor } from './session.ts';
import { numbersOf } from './tensor.ts';
import { appendUpgraded } from './upgrade.ts';

export interface ForwardRequest {
  readonly model: OnnxModel;
  readonly network: SegmentationNetwork;
  /** Value in the graph that takes the place of the network's picture. */
  readonly image: string;
  /** Values that take the place of weights: parameters, and running averages that move. */
  readonly weights: ReadonlyMap<string, string>;
  /** The network's values that are wanted. */
  readonly results: readonly string[];
  /** Whether this BatchNormalization normalises by the batch. */
  readonly usesBatch: (node: Node) => boolean;
}

export interface Forward {
  /** The wanted values' names in the graph. */
  readonly results: readonly string[];
  /** Rules for nodes whose gradient is not their operator's. */
  readonly rules: ReadonlyMap<string, Rule>;
  /** New running averages by the weight's name. */
  readonly running: ReadonlyMap<string, string>;
}

const PREFIX = 'network/';

/** Errors: `model-unusable`, naming the node that cannot be trained through or does not fit the shapes. */
export function appendForward(g: GraphBuilder, request: ForwardRequest): Forward {
  const { model, network } = request;
  const opset = model.opsets.get('') ?? 1;
  const names = namesIn(g, request);
  const merged = mergedConvolutions(request);
  const skipped = new Set(merged.values());
  const rules = new Map<string, Rule>();
  const running = new Map<string, string>();
  const append = (node: Node): void => {
    if (skipped.has(node)) return;
    const renamed = withName(renameNode(node, names));
    const convolution = merged.get(node);
    const taken = branchTaken(node, conditionOf(g, node, names));
    if (taken) {
      for (const [name, tensor] of taken.initialisers) g.initialiser(names(name), tensor);
      taken.nodes.forEach(append);
    } else if (convolution) appendMerged(g, withName(renameNode(convolution, names)), renamed);
    else if (node.op === 'BatchNormalization' && request.usesBatch(node)) {
      noteStep(node, batchNormStep(g, { ...renamed, outputs: renamed.outputs.slice(0, 1) }, renamed.outputs[0]), {
        rules,
        running,
      });
    } else appendUpgraded(g, renamed, opset);
  };
  network.nodes.forEach(append);
  return { results: request.results.map(names), rules, running };
}

function noteStep(
  node: Node,
  step: BatchNormStep,
  notes: { rules: Map<string, Rule>; running: Map<string, string> },
): void {
  notes.rules.set(step.output, step.rule);
  notes.running.set(node.inputs[3], step.mean);
  notes.running.set(node.inputs[4], step.variance);
}

/** The name a value of the network has in the graph; weights that stay as they are become constants on first use. */
function namesIn(g: GraphBuilder, { model, network, image, weights }: ForwardRequest): (name: string) => string {
  const constants = new Map<Tensor, string>();
  return (name) => {
    if (name === '') return '';
    if (name === network.image.name) return image;
    const weight = weights.get(name);
    if (weight !== undefined) return weight;
    const tensor = model.graph.initialisers.get(name);
    if (tensor === undefined) return PREFIX + name;
    const known = constants.get(tensor) ?? g.initialiser(PREFIX + name, withoutDoubles(tensor));
    constants.set(tensor, known);
    return known;
  };
}

/** A graph of ours computes in float32 throughout, as a Cast to float64 becomes one to float32. */
function withoutDoubles(tensor: Tensor): Tensor {
  return tensor.type === 'float64'
    ? { ...tensor, type: 'float32', data: Float32Array.from(numbersOf(tensor)) }
    : tensor;
}

/** A node without a name goes by its result's own name, so that errors speak of the network as its maker wrote it. */
function withName(node: Node): Node {
  return { ...node, name: node.name || (node.outputs[0] ?? '').replace(PREFIX, '') };
}

/** An `If` may ask for a size that is known now that the picture's is. */
function conditionOf(g: GraphBuilder, node: Node, names: (name: string) => string): Tensor | undefined {
  if (node.op !== 'If') return undefined;
  const value = names(node.inputs[0] ?? '');
  return g.has(value) ? g.constantOf(value) : undefined;
}

/**
 * BatchNormalization → the Conv that alone feeds it, where the averages are frozen. Together they are one convolution with
 * scaled weights, which saves a pass over the picture forwards and two backwards.
 */
function mergedConvolutions({ network, results, usesBatch }: ForwardRequest): Map<Node, Node> {
  const makers = new Map(network.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const uses = new Map<string, number>(results.map((name) => [name, 1]));
  for (const name of network.nodes.flatMap(valuesUsed)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const merged = new Map<Node, Node>();
  for (const node of network.nodes) {
    if (node.op !== 'BatchNormalization' || node.domain !== '' || usesBatch(node)) continue;
    const maker = makers.get(node.inputs[0]);
    if (maker?.op === 'Conv' && maker.domain === '' && uses.get(node.inputs[0]) === 1) merged.set(node, maker);
  }
  return merged;
}

/** W′ = W·a and b′ = (b − mean)·a + β with a = γ/√(variance + ε): weight and γ, β stay separate parameters. */
function appendMerged(g: GraphBuilder, convolution: Node, norm: Node): void {
  const [image, weights, bias = ''] = convolution.inputs;
  const [, scale, shift, mean, variance] = norm.inputs;
  const rank = g.dims(weights).length;
  const deviation = g.op('Sqrt', [g.add(variance, g.scalar(floatOf(norm.attributes, 'epsilon', 1e-5)))]);
  const factor = g.div(scale, deviation);
  const tall = g.reshape(factor, [g.dims(factor)[0], ...new Array<number>(rank - 1).fill(1)]);
  const centred = bias === '' ? g.op('Neg', [mean]) : g.sub(bias, mean);
  const inputs = [image, g.mul(weights, tall), g.add(g.mul(centred, factor), shift)];
  g.append({ ...convolution, inputs, outputs: norm.outputs.slice(0, 1) });
}
