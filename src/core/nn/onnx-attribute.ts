/** AttributeProto ↔ `Attribute`. Graphs inside are read and written by whoever calls (`onnx-graph.ts`). */
import { HistoloopError } from '../errors.ts';
import type { Attribute, Graph } from './graph.ts';
import { decodeTensor, encodeTensor, type TensorReading } from './onnx-tensor.ts';
import { decodeUtf8, type Field, readFields, readFloats, readNumbers, type Writer } from './protobuf.ts';

type Kind = Attribute['kind'];

const KIND_OF_CODE: Readonly<Record<number, Kind>> = {
  1: 'float',
  2: 'int',
  3: 'string',
  4: 'tensor',
  5: 'graph',
  6: 'floats',
  7: 'ints',
  8: 'strings',
};
/** Which kind a field means, for old files that do not say. */
const KIND_OF_FIELD: Readonly<Record<number, Kind>> = {
  2: 'float',
  3: 'int',
  4: 'string',
  5: 'tensor',
  6: 'graph',
  7: 'floats',
  8: 'ints',
  9: 'strings',
};

function kindOf(fields: readonly Field[]): Kind {
  const code = fields.findLast((field) => field.id === 20)?.number ?? 0;
  if (code !== 0) return KIND_OF_CODE[code] ?? 'opaque';
  const telling = fields.find((field) => KIND_OF_FIELD[field.id] !== undefined);
  return telling ? KIND_OF_FIELD[telling.id] : 'opaque';
}

function bytesOf(fields: readonly Field[], id: number): Uint8Array {
  return fields.findLast((field) => field.id === id)?.bytes ?? new Uint8Array(0);
}

export interface AttributeReading extends TensorReading {
  readonly graph: (bytes: Uint8Array) => Graph;
  /** Inside a function: what its caller gave for its own attributes. */
  readonly given: ReadonlyMap<string, Attribute>;
}

/** Null where it refers to an attribute of the function around it that the caller left out. */
export function decodeAttribute(
  bytes: Uint8Array,
  reading: AttributeReading,
): { name: string; attribute: Attribute } | null {
  const fields = readFields(bytes);
  const name = decodeUtf8(bytesOf(fields, 1));
  const referred = decodeUtf8(bytesOf(fields, 21));
  if (referred === '') return { name, attribute: readValue(fields, { name, bytes, reading }) };
  const given = reading.given.get(referred);
  return given === undefined ? null : { name, attribute: given };
}

interface Place {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly reading: AttributeReading;
}

function readValue(fields: readonly Field[], { name, bytes, reading }: Place): Attribute {
  const kind = kindOf(fields);
  switch (kind) {
    case 'float':
      return { kind, value: readFloats(fields, 2, 4).at(-1) ?? 0 };
    case 'int':
      return { kind, value: fields.findLast((field) => field.id === 3)?.number ?? 0 };
    case 'string':
      return { kind, value: decodeUtf8(bytesOf(fields, 4)) };
    case 'floats':
      return { kind, value: readFloats(fields, 7, 4) };
    case 'ints':
      return { kind, value: readNumbers(fields, 8) };
    case 'strings':
      return { kind, value: fields.filter((field) => field.id === 9).map((field) => decodeUtf8(field.bytes)) };
    case 'tensor':
      requirePart(fields, 5, `attribute '${name}' announces a tensor but has none`);
      return { kind, value: decodeTensor(bytesOf(fields, 5), name, reading).tensor };
    case 'graph':
      requirePart(fields, 6, `attribute '${name}' announces a graph but has none`);
      return { kind, value: reading.graph(bytesOf(fields, 6)) };
    case 'opaque':
      return { kind, bytes: new Uint8Array(bytes) };
  }
}

function requirePart(fields: readonly Field[], id: number, problem: string): void {
  if (!fields.some((field) => field.id === id)) throw new HistoloopError('model-unusable', problem);
}

type WriteGraph = (writer: Writer, graph: Graph) => void;

/** Writes one AttributeProto as field 5 of its node. */
export function encodeAttribute(node: Writer, name: string, attribute: Attribute, writeGraph: WriteGraph): void {
  if (attribute.kind === 'opaque') {
    node.bytes(5, attribute.bytes);
    return;
  }
  node.message(5, (writer) => {
    writer.text(1, name);
    encodeValue(writer, attribute, writeGraph);
  });
}

function encodeValue(writer: Writer, attribute: Exclude<Attribute, { kind: 'opaque' }>, writeGraph: WriteGraph): void {
  switch (attribute.kind) {
    case 'float':
      writer.float(2, attribute.value).number(20, 1);
      break;
    case 'int':
      writer.number(3, attribute.value).number(20, 2);
      break;
    case 'string':
      writer.text(4, attribute.value).number(20, 3);
      break;
    case 'tensor':
      writer.message(5, (tensor) => encodeTensor(tensor, '', attribute.value)).number(20, 4);
      break;
    case 'graph':
      writer.message(6, (graph) => writeGraph(graph, attribute.value)).number(20, 5);
      break;
    case 'floats':
      writer.floats(7, attribute.value).number(20, 6);
      break;
    case 'ints':
      writer.numbers(8, attribute.value).number(20, 7);
      break;
    case 'strings':
      for (const text of attribute.value) writer.text(9, text);
      writer.number(20, 8);
      break;
  }
}
