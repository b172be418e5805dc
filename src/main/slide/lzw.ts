/** TIFF's LZW (TIFF 6.0, section 13): most significant bit first, code width grows one code early. */

const CLEAR = 256;
const END = 257;
const MAX_CODES = 4096;

/**
 * Decodes into exactly `length` bytes. Throws a plain Error where the codes do not add up; the caller tags it with the
 * tile's address.
 */
export function decodeLzw(bytes: Uint8Array, length: number): Uint8Array {
  const output = new Uint8Array(length);
  const prefixAt = new Int32Array(MAX_CODES);
  const entryLength = new Int32Array(MAX_CODES);
  let written = 0;
  let nextCode = 258;
  let width = 9;
  let bitBuffer = 0;
  let bitCount = 0;
  let at = 0;
  let previousAt = -1;
  let previousLength = 0;
  while (written < length) {
    while (bitCount < width) {
      if (at >= bytes.length) throw new Error('LZW data ends early');
      bitBuffer = ((bitBuffer << 8) | bytes[at++]!) & 0xffffff;
      bitCount += 8;
    }
    const code = (bitBuffer >>> (bitCount - width)) & ((1 << width) - 1);
    bitCount -= width;
    if (code === END) break;
    if (code === CLEAR) {
      nextCode = 258;
      width = 9;
      previousAt = -1;
      continue;
    }
    // Every table entry is a run of the output already written, so the table stores places, not bytes.
    const start = written;
    if (code < 256) output[written++] = code;
    else if (code < nextCode && previousAt >= 0)
      written = copyRun(output, prefixAt[code]!, entryLength[code]!, written);
    else if (code === nextCode && previousAt >= 0) {
      written = copyRun(output, previousAt, previousLength, written);
      if (written < length) output[written++] = output[start]!;
    } else throw new Error(`LZW code ${code} is not in the table`);
    if (previousAt >= 0 && nextCode < MAX_CODES) {
      prefixAt[nextCode] = previousAt;
      entryLength[nextCode] = previousLength + 1;
      nextCode++;
    }
    previousAt = start;
    previousLength = written - start;
    if (nextCode >= (1 << width) - 1 && width < 12) width++;
  }
  if (written < length) throw new Error(`LZW data gives ${written} of ${length} bytes`);
  return output;
}

function copyRun(output: Uint8Array, from: number, count: number, to: number): number {
  const end = Math.min(output.length, to + count);
  let source = from;
  let target = to;
  while (target < end) output[target++] = output[source++]!;
  return target;
}
