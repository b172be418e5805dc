/**
 * What an ONNX file says of itself, read field by field without copying a weight: enough to refuse it in words. It checks
 * nothing that the runtime checks better, and it decodes no graph (core/nn/onnx does).
 * Field numbers: onnx.proto of ONNX 1.16.
 */
import { HistoloopError } from '../../core/errors.ts';

/** A protobuf message cannot be larger; nor may the weights that lie in files beside it. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

export interface ModelFile {
  /** Version of the standard operators, 0 where the file does not say. */
  readonly opset: number;
  /** Numbers stored in initialisers. */
  readonly parameters: number;
  /** Tensors whose numbers lie in another file. */
  readonly external: readonly string[];
  /** Domains of operators that are neither standard, Microsoft's, nor defined by the file itself. */
  readonly foreignDomains: readonly string[];
}

type Message = 'model' | 'graph' | 'node' | 'attribute' | 'tensor' | 'sparse' | 'opset' | 'function';

/** Which fields hold which messages; fields that are not here are stepped over. */
const NESTED: Record<Message, Readonly<Record<number, Message>>> = {
  model: { 7: 'graph', 8: 'opset', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  function: { 7: 'node', 11: 'attribute' },
  tensor: {},
  opset: {},
};
const MODEL_FIELDS = new Set([1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26]);
const KNOWN_DOMAINS = /^($|ai\.onnx|com\.microsoft|com\.ms\.)/;
const MAX_DEPTH = 64;
/** Fields in the whole file: the largest honest network has some hundred thousand, a hostile one a thousand million. */
const MAX_FIELDS = 8_000_000;

/** Other things that people take for an ONNX file, by their first bytes. */
const LOOKALIKES: readonly [string, string][] = [
  ['PK', 'it is a zip archive, as PyTorch saves its models; export it with torch.onnx.export'],
  ['\x89HDF', 'it is an HDF5 file, as Keras saves its models; convert it with tf2onnx'],
  ['version https://git-lfs', 'it is a Git LFS pointer, not the model; fetch the file with `git lfs pull`'],
  ['<', 'it is a web page or XML; download the model itself'],
  ['\x80', 'it is a Python pickle; export the model with torch.onnx.export'],
];

/** Errors: `model-unusable` for a file too large to be one ONNX message, or empty. Cheap: reads no byte. */
export function refuseSize(model: Uint8Array): void {
  if (model.byteLength === 0) throw refuse('the model file is empty; copy or export it again');
  if (model.byteLength <= MAX_MODEL_BYTES) return;
  const gigabytes = (model.byteLength / 1e9).toFixed(1);
  throw refuse(`the model file has ${gigabytes} GB; one ONNX file holds at most 2.1 GB, use a smaller network`);
}

/** Errors: `model-unusable` where weights lie in other files: a model must not choose which files are read. */
export function refuseUnsafe(model: Uint8Array): void {
  const { external } = readModelFile(model);
  if (external.length === 0) return;
  const names = external.slice(0, 3).join(', ');
  throw refuse(
    `${external.length} weight${external.length > 1 ? 's' : ''} (${names}) of the model lie in another file; ` +
      'save it as one file (onnx.save_model with save_as_external_data=False)',
  );
}

/** Errors: `model-unusable` where the bytes are not ONNX or stop short. */
export function readModelFile(bytes: Uint8Array): ModelFile {
  refuseSize(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const file = { opset: 0, parameters: 0, external: [] as string[], graphs: 0 };
  const domains = new Set<string>();
  const own = new Set<string>();
  const visit = (message: Message, fields: Fields) => {
    if (message === 'graph') file.graphs++;
    if (message === 'opset' && KNOWN_STANDARD.has(fields.text(1))) file.opset = Math.max(file.opset, fields.number(2));
    if (message === 'node') domains.add(fields.text(7));
    if (message === 'function') own.add(fields.text(10));
    if (message !== 'tensor') return;
    file.parameters += fields.dims();
    if (fields.number(14) === 1 || fields.has(13)) file.external.push(fields.text(8) || 'unnamed');
  };
  try {
    walk({ view, start: 0, end: bytes.byteLength, message: 'model', depth: 0, budget: { left: MAX_FIELDS } }, visit);
  } catch (cause) {
    throw cause instanceof Malformed ? damaged(bytes, cause) : cause;
  }
  if (file.graphs === 0) throw notOnnx(bytes);
  const foreignDomains = [...domains].filter((domain) => !KNOWN_DOMAINS.test(domain) && !own.has(domain));
  return { ...file, foreignDomains };
}

const KNOWN_STANDARD = new Set(['', 'ai.onnx']);

class Malformed extends Error {
  readonly cutShort: boolean;
  constructor(cutShort: boolean) {
    super(cutShort ? 'stops short' : 'not protobuf');
    this.cutShort = cutShort;
  }
}

/** The plain fields of one message. */
class Fields {
  readonly view: DataView;
  readonly numbers = new Map<number, number>();
  readonly spans = new Map<number, [start: number, end: number]>();
  /** Field 1 of a tensor, one by one or packed. */
  size = 1;
  constructor(view: DataView) {
    this.view = view;
  }
  has = (field: number) => this.spans.has(field);
  number = (field: number) => this.numbers.get(field) ?? 0;
  dims = () => this.size;
  text(field: number): string {
    const [start, end] = this.spans.get(field) ?? [0, 0];
    return new TextDecoder().decode(new Uint8Array(this.view.buffer, this.view.byteOffset + start, end - start));
  }
}

interface Span {
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
  readonly message: Message;
  readonly depth: number;
  /** Shared by the whole file. */
  readonly budget: { left: number };
}

function walk(span: Span, visit: (message: Message, fields: Fields) => void): void {
  const { view, end, message, depth, budget } = span;
  if (depth > MAX_DEPTH) throw new Malformed(false);
  const fields = new Fields(view);
  let at = span.start;
  while (at < end) {
    if (--budget.left < 0)
      throw refuse(`the model file declares over ${MAX_FIELDS / 1e6} million parts; it is no network`);
    const [tag, afterTag] = varint(view, at, end);
    const field = Math.floor(tag / 8);
    const wire = tag % 8;
    if (field === 0 || (message === 'model' && !MODEL_FIELDS.has(field))) throw new Malformed(false);
    if (wire === 0) {
      const [value, next] = varint(view, afterTag, end);
      fields.numbers.set(field, value);
      if (message === 'tensor' && field === 1) fields.size *= value;
      at = next;
    } else if (wire === 2) {
      const [length, start] = varint(view, afterTag, end);
      at = start + length;
      if (at > end) throw new Malformed(true);
      fields.spans.set(field, [start, at]);
      const nested = NESTED[message][field];
      if (nested) walk({ view, start, end: at, message: nested, depth: depth + 1, budget }, visit);
      if (message === 'tensor' && field === 1) fields.size *= packedProduct(view, start, at);
    } else if (wire === 1 || wire === 5) {
      at = afterTag + (wire === 1 ? 8 : 4);
      if (at > end) throw new Malformed(true);
    } else throw new Malformed(false);
  }
  visit(message, fields);
}

function packedProduct(view: DataView, start: number, end: number): number {
  let product = 1;
  for (let at = start; at < end; ) {
    const [value, next] = varint(view, at, end);
    product *= value;
    at = next;
  }
  return product;
}

/** Value and where it ends. Values beyond 2^53 lose their low bits: none of ours are. */
function varint(view: DataView, start: number, end: number): [value: number, next: number] {
  let value = 0;
  for (let at = start, scale = 1; at < start + 10; at++, scale *= 128) {
    if (at >= end) throw new Malformed(true);
    const byte = view.getUint8(at);
    value += (byte & 127) * scale;
    if (byte < 128) return [value, at + 1];
  }
  throw new Malformed(false);
}

function damaged(bytes: Uint8Array, cause: Malformed): HistoloopError {
  const beginsWell = bytes[0] === 8 && (bytes[1] ?? 0) < 32;
  if (!beginsWell) return notOnnx(bytes);
  return cause.cutShort
    ? refuse(`the model file stops short after ${bytes.byteLength} bytes; copy or download it again`)
    : refuse('the model file is damaged: it begins as ONNX but does not go on so; copy or download it again');
}

function notOnnx(bytes: Uint8Array): HistoloopError {
  const head = String.fromCharCode(...bytes.subarray(0, 32)).trimStart();
  const lookalike = LOOKALIKES.find(([start]) => head.startsWith(start))?.[1];
  return refuse(
    `the file is not an ONNX model; ${lookalike ?? 'export the network to ONNX and choose the .onnx file'}`,
  );
}

/** For this file and those that read a model's weights. */
export function refuse(sentence: string): HistoloopError {
  return new HistoloopError('model-unusable', sentence);
}
