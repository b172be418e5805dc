/**
 * The protobuf wire format: fields in, fields out. It knows nothing of ONNX. Every length is checked against the bytes
 * that are really there before anything is allocated, so hostile input fails instead of hanging.
 */
import { HistoloopError } from '../errors.ts';
import { toInt64 } from './tensor.ts';

/** One field of a message. Of the three values exactly the one that fits `wire` is meant. */
export interface Field {
  readonly id: number;
  readonly wire: 'varint' | 'fixed64' | 'bytes' | 'fixed32';
  /** A varint as a signed 64-bit number; beyond 2^53 it loses its low bits. */
  readonly number: number;
  /** The payload of a length-delimited field, or the 4 or 8 bytes of a fixed one; a view, not a copy. */
  readonly bytes: Uint8Array;
}

/** A message of more fields than this is no network, and would fill the memory with fields of two bytes each. */
const MOST_FIELDS = 2 ** 21;
const NO_BYTES = new Uint8Array(0);
const WIRES = { 0: 'varint', 1: 'fixed64', 2: 'bytes', 5: 'fixed32' } as const;

function damaged(what: string, at: number): HistoloopError {
  return new HistoloopError('model-unusable', `the model file is damaged: ${what} at byte ${at}; export it again`);
}

/** A position in a byte array that never runs past its end. */
class Cursor {
  at = 0;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The two halves of a varint, both unsigned. */
  varint(): { low: number; high: number } {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.bytes.length) throw damaged('a number is cut short', this.at);
      const byte = this.bytes[this.at++];
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high |= part >>> 4;
      } else high |= shift < 64 ? part << (shift - 32) : 0;
      if (byte < 0x80) return { low: low >>> 0, high: high >>> 0 };
    }
    throw damaged('a number is longer than ten bytes', this.at);
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at)
      throw damaged(`${length} bytes are announced that are not there`, this.at);
    const view = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return view;
  }
}

function signed(half: { low: number; high: number }): number {
  return (half.high | 0) * 4294967296 + half.low;
}

/** Splits one message into its fields, in file order. */
export function readFields(bytes: Uint8Array): Field[] {
  const cursor = new Cursor(bytes);
  const fields: Field[] = [];
  while (cursor.at < bytes.length) {
    if (fields.length === MOST_FIELDS) throw damaged(`more than ${MOST_FIELDS} entries in one part`, cursor.at);
    const key = cursor.varint();
    const wire = WIRES[(key.low & 7) as 0 | 1 | 2 | 5];
    const id = key.low >>> 3;
    if (wire === undefined || id === 0 || key.high !== 0) throw damaged('an unknown kind of field', cursor.at);
    if (wire === 'varint') fields.push({ id, wire, number: signed(cursor.varint()), bytes: NO_BYTES });
    else {
      const length = wire === 'bytes' ? cursor.varint() : { low: wire === 'fixed32' ? 4 : 8, high: 0 };
      if (length.high !== 0) throw damaged('an impossible length', cursor.at);
      fields.push({ id, wire, number: 0, bytes: cursor.take(length.low) });
    }
  }
  return fields;
}

/** Values of a repeated number field, packed or not. */
export function readNumbers(fields: readonly Field[], id: number): number[] {
  return readVarints(fields, id, signed);
}

/** The same for int64 values that must keep all their bits. */
export function readBigInts(fields: readonly Field[], id: number): bigint[] {
  return readVarints(fields, id, (half) => BigInt.asIntN(64, (BigInt(half.high) << 32n) | BigInt(half.low)));
}

function readVarints<T>(fields: readonly Field[], id: number, make: (half: { low: number; high: number }) => T): T[] {
  const values: T[] = [];
  for (const field of fields) {
    if (field.id !== id) continue;
    if (field.wire === 'bytes') {
      const cursor = new Cursor(field.bytes);
      while (cursor.at < field.bytes.length) values.push(make(cursor.varint()));
    } else {
      const high = Math.floor(field.number / 4294967296);
      values.push(make({ low: field.number - high * 4294967296, high: high >>> 0 }));
    }
  }
  return values;
}

/** Repeated floats or doubles, packed or not. */
export function readFloats(fields: readonly Field[], id: number, bytesEach: 4 | 8): number[] {
  const values: number[] = [];
  for (const field of fields) {
    if (field.id !== id) continue;
    if (field.bytes.length % bytesEach !== 0) throw damaged('a list of numbers is cut short', field.bytes.byteOffset);
    const view = new DataView(field.bytes.buffer, field.bytes.byteOffset, field.bytes.length);
    for (let at = 0; at < field.bytes.length; at += bytesEach) {
      values.push(bytesEach === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true));
    }
  }
  return values;
}

/** The same for floats that stay floats: weights by the million, without a list of numbers in between. */
export function readFloat32s(fields: readonly Field[], id: number): Float32Array {
  const parts = fields.filter((field) => field.id === id).map((field) => field.bytes);
  const broken = parts.find((part) => part.length % 4 !== 0);
  if (broken) throw damaged('a list of numbers is cut short', broken.byteOffset);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return new Float32Array(bytes.buffer);
}

/** Collects the bytes of one message; large payloads are kept by reference until `finish`. */
export class Writer {
  private readonly chunks: Uint8Array[] = [];
  private small: number[] = [];
  private length = 0;

  private varint(value: number): void {
    if (value >= 0 && value <= 0x7fffffff) {
      let small = value;
      for (; small >= 0x80; small >>>= 7) this.small.push((small & 0x7f) | 0x80);
      this.small.push(small);
      return;
    }
    let rest = BigInt.asUintN(64, toInt64(value));
    while (rest >= 0x80n) {
      this.small.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.small.push(Number(rest));
  }

  private flush(): void {
    if (this.small.length === 0) return;
    this.chunks.push(Uint8Array.from(this.small));
    this.length += this.small.length;
    this.small = [];
  }

  number(id: number, value: number): this {
    this.varint(id * 8);
    this.varint(value);
    return this;
  }

  bytes(id: number, payload: Uint8Array): this {
    this.varint(id * 8 + 2);
    this.varint(payload.length);
    this.flush();
    this.chunks.push(payload);
    this.length += payload.length;
    return this;
  }

  text(id: number, value: string): this {
    return this.bytes(id, encodeUtf8(value));
  }

  float(id: number, value: number): this {
    this.varint(id * 8 + 5);
    this.small.push(...new Uint8Array(new Float32Array([value]).buffer));
    return this;
  }

  floats(id: number, values: readonly number[]): this {
    return this.bytes(id, new Uint8Array(Float32Array.from(values).buffer));
  }

  numbers(id: number, values: readonly number[]): this {
    const packed = new Writer();
    for (const value of values) packed.varint(value);
    return this.bytes(id, packed.finish());
  }

  message(id: number, write: (child: Writer) => void): this {
    const child = new Writer();
    write(child);
    return this.bytes(id, child.finish());
  }

  finish(): Uint8Array {
    this.flush();
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}

export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return Uint8Array.from(bytes);
}

/** Bytes that are not UTF-8 become U+FFFD; a name is never a reason to refuse a model. */
export function decodeUtf8(bytes: Uint8Array): string {
  const parts: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at];
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    let code = length === 1 ? first : first & (0x7f >> length);
    let ok = length > 0 && first < 0xf5 && at + length <= bytes.length;
    for (let i = 1; ok && i < length; i++) {
      ok = (bytes[at + i] & 0xc0) === 0x80;
      code = (code << 6) | (bytes[at + i] & 63);
    }
    ok &&= code < 0x110000 && (code < 0xd800 || code > 0xdfff);
    parts.push(ok ? String.fromCodePoint(code) : '\ufffd');
    at += ok ? length : 1;
  }
  return parts.join('');
}
