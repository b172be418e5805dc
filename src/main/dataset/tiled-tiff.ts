/**
 * A tiny writer of tiled 8-bit grey TIFF files with deflate, streaming: tiles first, the directory last. Classic TIFF
 * where 4 GiB surely suffice, BigTIFF beyond. Sources: TIFF 6.0 sections 2, 8 and 15; Adobe supplement 2; BigTIFF design.
 */
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { MASK_TILE_PX } from '../../core/label.ts';
import type { ExportFile } from './export-file.ts';
import { DEFLATE_LEVEL, type GreyImage } from './png.ts';

const deflateAsync = promisify(deflate);
const TILE_BYTES = MASK_TILE_PX * MASK_TILE_PX;
const SHORT = 3;
const LONG = 4;
const RATIONAL = 5;
const LONG8 = 16;
const ASCII = 2;
const BYTES_OF: Readonly<Record<number, number>> = { [ASCII]: 1, [SHORT]: 2, [LONG]: 4, [RATIONAL]: 8, [LONG8]: 8 };

export interface TiffFrame {
  readonly widthPx: number;
  readonly heightPx: number;
  /** Micrometres per pixel of this picture; null where unknown: then the file says nothing about it. */
  readonly pixelSizeUm: { readonly x: number; readonly y: number } | null;
  readonly software: string;
}

export interface TiledTiff {
  /** A tile, whole or cut at the right or lower edge. Those never given read as 0. */
  tile(tile: GreyImage & { readonly column: number; readonly row: number }): Promise<void>;
  finish(): Promise<void>;
}

interface Field {
  readonly tag: number;
  readonly type: number;
  readonly values: readonly number[];
}

export async function createTiledTiff(file: ExportFile, frame: TiffFrame): Promise<TiledTiff> {
  const across = Math.ceil(frame.widthPx / MASK_TILE_PX);
  const tiles = across * Math.ceil(frame.heightPx / MASK_TILE_PX);
  const big = tiles * (TILE_BYTES + 1024) > 0xf0000000;
  const offsets = new Array<number>(tiles).fill(0);
  const byteCounts = new Array<number>(tiles).fill(0);
  await file.write(headerOf(big, 0));

  async function writeTile(data: Uint8Array): Promise<{ offset: number; bytes: number }> {
    const packed = await deflateAsync(data, { level: DEFLATE_LEVEL });
    const offset = file.position();
    await file.write(packed);
    return { offset, bytes: packed.length };
  }

  /** All tiles that were never given share one empty one. */
  async function fillGaps(): Promise<void> {
    const empty = await writeTile(new Uint8Array(TILE_BYTES));
    for (let i = 0; i < tiles; i++) {
      if (byteCounts[i] !== 0) continue;
      offsets[i] = empty.offset;
      byteCounts[i] = empty.bytes;
    }
  }

  return {
    async tile(tile) {
      const index = tile.row * across + tile.column;
      const written = await writeTile(wholeTile(tile));
      offsets[index] = written.offset;
      byteCounts[index] = written.bytes;
    },
    async finish() {
      if (byteCounts.includes(0)) await fillGaps();
      if (file.position() % 2 === 1) await file.write(Uint8Array.of(0));
      const at = file.position();
      await file.write(directoryOf(fieldsOf(frame, { offsets, byteCounts, big }), at, big));
      await file.patch(0, headerOf(big, at));
      await file.finish();
    },
  };
}

function wholeTile({ width, height, data }: GreyImage): Uint8Array {
  if (width === MASK_TILE_PX && height === MASK_TILE_PX) return data;
  const whole = new Uint8Array(TILE_BYTES);
  for (let y = 0; y < height; y++) whole.set(data.subarray(y * width, (y + 1) * width), y * MASK_TILE_PX);
  return whole;
}

function headerOf(big: boolean, directoryAt: number): Buffer {
  const header = Buffer.alloc(big ? 16 : 8);
  header.write('II', 'latin1');
  header.writeUInt16LE(big ? 43 : 42, 2);
  if (big) {
    header.writeUInt16LE(8, 4);
    header.writeBigUInt64LE(BigInt(directoryAt), 8);
  } else header.writeUInt32LE(directoryAt, 4);
  return header;
}

function fieldsOf(
  frame: TiffFrame,
  { offsets, byteCounts, big }: { offsets: number[]; byteCounts: number[]; big: boolean },
): Field[] {
  const short = (tag: number, value: number): Field => ({ tag, type: SHORT, values: [value] });
  const long = (tag: number, value: number): Field => ({ tag, type: LONG, values: [value] });
  const size = frame.pixelSizeUm;
  /** Pixels per centimetre to four digits after the point. */
  const density = (tag: number, um: number): Field => ({
    tag,
    type: RATIONAL,
    values: [Math.round((1e4 / um) * 1e4), 1e4],
  });
  const fields: Field[] = [
    long(256, frame.widthPx),
    long(257, frame.heightPx),
    short(258, 8),
    short(259, 8),
    short(262, 1),
    short(277, 1),
    ...(size === null ? [] : [density(282, size.x), density(283, size.y)]),
    short(284, 1),
    short(296, size === null ? 1 : 3),
    { tag: 305, type: ASCII, values: [...Buffer.from(`${frame.software}\0`, 'latin1')] },
    short(322, MASK_TILE_PX),
    short(323, MASK_TILE_PX),
    { tag: 324, type: big ? LONG8 : LONG, values: offsets },
    { tag: 325, type: LONG, values: byteCounts },
    short(339, 1),
  ];
  return fields;
}

/** The directory as it lies at `at`, with the values that do not fit into it right behind. */
function directoryOf(fields: readonly Field[], at: number, big: boolean): Buffer {
  const inline = big ? 8 : 4;
  const entryBytes = big ? 20 : 12;
  const directory = Buffer.alloc((big ? 8 : 2) + fields.length * entryBytes + inline);
  if (big) directory.writeBigUInt64LE(BigInt(fields.length), 0);
  else directory.writeUInt16LE(fields.length, 0);
  const outside: Buffer[] = [];
  let outsideAt = at + directory.length;
  fields.forEach((field, index) => {
    const entry = (big ? 8 : 2) + index * entryBytes;
    const values = packValues(field);
    directory.writeUInt16LE(field.tag, entry);
    directory.writeUInt16LE(field.type, entry + 2);
    const count = field.type === RATIONAL ? field.values.length / 2 : field.values.length;
    if (big) directory.writeBigUInt64LE(BigInt(count), entry + 4);
    else directory.writeUInt32LE(count, entry + 4);
    const slot = entry + (big ? 12 : 8);
    if (values.length <= inline) directory.set(values, slot);
    else {
      if (big) directory.writeBigUInt64LE(BigInt(outsideAt), slot);
      else directory.writeUInt32LE(outsideAt, slot);
      const padded = Buffer.alloc(values.length + (values.length % 2));
      padded.set(values);
      outside.push(padded);
      outsideAt += padded.length;
    }
  });
  return Buffer.concat([directory, ...outside]);
}

function packValues({ type, values }: Field): Buffer {
  const bytes = type === RATIONAL ? 4 : BYTES_OF[type]!;
  const packed = Buffer.alloc(values.length * bytes);
  values.forEach((value, i) => {
    if (bytes === 8) packed.writeBigUInt64LE(BigInt(value), i * 8);
    else packed.writeUIntLE(value, i * bytes, bytes);
  });
  return packed;
}
