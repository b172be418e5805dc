/**
 * TensorProto ↔ `Tensor`. float16 and bfloat16 become float32 on the way in; types we cannot hold are refused by name.
 * Numbers in a file beside the model are asked of the caller, who alone may touch files.
 */
import { HistoloopError } from '../errors.ts';
import { textOf } from './onnx-fields.ts';
import { type Field, readBigInts, readFields, readFloat32s, readFloats, readNumbers, type Writer } from './protobuf.ts';
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
  17: 'float8',
  18: 'float8',
  19: 'float8',
  20: 'float8',
  21: 'uint4',
  22: 'int4',
  23: 'float4',
};
const FLOAT16 = 10;
const BFLOAT16 = 16;
/** More elements than this cannot be addressed by one typed array, whatever the file says. */
const MAX_ELEMENTS = 2 ** 31;
const MAX_RANK = 32;

/** Where the numbers of a tensor lie beside the model, as its file says: to be doubted. */
export interface ExternalPlace {
  readonly tensor: string;
  readonly location: string;
  readonly offset: number;
  /** Bytes that the tensor's shape and type need; the file's own word agrees. */
  readonly length: number;
}

/** What reading a tensor needs from outside. */
export interface TensorReading {
  /** Gives bytes of their own buffer; null where only whole files are read. */
  readonly external: ((place: ExternalPlace) => Uint8Array) | null;
  /** Called for each tensor of half precision. */
  readonly sawHalf: () => void;
}

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
export function decodeTensor(bytes: Uint8Array, where: string, reading: TensorReading): NamedTensor {
  const fields = readFields(bytes);
  const name = textOf(fields, 8);
  const label = `tensor '${name || where}'`;
  const code = fields.findLast((field) => field.id === 2)?.number ?? 0;
  const type = typeOfCode(code, label);
  if (code === FLOAT16 || code === BFLOAT16) reading.sawHalf();
  const dims = readNumbers(fields, 1);
  const size = sizeOf(dims);
  if (dims.length > MAX_RANK || dims.some((dim) => dim < 0) || !(size < MAX_ELEMENTS)) {
    const shown = `${dims.slice(0, 8).join('×')}${dims.length > 8 ? '×…' : ''}`;
    throw new HistoloopError('model-unusable', `${label} claims the impossible shape ${shown}`);
  }
  const expected = { type, dims, label };
  if (liesOutside(fields)) return { name, tensor: fromOutside(fields, code, expected, reading) };
  const raw = fields.findLast((field) => field.id === 9);
  // Not slice(): Node's Buffer, which the caller may have read the file into, only gives another view.
  return { name, tensor: raw ? fromRaw(new Uint8Array(raw.bytes), code, expected) : fromTyped(fields, code, expected) };
}

function liesOutside(fields: readonly Field[]): boolean {
  return fields.some((field) => field.id === 13) || fields.some((field) => field.id === 14 && field.number === 1);
}

function fromOutside(fields: readonly Field[], code: number, expected: Expected, reading: TensorReading): Tensor {
  const { label, dims } = expected;
  if (reading.external === null) {
    throw new HistoloopError(
      'model-unusable',
      `${label} lies in a separate weights file; save the model as one file with its weights inside`,
    );
  }
  const said = new Map(
    fields
      .filter((field) => field.id === 13)
      .map((field) => readFields(field.bytes))
      .map((entry) => [textOf(entry, 1), textOf(entry, 2)] as const),
  );
  const length = sizeOf(dims) * bytesPerElement(code);
  const offset = wholeNumber(said.get('offset') ?? '0');
  const saidLength = wholeNumber(said.get('length') ?? String(length));
  const location = said.get('location') ?? '';
  if (location === '' || offset === null || saidLength !== length) {
    throw new HistoloopError(
      'model-unusable',
      `${label} of shape ${dims.join('×')} needs ${length} bytes but lies at '${location}', offset ${said.get('offset') ?? 0}, length ${said.get('length') ?? 'unsaid'}; export the model again`,
    );
  }
  return fromRaw(reading.external({ tensor: label, location, offset, length }), code, expected);
}

function wholeNumber(text: string): number | null {
  const value = Number(text);
  return /^[0-9]{1,15}$/.test(text) ? value : null;
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

/** `raw` must be a buffer of its own: the view on the file is the whole file, and its offset need not be aligned. */
function fromRaw(raw: Uint8Array, code: number, expected: Expected): Tensor {
  checkCount(raw.length / bytesPerElement(code), expected);
  const { type, dims } = expected;
  const { buffer } = raw;
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
  if (code === 1) {
    const data = readFloat32s(fields, 4);
    checkCount(data.length, expected);
    return { type, dims, data };
  }
  const values = code === 11 ? readFloats(fields, 10, 8) : readNumbers(fields, 5);
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
