/** AttributeProto ↔ `Attribute`. */
import { HistoloopError } from '../errors.ts';
import type { Attribute } from './graph.ts';
import { decodeTensor, encodeTensor } from './onnx-tensor.ts';
import { decodeUtf8, type Field, readFields, readFloats, readNumbers, type Writer } from './protobuf.ts';

type Kind = Attribute['kind'];

const KIND_OF_CODE: Readonly<Record<number, Kind>> = {
  1: 'float',
  2: 'int',
  3: 'string',
  4: 'tensor',
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

export function decodeAttribute(bytes: Uint8Array): { name: string; attribute: Attribute } {
  const fields = readFields(bytes);
  const name = decodeUtf8(bytesOf(fields, 1));
  return { name, attribute: readValue(fields, name, bytes) };
}

function readValue(fields: readonly Field[], name: string, bytes: Uint8Array): Attribute {
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
      if (!fields.some((field) => field.id === 5)) {
        throw new HistoloopError('model-unusable', `attribute '${name}' announces a tensor but has none`);
      }
      return { kind, value: decodeTensor(bytesOf(fields, 5), name).tensor };
    case 'opaque':
      return { kind, bytes: bytes.slice() };
  }
}

/** Writes one AttributeProto as field `id` of its node. */
export function encodeAttribute(node: Writer, id: number, name: string, attribute: Attribute): void {
  if (attribute.kind === 'opaque') {
    node.bytes(id, attribute.bytes);
    return;
  }
  node.message(id, (writer) => {
    writer.text(1, name);
    encodeValue(writer, attribute);
  });
}

function encodeValue(writer: Writer, attribute: Exclude<Attribute, { kind: 'opaque' }>): void {
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
