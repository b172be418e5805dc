/**
 * An interrupted training as bytes: all that the next step depends on. It writes and reads bytes; where they lie, and that
 * they are whole on a disk, is the caller's. Little-endian, as every machine that we run on.
 *
 *   8 bytes `HLTRAIN1` · uint32 header length · header (JSON, padded with spaces) · sections, each from a multiple of 8 ·
 *   SHA-256 of all before
 */
import { HistoloopError } from '../errors.ts';
import { decodeUtf8, encodeUtf8 } from '../nn/protobuf.ts';
import type { Tensor, TensorData, TensorType } from '../nn/session.ts';
import type { ScoredCheckpoint } from './checkpoints.ts';

export interface TrainingCheckpoint {
  /** What is trained, by hash: network, step graph, blocks, schedule. Another training must not go on from it. */
  readonly identity: string;
  /** Loss of every step so far; their number is the step. */
  readonly losses: readonly number[];
  /** Where the generator of chance stood (`Random.state`) and which blocks were still to be visited (`BatchSource.order`). */
  readonly random: readonly number[];
  readonly order: readonly number[];
  /** The best weights so far, or null before the first look. */
  readonly best: ScoredCheckpoint | null;
  /** What `Session.readState` gave, by name. */
  readonly state: Readonly<Record<string, Tensor>>;
}

export type Digest = (bytes: Uint8Array) => Uint8Array;

interface Section {
  readonly name: string;
  readonly type: TensorType;
  readonly dims: readonly number[];
}

interface Header {
  readonly format: typeof FORMAT;
  readonly identity: string;
  readonly random: readonly number[];
  readonly best: { readonly step: number; readonly score: number | null } | null;
  readonly sections: readonly Section[];
}

const MAGIC = 'HLTRAIN1';
const FORMAT = 'histoloop-training-checkpoint/1';
const HEADER_AT = MAGIC.length + 4;
const DIGEST_BYTES = 32;
const MAX_HEADER_BYTES = 1 << 20;
const STATE = 'state/';

const ARRAYS: { readonly [T in TensorType]: { new (buffer: ArrayBuffer): TensorData; BYTES_PER_ELEMENT: number } } = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** The bytes in order, without the digest that closes the file; large arrays are not copied. */
export function checkpointParts(checkpoint: TrainingCheckpoint): Uint8Array[] {
  const { losses, order, best, state, identity, random } = checkpoint;
  const tensors: [string, Tensor][] = [
    ['losses', { type: 'float64', dims: [losses.length], data: Float64Array.from(losses) }],
    ['order', { type: 'int32', dims: [order.length], data: Int32Array.from(order) }],
    ...(best ? [['best', { type: 'uint8', dims: [best.model.length], data: best.model }] as [string, Tensor]] : []),
    ...Object.entries(state).map(([name, tensor]): [string, Tensor] => [STATE + name, tensor]),
  ];
  const header: Header = {
    format: FORMAT,
    identity,
    random,
    best: best && { step: best.step, score: best.score },
    sections: tensors.map(([name, { type, dims }]) => ({ name, type, dims })),
  };
  return [headerBytes(header), ...tensors.flatMap(([, { data }]) => [bytesOf(data), padding(data.byteLength)])];
}

function headerBytes(header: Header): Uint8Array {
  const json = encodeUtf8(JSON.stringify(header));
  const length = json.length + padding(HEADER_AT + json.length).length;
  const bytes = new Uint8Array(HEADER_AT + length).fill(0x20);
  bytes.set(encodeUtf8(MAGIC));
  new DataView(bytes.buffer).setUint32(MAGIC.length, length, true);
  bytes.set(json, HEADER_AT);
  return bytes;
}

const bytesOf = (data: TensorData) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const padding = (length: number) => new Uint8Array((8 - (length % 8)) % 8);

/** Errors: `file-unreadable` with what is wrong; the digest is checked before anything is believed. */
export function readCheckpoint(bytes: Uint8Array, sha256: Digest): TrainingCheckpoint {
  const body = bytes.subarray(0, Math.max(0, bytes.length - DIGEST_BYTES));
  if (!encodeUtf8(MAGIC).every((byte, i) => byte === bytes[i])) {
    throw refuse('it is not a checkpoint of a training');
  }
  const digest = sha256(body);
  if (body.length < HEADER_AT || !bytes.subarray(body.length).every((byte, i) => byte === digest[i])) {
    throw refuse('it is cut short or damaged');
  }
  const { header, end } = readHeader(body);
  const sections = readSections(body, header.sections, end);
  const losses = sections.get('losses');
  const order = sections.get('order');
  if (!losses || !order) throw refuse('its losses or its order are missing');
  const model = sections.get('best');
  return {
    identity: header.identity,
    losses: Array.from(losses.data, Number),
    order: Array.from(order.data, Number),
    random: header.random,
    best: header.best && model ? { ...header.best, model: model.data as Uint8Array } : null,
    state: Object.fromEntries(
      [...sections]
        .filter(([name]) => name.startsWith(STATE))
        .map(([name, tensor]) => [name.slice(STATE.length), tensor]),
    ),
  };
}

/** The digest says that these bytes are ours; a later version's header is still refused in words. */
function readHeader(body: Uint8Array): { header: Header; end: number } {
  const length = new DataView(body.buffer, body.byteOffset).getUint32(MAGIC.length, true);
  const end = HEADER_AT + length;
  if (length > MAX_HEADER_BYTES || end > body.length) throw refuse(`its header of ${length} bytes is too long`);
  const header = parse(decodeUtf8(body.subarray(HEADER_AT, end)));
  if (!isHeader(header)) throw refuse('it was written by another version of Histoloop');
  return { header, end };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function isHeader(value: unknown): value is Header {
  const header = value as Partial<Header> | null;
  return (
    header?.format === FORMAT &&
    typeof header.identity === 'string' &&
    isCounts(header.random) &&
    Array.isArray(header.sections) &&
    header.sections.every(
      (section: Partial<Section> | null) =>
        typeof section?.name === 'string' && Object.hasOwn(ARRAYS, section.type ?? '') && isCounts(section.dims),
    )
  );
}

function isCounts(values: unknown): boolean {
  return Array.isArray(values) && values.every((value) => Number.isSafeInteger(value) && value >= 0);
}

function readSections(body: Uint8Array, sections: readonly Section[], start: number): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  let at = start;
  for (const { name, type, dims } of sections) {
    const length = dims.reduce((product, dim) => product * dim, ARRAYS[type].BYTES_PER_ELEMENT);
    if (at + length > body.length) throw refuse(`its part ${name} is longer than the file`);
    found.set(name, { type, dims, data: new ARRAYS[type](new Uint8Array(body.subarray(at, at + length)).buffer) });
    at += length + padding(length).length;
  }
  if (at !== body.length) throw refuse(`it goes on for ${body.length - at} bytes after its last part`);
  return found;
}

function refuse(reason: string): HistoloopError {
  return new HistoloopError('file-unreadable', `a checkpoint of a training cannot be used: ${reason}`);
}
