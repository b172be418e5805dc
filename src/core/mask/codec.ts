/**
 * Run-length code of a label tile: how masks travel to a window (and, deflated, how the store keeps them).
 * A code is a list of runs, each one label byte and the run's length minus one as a LEB128 number (7 bits a byte, low
 * first, at most 4 bytes). A solid 512×512 tile takes 4 bytes. It knows no tile grid: any byte array has a code.
 */
import { HistoloopError } from '../errors.ts';

const MAX_RUN_BITS = 28;
const SHORT_RUN = 16;

/** Codes any number of labels; at most two bytes a label plus a few. */
export function encodeTile(labels: Uint8Array): Uint8Array {
  const aligned = labels.byteOffset % 4 === 0 ? labels : labels.slice();
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2);
  const code: number[] = [];
  for (let start = 0; start < aligned.length; ) {
    const end = endOfRun(aligned, words, start);
    code.push(aligned[start]!);
    pushLength(code, end - start - 1);
    start = end;
  }
  return new Uint8Array(code);
}

/** Skips four labels at a time: most of a mask is long runs. */
function endOfRun(labels: Uint8Array, words: Uint32Array, start: number): number {
  const label = labels[start]!;
  let at = start + 1;
  while (at < labels.length && at % 4 !== 0) {
    if (labels[at] !== label) return at;
    at++;
  }
  const four = Math.imul(label, 0x01010101) >>> 0;
  let word = at >>> 2;
  while (word < words.length && words[word] === four) word++;
  at = Math.max(at, word << 2);
  while (at < labels.length && labels[at] === label) at++;
  return at;
}

function pushLength(code: number[], lengthMinusOne: number): void {
  let rest = lengthMinusOne;
  while (rest >= 0x80) {
    code.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  code.push(rest);
}

/**
 * The labels of a code, `expectedLength` of them, written over `into` where it is given (it must have that length).
 * Errors: `tile-damaged` where the code is cut, over-long or does not add up; `into` may then be partly written.
 */
export function decodeTile(bytes: Uint8Array, expectedLength: number, into?: Uint8Array): Uint8Array {
  const labels = into ?? new Uint8Array(expectedLength);
  if (labels.length !== expectedLength) throw new Error(`bug: ${labels.length} bytes for ${expectedLength} labels`);
  let written = 0;
  for (let at = 0; at < bytes.length; ) {
    const label = bytes[at++]!;
    let length = 1;
    for (let shift = 0; ; shift += 7) {
      if (at >= bytes.length || shift >= MAX_RUN_BITS) throw damaged(`its run at byte ${at} has no end`);
      const byte = bytes[at++]!;
      length += (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (length > expectedLength - written) throw damaged(`it holds more than ${expectedLength} labels`);
    fillRun(labels, label, written, written + length);
    written += length;
  }
  if (written !== expectedLength) throw damaged(`it holds ${written} of ${expectedLength} labels`);
  return labels;
}

/** A call of `fill` costs more than a handful of writes. */
function fillRun(labels: Uint8Array, label: number, start: number, end: number): void {
  if (end - start > SHORT_RUN) labels.fill(label, start, end);
  else for (let i = start; i < end; i++) labels[i] = label;
}

function damaged(reason: string): HistoloopError {
  return new HistoloopError(
    'tile-damaged',
    `a mask tile is damaged: ${reason}; undo the last edit there or restore a copy of the project`,
  );
}
