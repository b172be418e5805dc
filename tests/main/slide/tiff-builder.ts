/** Writes small TIFF files of our own, so that every packing, byte order and damage can be tested without real slides. */
import { deflateSync, zstdCompressSync } from 'node:zlib';

export interface BuiltPage {
  readonly width: number;
  readonly height: number;
  /** Omit for one strip over the whole page. */
  readonly tile?: number;
  readonly compression?: number;
  readonly photometric?: number;
  readonly samples?: number;
  readonly bits?: number;
  readonly description?: string;
  /** Pixels per unit as a fraction, and the unit (2 inch, 3 cm). */
  readonly resolution?: readonly [numerator: number, denominator: number, unit: number];
  readonly predictor?: number;
  /** Stored bytes of a tile; by default its samples from `pixelAt`, packed. */
  readonly packed?: (column: number, row: number) => Uint8Array;
  readonly pixelAt?: (x: number, y: number) => readonly number[];
  /** More tags: tag, type (3 short, 4 long), values. */
  readonly tags?: readonly (readonly [tag: number, type: 3 | 4, values: readonly number[]])[];
}

export interface BuiltFile {
  readonly big?: boolean;
  readonly motorola?: boolean;
  readonly pages: readonly BuiltPage[];
}

/** A picture whose every pixel tells its own place. */
export function placeColour(x: number, y: number): readonly number[] {
  return [(x * 3) & 255, (y * 5) & 255, (x + y) & 255];
}

const PACK: Record<number, (bytes: Uint8Array) => Uint8Array> = {
  1: (bytes) => bytes,
  5: packLzw,
  8: (bytes) => deflateSync(bytes),
  32773: packBits,
  50000: (bytes) => zstdCompressSync(bytes),
};

function packBits(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < bytes.length; i += 128) {
    const part = bytes.subarray(i, i + 128);
    out.push(part.length - 1, ...part);
  }
  return Uint8Array.from(out);
}

/** TIFF LZW, most significant bit first; a plain dictionary coder. */
function packLzw(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  let buffer = 0n;
  let bits = 0;
  let width = 9;
  let table = new Map<string, number>();
  let next = 258;
  const put = (code: number) => {
    buffer = (buffer << BigInt(width)) | BigInt(code);
    bits += width;
    while (bits >= 8) {
      bits -= 8;
      out.push(Number((buffer >> BigInt(bits)) & 255n));
      buffer &= (1n << BigInt(bits)) - 1n;
    }
  };
  const codeOf = (run: string) => (run.length === 1 ? run.charCodeAt(0) : table.get(run)!);
  put(256);
  let run = '';
  for (const byte of bytes) {
    const longer = run + String.fromCharCode(byte);
    if (longer.length === 1 || table.has(longer)) {
      run = longer;
      continue;
    }
    put(codeOf(run));
    table.set(longer, next++);
    if (next === (1 << width) - 1 + 1 && width < 12) width++;
    if (next === 4094) {
      put(256);
      table = new Map();
      next = 258;
      width = 9;
    }
    run = String.fromCharCode(byte);
  }
  if (run !== '') put(codeOf(run));
  put(257);
  if (bits > 0) out.push(Number((buffer << BigInt(8 - bits)) & 255n));
  return Uint8Array.from(out);
}

function samplesOf(page: BuiltPage, x0: number, y0: number, width: number, height: number): Uint8Array {
  const channels = page.samples ?? 3;
  const bytesPer = (page.bits ?? 8) / 8;
  const bytes = Buffer.alloc(width * height * channels * bytesPer);
  let at = 0;
  for (let y = 0; y < height; y++) {
    let before: readonly number[] = [];
    for (let x = 0; x < width; x++) {
      const pixel = (page.pixelAt ?? placeColour)(x0 + x, y0 + y);
      for (let c = 0; c < channels; c++) {
        const value = page.predictor === 2 ? pixel[c]! - (before[c] ?? 0) : pixel[c]!;
        if (bytesPer === 2) bytes.writeUInt16LE(value & 0xffff, at);
        else bytes[at] = value & 255;
        at += bytesPer;
      }
      before = pixel;
    }
  }
  return bytes;
}

export function buildTiff(file: BuiltFile): Buffer {
  const little = !file.motorola;
  const out: Buffer[] = [Buffer.alloc(file.big ? 16 : 8)];
  let length = out[0]!.length;
  const add = (bytes: Uint8Array): number => {
    const at = length;
    out.push(Buffer.from(bytes));
    length += bytes.length;
    if (length % 2 === 1) {
      out.push(Buffer.alloc(1));
      length += 1;
    }
    return at;
  };
  const number = (value: number, size: 2 | 4 | 8): Buffer => {
    const bytes = Buffer.alloc(size);
    if (size === 8) little ? bytes.writeBigUInt64LE(BigInt(value)) : bytes.writeBigUInt64BE(BigInt(value));
    else if (size === 4) little ? bytes.writeUInt32LE(value >>> 0) : bytes.writeUInt32BE(value >>> 0);
    else little ? bytes.writeUInt16LE(value) : bytes.writeUInt16BE(value);
    return bytes;
  };
  const offsetSize = file.big ? 8 : 4;
  const directories = file.pages.map((page) => buildDirectory(page, { add, number, offsetSize }));
  const offsets: number[] = [];
  for (const directory of directories) offsets.push(add(directory));
  const whole = Buffer.concat(out);
  directories.forEach((directory, i) => {
    number(offsets[i + 1] ?? 0, offsetSize).copy(whole, offsets[i]! + directory.length - offsetSize);
  });
  whole.write(little ? 'II' : 'MM', 0, 'latin1');
  number(file.big ? 43 : 42, 2).copy(whole, 2);
  if (file.big) number(8, 2).copy(whole, 4);
  number(offsets[0]!, offsetSize).copy(whole, file.big ? 8 : 4);
  return whole;
}

interface Writer {
  add(bytes: Uint8Array): number;
  number(value: number, size: 2 | 4 | 8): Buffer;
  readonly offsetSize: 4 | 8;
}

function buildDirectory(page: BuiltPage, writer: Writer): Buffer {
  const { add, number, offsetSize } = writer;
  const tile = page.tile ?? 0;
  const samples = page.samples ?? 3;
  const compression = page.compression ?? 1;
  const offsets: number[] = [];
  const counts: number[] = [];
  for (let row = 0; row < (tile ? Math.ceil(page.height / tile) : 1); row++) {
    for (let column = 0; column < (tile ? Math.ceil(page.width / tile) : 1); column++) {
      const bytes =
        page.packed?.(column, row) ??
        PACK[compression]!(samplesOf(page, column * tile, row * tile, tile || page.width, tile || page.height));
      offsets.push(bytes.length === 0 ? 0 : add(bytes));
      counts.push(bytes.length);
    }
  }
  type Entry = { tag: number; type: number; count: number; bytes: Buffer };
  const entries: Entry[] = [];
  const numbers = (tag: number, type: 3 | 4, values: readonly number[]) => {
    entries.push({
      tag,
      type,
      count: values.length,
      bytes: Buffer.concat(values.map((v) => number(v, type === 3 ? 2 : 4))),
    });
  };
  numbers(256, 4, [page.width]);
  numbers(257, 4, [page.height]);
  numbers(258, 3, Array(samples).fill(page.bits ?? 8));
  numbers(259, 3, [compression]);
  numbers(262, 3, [page.photometric ?? (samples === 1 ? 1 : 2)]);
  if (page.description !== undefined) {
    const text = Buffer.from(`${page.description}\0`, 'utf8');
    entries.push({ tag: 270, type: 2, count: text.length, bytes: text });
  }
  if (!tile) numbers(273, 4, offsets);
  numbers(277, 3, [samples]);
  if (!tile) {
    numbers(278, 4, [page.height]);
    numbers(279, 4, counts);
  }
  if (page.resolution) {
    const [numerator, denominator, unit] = page.resolution;
    const bytes = Buffer.concat([number(numerator, 4), number(denominator, 4)]);
    entries.push({ tag: 282, type: 5, count: 1, bytes }, { tag: 283, type: 5, count: 1, bytes });
    numbers(296, 3, [unit]);
  }
  if (page.predictor !== undefined) numbers(317, 3, [page.predictor]);
  if (tile) {
    numbers(322, 4, [tile]);
    numbers(323, 4, [tile]);
    numbers(324, 4, offsets);
    numbers(325, 4, counts);
  }
  for (const [tag, type, values] of page.tags ?? []) numbers(tag, type, values);
  entries.sort((a, b) => a.tag - b.tag);
  const encoded = entries.map(({ tag, type, count, bytes }) => {
    const value = Buffer.alloc(offsetSize);
    if (bytes.length <= offsetSize) bytes.copy(value);
    else number(add(bytes), offsetSize).copy(value);
    return Buffer.concat([number(tag, 2), number(type, 2), number(count, offsetSize), value]);
  });
  return Buffer.concat([number(entries.length, offsetSize === 8 ? 8 : 2), ...encoded, Buffer.alloc(offsetSize)]);
}
