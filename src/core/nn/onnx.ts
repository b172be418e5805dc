/**
 * ONNX bytes ↔ `OnnxModel`: our own small codec (field numbers of onnx.proto, IR version 3…). It does not judge operators
 * or shapes; `verify.ts` does. Documentation strings and recorded shapes of inner values are not kept.
 */
import { HistoloopError } from '../errors.ts';
import type { Dim, Graph, Node, OnnxModel, ValueInfo } from './graph.ts';
import { decodeAttribute, encodeAttribute } from './onnx-attribute.ts';
import { codeOfType, decodeTensor, encodeTensor, typeOfCode } from './onnx-tensor.ts';
import { decodeUtf8, type Field, readFields, Writer } from './protobuf.ts';
import type { Tensor } from './session.ts';

/** ONNX bytes → model. Error: `model-unusable` where the bytes are damaged or hold what we cannot. */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  const fields = readFields(bytes);
  const graph = fields.find((field) => field.id === 7 && field.wire === 'bytes');
  if (graph === undefined) {
    throw new HistoloopError('model-unusable', 'this is not an ONNX model: it holds no graph');
  }
  if (fields.some((field) => field.id === 25)) {
    throw new HistoloopError(
      'model-unusable',
      'the model defines functions of its own; export it with functions inlined',
    );
  }
  return {
    irVersion: numberOf(fields, 1) ?? 3,
    opsets: new Map(messages(fields, 8).map((entry) => [textOf(entry, 1), numberOf(entry, 2) ?? 1])),
    producer: textOf(fields, 2),
    metadata: new Map(messages(fields, 14).map((entry) => [textOf(entry, 1), textOf(entry, 2)])),
    graph: decodeGraph(readFields(graph.bytes)),
  };
}

function messages(fields: readonly Field[], id: number): Field[][] {
  return fields.filter((field) => field.id === id).map((field) => readFields(field.bytes));
}

function texts(fields: readonly Field[], id: number): string[] {
  return fields.filter((field) => field.id === id).map((field) => decodeUtf8(field.bytes));
}

function textOf(fields: readonly Field[], id: number): string {
  return texts(fields, id).at(-1) ?? '';
}

function numberOf(fields: readonly Field[], id: number): number | undefined {
  return fields.findLast((field) => field.id === id)?.number;
}

function decodeGraph(fields: readonly Field[]): Graph {
  const initialisers = new Map<string, Tensor>();
  for (const field of fields) {
    if (field.id !== 5) continue;
    const { name, tensor } = decodeTensor(field.bytes, 'without a name');
    if (initialisers.has(name)) throw new HistoloopError('model-unusable', `two weights are called '${name}'`);
    initialisers.set(name, tensor);
  }
  if (fields.some((field) => field.id === 15)) {
    throw new HistoloopError('model-unusable', 'the model holds sparse weights; export it with dense ones');
  }
  return {
    name: textOf(fields, 2),
    nodes: messages(fields, 1).map(decodeNode),
    initialisers,
    // Up to IR version 3 every weight was listed as an input too.
    inputs: messages(fields, 11)
      .map(decodeValueInfo)
      .filter((input) => !initialisers.has(input.name)),
    outputs: messages(fields, 12).map(decodeValueInfo),
  };
}

function decodeNode(fields: readonly Field[]): Node {
  const attributes = fields
    .filter((field) => field.id === 5)
    .map((field) => decodeAttribute(field.bytes))
    .map(({ name, attribute }) => [name, attribute] as const);
  const domain = textOf(fields, 7);
  return {
    name: textOf(fields, 3),
    op: textOf(fields, 4),
    domain: domain === 'ai.onnx' ? '' : domain,
    inputs: texts(fields, 1),
    outputs: texts(fields, 2),
    attributes: Object.fromEntries(attributes),
  };
}

function decodeValueInfo(fields: readonly Field[]): ValueInfo {
  const name = textOf(fields, 1);
  const tensor = messages(fields, 2)
    .flatMap((type) => messages(type, 1))
    .at(-1);
  if (tensor === undefined) throw new HistoloopError('model-unusable', `input or output '${name}' is not a tensor`);
  const shape = messages(tensor, 2).at(-1);
  return {
    name,
    type: typeOfCode(numberOf(tensor, 1) ?? 0, `input or output '${name}'`),
    dims: shape ? messages(shape, 1).map(decodeDim) : null,
  };
}

function decodeDim(fields: readonly Field[]): Dim {
  const value = numberOf(fields, 1);
  if (value !== undefined && value > 0) return value;
  return textOf(fields, 2) || null;
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

function encodeGraph(writer: Writer, graph: Graph): void {
  for (const node of graph.nodes) writer.message(1, (child) => encodeNode(child, node));
  writer.text(2, graph.name || 'graph');
  for (const [name, tensor] of graph.initialisers) writer.message(5, (child) => encodeTensor(child, name, tensor));
  for (const input of graph.inputs) writer.message(11, (child) => encodeValueInfo(child, input));
  for (const output of graph.outputs) writer.message(12, (child) => encodeValueInfo(child, output));
}

function encodeNode(writer: Writer, node: Node): void {
  for (const input of node.inputs) writer.text(1, input);
  for (const output of node.outputs) writer.text(2, output);
  if (node.name !== '') writer.text(3, node.name);
  writer.text(4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes)) encodeAttribute(writer, 5, name, attribute);
  if (node.domain !== '') writer.text(7, node.domain);
}

function encodeValueInfo(writer: Writer, info: ValueInfo): void {
  writer.text(1, info.name);
  writer.message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.number(1, codeOfType(info.type));
      const { dims } = info;
      if (dims === null) return;
      tensor.message(2, (shape) => {
        for (const dim of dims) shape.message(1, (child) => encodeDim(child, dim));
      });
    }),
  );
}

function encodeDim(writer: Writer, dim: Dim): void {
  if (typeof dim === 'number') writer.number(1, dim);
  else if (dim !== null) writer.text(2, dim);
}
