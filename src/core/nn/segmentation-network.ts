/**
 * Finds what training needs in somebody else's network: the picture it takes, the logits it computes, and the weights
 * that may learn. It changes nothing.
 */
import { HistoloopError } from '../errors.ts';
import type { Graph, Node, OnnxModel, ValueInfo } from './graph.ts';
import { findWeights } from './learning-weights.ts';
import { logitsOf, rankOutputs } from './logits.ts';
import { valuesUsed } from './rename.ts';
import { isFloat } from './tensor.ts';
import { topologicalOrder } from './verify.ts';

export interface SegmentationNetwork {
  readonly image: ValueInfo;
  /** The value before any final softmax, sigmoid or argmax. */
  readonly logits: string;
  /** The nodes that the logits need, in executable order. */
  readonly nodes: readonly Node[];
  /** Weights that may learn, in the order in which the network uses them. */
  readonly parameters: readonly string[];
}

/**
 * `outputName`: which output is the class map; the likeliest where left out.
 * Error: `model-unusable`, saying what the network lacks.
 */
export function findSegmentation(model: OnnxModel, outputName?: string): SegmentationNetwork {
  const order = topologicalOrder(model.graph);
  const image = findImage(model.graph);
  const output = outputName ?? rankOutputs(model.graph).at(0)?.name;
  if (output === undefined) throw new HistoloopError('model-unusable', 'the network has no output');
  const logits = logitsOf(model, output);
  const nodes = neededFor([logits], order);
  return { image, logits, nodes, parameters: findWeights(nodes, model.graph) };
}

function findImage(graph: Graph): ValueInfo {
  const pictures = graph.inputs.filter(
    (input) => isFloat(input.type) && (input.dims === null || input.dims.length === 4),
  );
  if (pictures.length !== 1 || graph.inputs.length !== 1) {
    const found = graph.inputs
      .map((input) => `'${input.name}' ${input.type} [${input.dims?.join(', ') ?? '?'}]`)
      .join(', ');
    throw new HistoloopError(
      'model-unusable',
      `the network should take one picture, float [N,C,H,W], but takes ${found || 'nothing'}; export it with a single image input and everything else (prompts, sizes, states) fixed inside`,
    );
  }
  const dims = pictures[0].dims;
  if (dims && dims[3] === 3 && dims[1] !== 3) {
    throw new HistoloopError(
      'model-unusable',
      `the network takes pictures as [N,H,W,C]; import it as a project model, which takes [N,C,H,W] (or tf2onnx: --inputs-as-nchw)`,
    );
  }
  return pictures[0];
}

/** The nodes that some values need, in the order given, which must be an executable one. */
export function neededFor(values: readonly string[], order: readonly Node[]): Node[] {
  const needed = new Set(values);
  const nodes: Node[] = [];
  for (const node of [...order].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of valuesUsed(node)) needed.add(name);
    nodes.push(node);
  }
  return nodes.reverse();
}
