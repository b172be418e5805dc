/** How TIFF packs raw samples, by compression number: none, LZW, deflate, PackBits, Zstandard. */
import { promisify } from 'node:util';
import { inflate, zstdDecompress } from 'node:zlib';
import { decodeLzw } from './lzw.ts';

/** A little more than asked for may come out (writers pad); far more is a decompression bomb. */
const SLACK_BYTES = 1024;
const inflateAsync = promisify(inflate);
const zstdAsync = promisify(zstdDecompress);

type Unpack = (bytes: Uint8Array, length: number) => Uint8Array | Promise<Uint8Array>;

const UNPACK: Readonly<Record<number, Unpack>> = {
  1: (bytes) => bytes,
  5: decodeLzw,
  8: (bytes, length) => inflateAsync(bytes, { maxOutputLength: length + SLACK_BYTES }),
  32946: (bytes, length) => inflateAsync(bytes, { maxOutputLength: length + SLACK_BYTES }),
  32773: decodePackBits,
  50000: (bytes, length) => zstdAsync(bytes, { maxOutputLength: length + SLACK_BYTES }),
};

export function isPackingRead(compression: number): boolean {
  return compression in UNPACK;
}

/** At least `length` bytes of samples, or a plain Error; the caller says where. */
export async function unpackSamples(bytes: Uint8Array, compression: number, length: number): Promise<Uint8Array> {
  const samples = await UNPACK[compression]!(bytes, length);
  if (samples.length < length) throw new Error(`it gives ${samples.length} of ${length} bytes`);
  return samples;
}

/** TIFF 6.0, section 9: runs of one byte, and literal runs. */
function decodePackBits(bytes: Uint8Array, length: number): Uint8Array {
  const output = new Uint8Array(length);
  let written = 0;
  let at = 0;
  while (written < length && at < bytes.length) {
    const header = (bytes[at++]! << 24) >> 24;
    if (header === -128) continue;
    if (header < 0) {
      const end = Math.min(length, written + 1 - header);
      output.fill(bytes[at++] ?? 0, written, end);
      written = end;
      continue;
    }
    const literal = bytes.subarray(at, at + Math.min(header + 1, length - written));
    output.set(literal, written);
    written += literal.length;
    at += header + 1;
  }
  return output.subarray(0, written);
}
