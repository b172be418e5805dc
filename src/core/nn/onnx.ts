/**
 * ONNX bytes ↔ `OnnxModel`: our own small codec (field numbers of onnx.proto, IR version 3…). It does not judge operators
 * or shapes; `verify.ts` does. Documentation strings are not kept, and functions are replaced by their nodes.
 */
import { HistoloopError } from '../errors.ts';
import type { OnnxModel } from './graph.ts';
import { decodeAttribute } from './onnx-attribute.ts';
import { messages, numberOf, textOf, texts } from './onnx-fields.ts';
import { functionKey, inlineFunctions, type ModelFunction, type ModelFunctions } from './onnx-functions.ts';
import { decodeGraph, decodeNodes, encodeGraph, type GraphReading } from './onnx-graph.ts';
import type { TensorReading } from './onnx-tensor.ts';
import { type Field, readFields, Writer } from './protobuf.ts';

export type { ExternalPlace } from './onnx-tensor.ts';

export interface ReadModel {
  readonly model: OnnxModel;
  /** What is not as in the file any more, in sentences for people. */
  readonly changes: readonly string[];
}

/** ONNX bytes → model. Error: `model-unusable` where the bytes are damaged or hold what we cannot. */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  return readModel(bytes, null).model;
}

/** The same for a file whose weights may lie beside it: `external` reads them, and doubts what it is asked. */
export function readModel(bytes: Uint8Array, external: TensorReading['external']): ReadModel {
  const fields = readFields(bytes);
  const graphField = fields.find((field) => field.id === 7 && field.wire === 'bytes');
  if (graphField === undefined) {
    throw new HistoloopError('model-unusable', 'this is not an ONNX model: it holds no graph');
  }
  let halves = 0;
  const reading: GraphReading = { external, sawHalf: () => halves++, depth: 0, given: new Map() };
  const opsets = new Map(messages(fields, 8).map((entry) => [domainOf(entry, 1), numberOf(entry, 2) ?? 1]));
  const functions = readFunctions(fields, opsets, reading);
  const graph = decodeGraph(readFields(graphField.bytes), reading);
  const nodes = inlineFunctions(graph.nodes, functions);
  for (const key of functions.keys()) dropUnusedDomain(key.split('|')[0], nodes, opsets);
  const model: OnnxModel = {
    irVersion: numberOf(fields, 1) ?? 3,
    opsets,
    producer: textOf(fields, 2),
    metadata: new Map(messages(fields, 14).map((entry) => [textOf(entry, 1), textOf(entry, 2)])),
    graph: { ...graph, nodes },
  };
  const changes = [
    halves > 0 ? 'half-precision weights and values are kept as float32, so that the network can learn' : '',
    functions.size > 0 ? `${functions.size} functions of the file were replaced by their own nodes` : '',
  ];
  return { model, changes: changes.filter((change) => change !== '') };
}

function domainOf(fields: readonly Field[], id: number): string {
  const domain = textOf(fields, id);
  return domain === 'ai.onnx' ? '' : domain;
}

/** Field 25. A function written in another opset than the model would mean something else once its nodes are the model's. */
function readFunctions(fields: readonly Field[], opsets: Map<string, number>, reading: GraphReading): ModelFunctions {
  const functions = new Map<string, ModelFunction>();
  for (const entry of messages(fields, 25)) {
    const name = textOf(entry, 1);
    for (const imported of messages(entry, 9)) {
      const [domain, version] = [domainOf(imported, 1), numberOf(imported, 2) ?? 1];
      if (!opsets.has(domain)) opsets.set(domain, version);
      if (domain === '' && opsets.get('') !== version) {
        throw new HistoloopError(
          'model-unusable',
          `the model's function '${name}' is written in opset ${version}, the model in ${opsets.get('')}; export it with functions inlined`,
        );
      }
    }
    const overload = textOf(entry, 13);
    const key = functionKey(textOf(entry, 10), overload === '' ? name : `${name}:${overload}`);
    if (functions.has(key))
      throw new HistoloopError('model-unusable', `two functions of the model are called '${name}'`);
    functions.set(key, functionOf(entry, reading));
  }
  return functions;
}

function functionOf(entry: readonly Field[], reading: GraphReading): ModelFunction {
  const graph = () => {
    throw new HistoloopError('model-unusable', `the model's function '${textOf(entry, 1)}' takes a graph by default`);
  };
  const defaults = entry
    .filter((field) => field.id === 11)
    .map((field) => decodeAttribute(field.bytes, { ...reading, graph }))
    .flatMap((found) => (found === null ? [] : [[found.name, found.attribute] as const]));
  return {
    inputs: texts(entry, 4),
    outputs: texts(entry, 5),
    defaults: new Map(defaults),
    nodes: (given) => decodeNodes(entry, 7, { ...reading, given }),
  };
}

/** The runtime refuses a domain that it does not know, even where no node is left in it. */
function dropUnusedDomain(domain: string, nodes: OnnxModel['graph']['nodes'], opsets: Map<string, number>): void {
  if (domain !== '' && !nodes.some((node) => node.domain === domain)) opsets.delete(domain);
}

/** Model → ONNX bytes. The same model always gives the same bytes. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const writer = new Writer();
  writer.number(1, model.irVersion);
  if (model.producer !== '') writer.text(2, model.producer);
  writer.message(7, (graph) => encodeGraph(graph, model.graph));
  for (const [domain, version] of model.opsets) {
    writer.message(8, (entry) => entry.text(1, domain).number(2, version));
  }
  for (const [key, value] of model.metadata) writer.message(14, (entry) => entry.text(1, key).text(2, value));
  return writer.finish();
}
