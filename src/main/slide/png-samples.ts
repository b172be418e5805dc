/**
 * The stored values of a PNG: grey levels or palette indices exactly as written, 1 to 16 bits, with no colour management.
 * For label pictures, where a changed value is a wrong class; photographs go through `image-codec.ts`.
 */
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const inflateAsync = promisify(inflate);

export interface PngSamples {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly bits: number;
  /** Row-major, `channels` values a pixel. */
  readonly data: Uint8Array | Uint16Array;
}

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** Throws a plain Error in words where the file is damaged, interlaced or larger than `maxPixels`. */
export async function readPngSamples(bytes: Uint8Array, maxPixels: number): Promise<PngSamples> {
  const { header, compressed } = readChunks(bytes);
  const { width, height, bits, colourType } = header;
  if (width * height > maxPixels || width * height === 0) throw new Error(`it is ${width} × ${height} pixels`);
  if (header.interlaced) throw new Error('it is interlaced; save it without interlacing');
  const channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[colourType];
  if (channels === undefined || ![1, 2, 4, 8, 16].includes(bits))
    throw new Error(`its colour type ${colourType} is unknown`);
  const rowBytes = Math.ceil((width * channels * bits) / 8);
  const filtered = await inflateAsync(compressed, { maxOutputLength: (rowBytes + 1) * height + 1024 });
  if (filtered.length < (rowBytes + 1) * height) throw new Error('its picture data ends early');
  const rows = unfilter(filtered, { rowBytes, height, pixelBytes: Math.max(1, (channels * bits) >> 3) });
  return {
    width,
    height,
    channels,
    bits,
    data: spreadBits(rows, { rowBytes, height, bits, perRow: width * channels }),
  };
}

interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly colourType: 0 | 2 | 3 | 4 | 6;
  readonly interlaced: boolean;
}

function readChunks(bytes: Uint8Array): { header: PngHeader; compressed: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let header: PngHeader | null = null;
  let at = 8;
  while (at + 12 <= bytes.length) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (data.length < length) throw new Error('it ends early');
    if (kind === 'IHDR' && length >= 13) {
      const colourType = data[9] as PngHeader['colourType'];
      header = {
        width: view.getUint32(at + 8),
        height: view.getUint32(at + 12),
        bits: data[8]!,
        colourType,
        interlaced: data[12] !== 0,
      };
    }
    if (kind === 'IDAT') parts.push(data);
    if (kind === 'IEND') break;
    at += 12 + length;
  }
  if (header === null || parts.length === 0) throw new Error('it holds no picture');
  return { header, compressed: Buffer.concat(parts) };
}

/** PNG specification, section 9.2: each row says how it was predicted from its neighbours. */
function unfilter(filtered: Uint8Array, shape: { rowBytes: number; height: number; pixelBytes: number }): Uint8Array {
  const { rowBytes, height, pixelBytes } = shape;
  const rows = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const kind = filtered[y * (rowBytes + 1)]!;
    if (kind > 4) throw new Error(`row ${y} uses the unknown filter ${kind}`);
    const from = y * (rowBytes + 1) + 1;
    const to = y * rowBytes;
    for (let i = 0; i < rowBytes; i++) {
      const left = i < pixelBytes ? 0 : rows[to + i - pixelBytes]!;
      const up = y === 0 ? 0 : rows[to + i - rowBytes]!;
      const upLeft = y === 0 || i < pixelBytes ? 0 : rows[to + i - rowBytes - pixelBytes]!;
      rows[to + i] = filtered[from + i]! + predicted(kind, left, up, upLeft);
    }
  }
  return rows;
}

function predicted(kind: number, left: number, up: number, upLeft: number): number {
  if (kind === 0) return 0;
  if (kind === 1) return left;
  if (kind === 2) return up;
  if (kind === 3) return (left + up) >> 1;
  const guess = left + up - upLeft;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - upLeft)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : upLeft;
}

function spreadBits(
  rows: Uint8Array,
  shape: { rowBytes: number; height: number; bits: number; perRow: number },
): Uint8Array | Uint16Array {
  const { rowBytes, height, bits, perRow } = shape;
  if (bits === 8) return rows;
  const data = bits === 16 ? new Uint16Array(perRow * height) : new Uint8Array(perRow * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < perRow; x++) {
      const to = y * perRow + x;
      if (bits === 16) data[to] = (rows[y * rowBytes + 2 * x]! << 8) | rows[y * rowBytes + 2 * x + 1]!;
      else {
        const bit = x * bits;
        data[to] = (rows[y * rowBytes + (bit >> 3)]! >> (8 - bits - (bit & 7))) & ((1 << bits) - 1);
      }
    }
  }
  return data;
}
