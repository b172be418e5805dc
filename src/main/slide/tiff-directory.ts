/**
 * TIFF and BigTIFF directories as plain, checked data. The only door to geotiff, which parses directories and nothing
 * else: pixel bytes are read by `tiff-tiles.ts` from our own file.
 */
import GeoTIFF, { type ImageFileDirectory } from 'geotiff';
import { HistoloopError, isHistoloopError } from '../../core/errors.ts';
import type { SlideFile } from './slide-file.ts';

/** More pages than any real slide has; a hostile file must not make us read for ever. */
const MAX_DIRECTORIES = 2048;
/** What geotiff asks for before it knows how long a directory is. */
const LONGEST_PROBE_BYTES = 4096;

export interface TiffDirectory {
  readonly widthPx: number;
  readonly heightPx: number;
  /** 0 where the page is stored in strips. */
  readonly tileWidthPx: number;
  readonly tileHeightPx: number;
  readonly compression: number;
  readonly photometric: number;
  readonly bitsPerSample: readonly number[];
  readonly samplesPerPixel: number;
  readonly planar: boolean;
  readonly predictor: number;
  readonly sampleFormat: number;
  readonly tileOffsets: ArrayLike<number>;
  readonly tileByteCounts: ArrayLike<number>;
  /** Strips, where the page is stored so: `rowsPerStrip` rows each. */
  readonly rowsPerStrip: number;
  readonly stripOffsets: ArrayLike<number>;
  readonly stripByteCounts: ArrayLike<number>;
  readonly littleEndian: boolean;
  readonly jpegTables: Uint8Array | null;
  readonly description: string;
  /** Pixels per `resolutionUnit`, or null where missing, zero or not a number. */
  readonly xResolution: number | null;
  readonly yResolution: number | null;
  /** 1 none, 2 inch, 3 centimetre; null where missing. */
  readonly resolutionUnit: number | null;
  readonly make: string;
  readonly subDirectories: readonly TiffDirectory[];
  /** Private tags that tell vendors apart. */
  readonly isHamamatsu: boolean;
}

export function isTiff(head: Uint8Array): boolean {
  const [a, b, c, d] = head;
  const little = a === 0x49 && b === 0x49 && (c === 42 || c === 43) && d === 0;
  const big = a === 0x4d && b === 0x4d && c === 0 && (d === 42 || d === 43);
  return little || big;
}

const alreadyRead = new WeakMap<SlideFile, Promise<TiffDirectory[]>>();

/**
 * Every page of the file in order, sub-directories attached to their page; read once for each open file.
 * Errors: `slide-damaged` where directories are cut off, run in a circle, or hold nonsense.
 */
export function readTiffDirectories(file: SlideFile): Promise<TiffDirectory[]> {
  const directories = alreadyRead.get(file) ?? parseDirectories(file);
  alreadyRead.set(file, directories);
  return directories;
}

async function parseDirectories(file: SlideFile): Promise<TiffDirectory[]> {
  try {
    const tiff = await GeoTIFF.fromSource(new BoundedSource(file));
    // Deferred arrays of geotiff 3.0.5 are read as little-endian whatever the file says; eager ones are right.
    tiff.parser.eager = true;
    const visited = new Set<number>();
    const directories: TiffDirectory[] = [];
    let offset = tiff.firstIFDOffset;
    while (offset !== 0) {
      markVisited(visited, offset, file.name);
      const ifd = await tiff.parser.parseFileDirectoryAt(offset);
      const subDirectories: TiffDirectory[] = [];
      for (const subOffset of numbersOf(ifd, 'SubIFDs')) {
        markVisited(visited, subOffset, file.name);
        subDirectories.push(directoryFrom(file, await tiff.parser.parseFileDirectoryAt(subOffset), []));
      }
      directories.push(directoryFrom(file, ifd, subDirectories));
      offset = ifd.nextIFDByteOffset;
    }
    if (directories.length === 0) throw new Error('it holds no page');
    return directories;
  } catch (error) {
    if (isHistoloopError(error)) throw error;
    const reason = error instanceof RangeError ? 'it ends too early' : error instanceof Error ? error.message : error;
    const message = `the TIFF directory of ${file.name} cannot be read (${reason}): the file is damaged or incomplete; copy it again from its source`;
    throw new HistoloopError('slide-damaged', message, { cause: error });
  }
}

function markVisited(visited: Set<number>, offset: number, name: string): void {
  if (visited.has(offset)) {
    const message = `the TIFF directories of ${name} point back to byte ${offset}, a circle: the file is damaged; copy it again from its source`;
    throw new HistoloopError('slide-damaged', message, { data: { offset } });
  }
  if (visited.size >= MAX_DIRECTORIES) {
    throw new HistoloopError('slide-damaged', `${name} claims more than ${MAX_DIRECTORIES} pages: the file is damaged`);
  }
  visited.add(offset);
}

function directoryFrom(
  file: SlideFile,
  ifd: ImageFileDirectory,
  subDirectories: readonly TiffDirectory[],
): TiffDirectory {
  return {
    widthPx: numberOf(ifd, 'ImageWidth') ?? 0,
    heightPx: numberOf(ifd, 'ImageLength') ?? 0,
    tileWidthPx: numberOf(ifd, 'TileWidth') ?? 0,
    tileHeightPx: numberOf(ifd, 'TileLength') ?? 0,
    compression: numberOf(ifd, 'Compression') ?? 1,
    photometric: numberOf(ifd, 'PhotometricInterpretation') ?? 2,
    bitsPerSample: [...numbersOf(ifd, 'BitsPerSample')],
    samplesPerPixel: numberOf(ifd, 'SamplesPerPixel') ?? 1,
    planar: numberOf(ifd, 'PlanarConfiguration') === 2,
    predictor: numberOf(ifd, 'Predictor') ?? 1,
    sampleFormat: numbersOf(ifd, 'SampleFormat')[0] ?? 1,
    tileOffsets: numbersOf(ifd, 'TileOffsets'),
    tileByteCounts: numbersOf(ifd, 'TileByteCounts'),
    rowsPerStrip: numberOf(ifd, 'RowsPerStrip') ?? Number.POSITIVE_INFINITY,
    stripOffsets: numbersOf(ifd, 'StripOffsets'),
    stripByteCounts: numbersOf(ifd, 'StripByteCounts'),
    littleEndian: file.head[0] === 0x49,
    jpegTables: bytesOf(ifd, 'JPEGTables'),
    description: textOf(ifd, 'ImageDescription'),
    xResolution: rationalOf(ifd, 'XResolution'),
    yResolution: rationalOf(ifd, 'YResolution'),
    resolutionUnit: numberOf(ifd, 'ResolutionUnit'),
    make: textOf(ifd, 'Make'),
    subDirectories,
    isHamamatsu: ifd.hasTag(65420),
  };
}

type TagName = Parameters<ImageFileDirectory['loadValue']>[0];

function rawOf(ifd: ImageFileDirectory, tag: TagName): unknown {
  return ifd.getValue(tag as Parameters<ImageFileDirectory['getValue']>[0]);
}

function numbersOf(ifd: ImageFileDirectory, tag: TagName): ArrayLike<number> & Iterable<number> {
  const value = rawOf(ifd, tag);
  if (typeof value === 'number') return [value];
  return ArrayBuffer.isView(value) || Array.isArray(value) ? (value as unknown as number[]) : [];
}

function numberOf(ifd: ImageFileDirectory, tag: TagName): number | null {
  const first = numbersOf(ifd, tag)[0];
  return typeof first === 'number' && Number.isFinite(first) ? first : null;
}

function bytesOf(ifd: ImageFileDirectory, tag: TagName): Uint8Array | null {
  const value = rawOf(ifd, tag);
  return value instanceof Uint8Array && value.length > 4 ? value : null;
}

function textOf(ifd: ImageFileDirectory, tag: TagName): string {
  const value = rawOf(ifd, tag);
  return typeof value === 'string' ? value.replace(/\0+$/, '') : '';
}

function rationalOf(ifd: ImageFileDirectory, tag: TagName): number | null {
  const value = rawOf(ifd, tag);
  const [numerator, denominator] = ArrayBuffer.isView(value) ? (value as Uint32Array) : [];
  if (numerator === undefined) return null;
  const ratio = denominator === undefined ? numerator : numerator / denominator;
  return Number.isFinite(ratio) && ratio > 0 ? ratio : null;
}

/** geotiff's way to bytes: a promised length beyond the file fails before anything is allocated. */
class BoundedSource {
  readonly #file: SlideFile;
  constructor(file: SlideFile) {
    this.#file = file;
  }
  get fileSize(): number {
    return this.#file.sizeBytes;
  }
  fetch(slices: { offset: number; length: number }[]): Promise<ArrayBuffer[]> {
    return Promise.all(slices.map(async (slice) => (await this.fetchSlice(slice)).data));
  }
  /** geotiff reads a little too far ahead, so a span that only ends past the file is cut; its fields are checked later. */
  async fetchSlice(slice: {
    offset: number;
    length: number;
  }): Promise<{ data: ArrayBuffer; offset: number; length: number }> {
    const rest = this.#file.sizeBytes - slice.offset;
    const fits = rest > 0 && slice.length <= Math.max(this.#file.sizeBytes, LONGEST_PROBE_BYTES);
    const length = fits ? Math.min(slice.length, rest) : slice.length;
    const bytes = await this.#file.read(slice.offset, length);
    return { data: bytes.buffer as ArrayBuffer, offset: slice.offset, length };
  }
  async close(): Promise<void> {}
}
