/** GraphProto, NodeProto and ValueInfoProto ↔ `Graph`. Recorded shapes of inner values are not kept. */
import { HistoloopError } from '../errors.ts';
import type { Attribute, Dim, Graph, Node, ValueInfo } from './graph.ts';
import { decodeAttribute, encodeAttribute } from './onnx-attribute.ts';
import { messages, numberOf, textOf, texts } from './onnx-fields.ts';
import { codeOfType, decodeTensor, encodeTensor, type TensorReading, typeOfCode } from './onnx-tensor.ts';
import { type Field, readFields, type Writer } from './protobuf.ts';
import type { Tensor } from './session.ts';

/** Branches in branches; honest exporters need three. */
const DEEPEST = 24;

export interface GraphReading extends TensorReading {
  readonly depth: number;
  /** Inside a function: what its caller gave for its own attributes. */
  readonly given: ReadonlyMap<string, Attribute>;
}

export function decodeGraph(fields: readonly Field[], reading: GraphReading): Graph {
  const initialisers = new Map<string, Tensor>();
  for (const field of fields) {
    if (field.id !== 5) continue;
    const { name, tensor } = decodeTensor(field.bytes, 'without a name', reading);
    if (initialisers.has(name)) throw new HistoloopError('model-unusable', `two weights are called '${name}'`);
    initialisers.set(name, tensor);
  }
  if (fields.some((field) => field.id === 15)) {
    throw new HistoloopError('model-unusable', 'the model holds sparse weights; export it with dense ones');
  }
  return {
    name: textOf(fields, 2),
    nodes: decodeNodes(fields, 1, reading),
    initialisers,
    // Up to IR version 3 every weight was listed as an input too.
    inputs: messages(fields, 11)
      .filter((input) => !initialisers.has(textOf(input, 1)))
      .map((input) => decodeValueInfo(input, reading)),
    outputs: messages(fields, 12).map((output) => decodeValueInfo(output, reading)),
  };
}

/** Field 1 of a graph and field 7 of a function. */
export function decodeNodes(fields: readonly Field[], id: number, reading: GraphReading): Node[] {
  return fields.filter((field) => field.id === id).map((field) => decodeNode(readFields(field.bytes), reading));
}

function decodeNode(fields: readonly Field[], reading: GraphReading): Node {
  const domain = textOf(fields, 7);
  const overload = textOf(fields, 8);
  const op = textOf(fields, 4);
  const graph = (bytes: Uint8Array) => decodeBranch(bytes, reading);
  const attributes = fields
    .filter((field) => field.id === 5)
    .map((field) => decodeAttribute(field.bytes, { ...reading, graph }))
    .flatMap((found) => (found === null ? [] : [[found.name, found.attribute] as const]));
  return withoutHalves({
    name: textOf(fields, 3),
    op: overload === '' ? op : `${op}:${overload}`,
    domain: domain === 'ai.onnx' ? '' : domain,
    inputs: texts(fields, 1),
    outputs: texts(fields, 2),
    attributes: Object.fromEntries(attributes),
  });
}

function decodeBranch(bytes: Uint8Array, reading: GraphReading): Graph {
  if (reading.depth === DEEPEST) {
    throw new HistoloopError('model-unusable', `the model nests graphs more than ${DEEPEST} deep; export it again`);
  }
  return decodeGraph(readFields(bytes), { ...reading, depth: reading.depth + 1 });
}

const FLOAT = { kind: 'int', value: 1 } as const;
const HALVES: ReadonlySet<number> = new Set([10, 16]);
/** Where an operator says which type it gives. */
const TYPE_ATTRIBUTE: Readonly<Record<string, string>> = {
  Cast: 'to',
  EyeLike: 'dtype',
  RandomNormalLike: 'dtype',
  RandomUniformLike: 'dtype',
};

/** All half-precision tensors are read as float32, so nothing may be cast to half precision either. */
function withoutHalves(node: Node): Node {
  const name = Object.hasOwn(TYPE_ATTRIBUTE, node.op) && node.domain === '' ? TYPE_ATTRIBUTE[node.op] : undefined;
  const attribute = name === undefined ? undefined : node.attributes[name];
  if (name === undefined || attribute?.kind !== 'int' || !HALVES.has(attribute.value)) return node;
  return { ...node, attributes: { ...node.attributes, [name]: FLOAT } };
}

function decodeValueInfo(fields: readonly Field[], reading: TensorReading): ValueInfo {
  const name = textOf(fields, 1);
  const tensor = messages(fields, 2)
    .flatMap((type) => messages(type, 1))
    .at(-1);
  // Branches may leave out what their values are.
  if (tensor === undefined) throw new HistoloopError('model-unusable', `input or output '${name}' is not a tensor`);
  const shape = messages(tensor, 2).at(-1);
  const code = numberOf(tensor, 1) ?? 0;
  if (HALVES.has(code)) reading.sawHalf();
  return {
    name,
    type: typeOfCode(code, `input or output '${name}'`),
    dims: shape ? messages(shape, 1).map(decodeDim) : null,
  };
}

function decodeDim(fields: readonly Field[]): Dim {
  const value = numberOf(fields, 1);
  if (value !== undefined && value > 0) return value;
  return textOf(fields, 2) || null;
}

export function encodeGraph(writer: Writer, graph: Graph): void {
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
  for (const [name, attribute] of Object.entries(node.attributes))
    encodeAttribute(writer, name, attribute, encodeGraph);
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
