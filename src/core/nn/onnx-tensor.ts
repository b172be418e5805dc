/** TensorProto ↔ `Tensor`. float16 and bfloat16 become float32 on the way in; types we cannot hold are refused by name. */
import { HistoloopError } from '../errors.ts';
import { decodeUtf8, type Field, readBigInts, readFields, readFloats, readNumbers, type Writer } from './protobuf.ts';
import type { Tensor, TensorType } from './session.ts';
import { sizeOf, tensorOf } from './tensor.ts';

const TYPE_OF_CODE: Readonly<Record<number, TensorType>> = {
  1: 'float32',
  2: 'uint8',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float32',
  11: 'float64',
  16: 'float32',
};
const CODE_OF_TYPE: Readonly<Record<TensorType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
};
const OTHER_NAMES: Readonly<Record<number, string>> = {
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  8: 'string',
  12: 'uint32',
  13: 'uint64',
  14: 'complex64',
  15: 'complex128',
};
const FLOAT16 = 10;
const BFLOAT16 = 16;
/** More elements than this cannot be addressed by one typed array, whatever the file says. */
const MAX_ELEMENTS = 2 ** 31;

/** Our type for an ONNX element type. Error: `model-unusable` for one we do not hold. */
export function typeOfCode(code: number, where: string): TensorType {
  const type = TYPE_OF_CODE[code];
  if (type === undefined) {
    const name = OTHER_NAMES[code] ?? `type number ${code}`;
    throw new HistoloopError(
      'model-unusable',
      `${where} holds ${name} values, which are not supported; export the model in float32 without quantisation`,
    );
  }
  return type;
}

export function codeOfType(type: TensorType): number {
  return CODE_OF_TYPE[type];
}

export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/** Reads one TensorProto. `where` names it in errors until its own name is known. */
export function decodeTensor(bytes: Uint8Array, where: string): NamedTensor {
  const fields = readFields(bytes);
  const nameField = fields.find((field) => field.id === 8);
  const name = nameField ? decodeUtf8(nameField.bytes) : '';
  const label = `tensor '${name || where}'`;
  if (fields.some((field) => field.id === 13) || fields.some((field) => field.id === 14 && field.number === 1)) {
    throw new HistoloopError(
      'model-unusable',
      `${label} lies in a separate weights file; save the model as one file with its weights inside`,
    );
  }
  const code = fields.findLast((field) => field.id === 2)?.number ?? 0;
  const type = typeOfCode(code, label);
  const dims = readNumbers(fields, 1);
  const size = sizeOf(dims);
  if (dims.some((dim) => dim < 0) || !(size < MAX_ELEMENTS)) {
    throw new HistoloopError('model-unusable', `${label} claims the impossible shape ${dims.join('×')}`);
  }
  const raw = fields.findLast((field) => field.id === 9);
  const tensor = raw ? fromRaw(raw.bytes, code, { type, dims, label }) : fromTyped(fields, code, { type, dims, label });
  return { name, tensor };
}

interface Expected {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly label: string;
}

function bytesPerElement(code: number): number {
  if (code === FLOAT16 || code === BFLOAT16) return 2;
  if (code === 1 || code === 6) return 4;
  return code === 7 || code === 11 ? 8 : 1;
}

function checkCount(found: number, expected: Expected): void {
  const size = sizeOf(expected.dims);
  if (found === size) return;
  throw new HistoloopError(
    'model-unusable',
    `${expected.label} of shape ${expected.dims.join('×')} needs ${size} values but has ${found}`,
  );
}

function fromRaw(raw: Uint8Array, code: number, expected: Expected): Tensor {
  checkCount(raw.length / bytesPerElement(code), expected);
  const { type, dims } = expected;
  // A copy of its own: the view's buffer is the whole file, and its offset need not be aligned.
  const buffer = raw.slice().buffer;
  switch (type) {
    case 'float32':
      return { type, dims, data: code === 1 ? new Float32Array(buffer) : fromHalves(new Uint16Array(buffer), code) };
    case 'float64':
      return { type, dims, data: new Float64Array(buffer) };
    case 'int32':
      return { type, dims, data: new Int32Array(buffer) };
    case 'int64':
      return { type, dims, data: new BigInt64Array(buffer) };
    default:
      return { type, dims, data: new Uint8Array(buffer) };
  }
}

function fromTyped(fields: readonly Field[], code: number, expected: Expected): Tensor {
  const { type, dims } = expected;
  if (type === 'int64') {
    const values = readBigInts(fields, 7);
    checkCount(values.length, expected);
    return { type, dims, data: BigInt64Array.from(values) };
  }
  const values =
    code === 1 ? readFloats(fields, 4, 4) : code === 11 ? readFloats(fields, 10, 8) : readNumbers(fields, 5);
  checkCount(values.length, expected);
  if (code === FLOAT16 || code === BFLOAT16) return { type, dims, data: fromHalves(Uint16Array.from(values), code) };
  return tensorOf(type, dims, values);
}

function fromHalves(halves: Uint16Array, code: number): Float32Array {
  const data = new Float32Array(halves.length);
  if (code === BFLOAT16) {
    new Uint32Array(data.buffer).set(Uint32Array.from(halves, (half) => half << 16));
    return data;
  }
  for (let i = 0; i < halves.length; i++) data[i] = fromFloat16(halves[i]);
  return data;
}

/** IEEE 754 binary16 → number. */
export function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Writes one TensorProto with raw little-endian data. */
export function encodeTensor(writer: Writer, name: string, tensor: Tensor): void {
  if (tensor.dims.length > 0) writer.numbers(1, tensor.dims);
  writer.number(2, codeOfType(tensor.type));
  if (name !== '') writer.text(8, name);
  const { data } = tensor;
  writer.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
