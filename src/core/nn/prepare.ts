/**
 * Rewrites a model, in its own opset, into one whose weights can be told apart: Constant nodes become weights, and weights
 * that an exporter merged because they were equal are separated again. The function it computes stays the same.
 */
import { HistoloopError } from '../errors.ts';
import type { Attribute, Node, OnnxModel } from './graph.ts';
import type { Tensor } from './session.ts';
import { tensorOf } from './tensor.ts';
import { nodeLabel } from './verify.ts';

export function prepareModel(model: OnnxModel): OnnxModel {
  const initialisers = new Map(model.graph.initialisers);
  const outputs = new Set(model.graph.outputs.map((output) => output.name));
  const nodes: Node[] = [];
  for (const node of model.graph.nodes) {
    const constant = node.op === 'Constant' && node.domain === '' ? constantOf(node) : untied(node, initialisers);
    const name = node.outputs[0] ?? '';
    if (constant === undefined || name === '' || outputs.has(name) || initialisers.has(name)) nodes.push(node);
    else initialisers.set(name, constant);
  }
  return { ...model, graph: { ...model.graph, nodes, initialisers } };
}

/** The exporter of PyTorch keeps one of several equal weights and lets the others be its Identity. */
function untied(node: Node, initialisers: ReadonlyMap<string, Tensor>): Tensor | undefined {
  if (node.op !== 'Identity' || node.domain !== '') return undefined;
  return initialisers.get(node.inputs[0] ?? '');
}

function constantOf(node: Node): Tensor {
  for (const [name, attribute] of Object.entries(node.attributes)) {
    const tensor = constantTensor(name, attribute);
    if (tensor !== undefined) return tensor;
  }
  throw new HistoloopError('model-unusable', `${nodeLabel(node)} holds a constant of a kind that is not supported`);
}

function constantTensor(name: string, attribute: Attribute): Tensor | undefined {
  switch (name) {
    case 'value':
      return attribute.kind === 'tensor' ? attribute.value : undefined;
    case 'value_float':
      return attribute.kind === 'float' ? tensorOf('float32', [], [attribute.value]) : undefined;
    case 'value_int':
      return attribute.kind === 'int' ? tensorOf('int64', [], [attribute.value]) : undefined;
    case 'value_floats':
      return attribute.kind === 'floats' ? tensorOf('float32', [attribute.value.length], attribute.value) : undefined;
    case 'value_ints':
      return attribute.kind === 'ints' ? tensorOf('int64', [attribute.value.length], attribute.value) : undefined;
    default:
      return undefined;
  }
}
