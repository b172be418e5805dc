/** The stored values of a one-channel TIFF page, in strips or tiles, 8 or 16 bits: labels exactly as written. */
import { isPackingRead, unpackSamples } from './packed-samples.ts';
import type { SlideFile } from './slide-file.ts';
import { readTiffDirectories, type TiffDirectory } from './tiff-directory.ts';

export interface TiffLabels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint16Array;
}

/** Throws a plain Error in words where the page is no label picture or larger than `maxPixels`. */
export async function readTiffLabels(file: SlideFile, maxPixels: number): Promise<TiffLabels> {
  const page = (await readTiffDirectories(file))[0]!;
  const { widthPx: width, heightPx: height } = page;
  const bits = page.bitsPerSample[0] ?? 1;
  checkLabelPage(page, bits, maxPixels);
  const data = bits === 16 ? new Uint16Array(width * height) : new Uint8Array(width * height);
  const blocks = blocksOf(page);
  const across = Math.ceil(width / blocks.width);
  for (let index = 0; index < across * Math.ceil(height / blocks.height); index++) {
    const column = (index % across) * blocks.width;
    const row = Math.floor(index / across) * blocks.height;
    const byteCount = blocks.byteCounts[index];
    const offset = blocks.offsets[index];
    if (byteCount === undefined || offset === undefined) throw new Error('its list of strips is too short');
    if (byteCount === 0) continue;
    const rows = page.tileWidthPx > 0 ? blocks.height : Math.min(blocks.height, height - row);
    const packed = await file.read(offset, byteCount);
    const bytes = await unpackSamples(packed, page.compression, (blocks.width * rows * bits) / 8);
    const values = valuesOf(bytes, { bits, page, rowLength: blocks.width, count: blocks.width * rows });
    for (let y = 0; y < Math.min(rows, height - row); y++) {
      const from = y * blocks.width;
      data.set(values.subarray(from, from + Math.min(blocks.width, width - column)), (row + y) * width + column);
    }
  }
  return { width, height, data };
}

function checkLabelPage(page: TiffDirectory, bits: number, maxPixels: number): void {
  const { widthPx, heightPx } = page;
  const pixels = widthPx * heightPx;
  if (!(pixels > 0 && pixels <= maxPixels)) throw new Error(`it is ${widthPx} × ${heightPx} pixels`);
  if (page.samplesPerPixel !== 1) throw new Error(`it has ${page.samplesPerPixel} channels; labels have one`);
  if ((bits !== 8 && bits !== 16) || page.sampleFormat !== 1)
    throw new Error(`its samples have ${bits} bits; 8 and 16 are read`);
  if (!isPackingRead(page.compression)) throw new Error(`its compression ${page.compression} is not read for labels`);
  if (page.predictor !== 1 && page.predictor !== 2) throw new Error(`its predictor ${page.predictor} is not read`);
}

function blocksOf(page: TiffDirectory) {
  const isTiled = page.tileWidthPx > 0 && page.tileHeightPx > 0;
  const height = isTiled ? page.tileHeightPx : Math.min(page.rowsPerStrip, page.heightPx);
  const width = isTiled ? page.tileWidthPx : page.widthPx;
  if (!(height >= 1) || width * height > 1 << 28) throw new Error(`its strips are ${width} × ${height} pixels`);
  const offsets = isTiled ? page.tileOffsets : page.stripOffsets;
  const byteCounts = isTiled ? page.tileByteCounts : page.stripByteCounts;
  return { width, height, offsets, byteCounts };
}

function valuesOf(
  bytes: Uint8Array,
  shape: { bits: number; page: TiffDirectory; rowLength: number; count: number },
): Uint8Array | Uint16Array {
  const { bits, page, rowLength, count } = shape;
  const values = bits === 16 ? new Uint16Array(count) : Uint8Array.from(bytes.subarray(0, count));
  if (bits === 16) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < count; i++) values[i] = view.getUint16(2 * i, page.littleEndian);
  }
  if (page.predictor === 2) {
    for (let i = 0; i < count; i++) if (i % rowLength > 0) values[i] = values[i]! + values[i - 1]!;
  }
  return values;
}
