/** A made-up slide with both layers filled from a seed, and readers over it, for the export's tests. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach } from 'vitest';
import type { Rect } from '../../../src/core/geometry.ts';
import { effectiveClass, type LabelClass } from '../../../src/core/label.ts';
import { createRandom } from '../../../src/core/random.ts';
import type { ExportRequest, ExportSlide } from '../../../src/main/dataset/export-types.ts';

export const CLASSES: readonly LabelClass[] = [
  { id: 1, name: 'Background', color: '#5b6472' },
  { id: 2, name: 'Tumour', color: '#c80010' },
  { id: 3, name: 'Stroma', color: '#00c8ff' },
];

export interface DrawnSlide extends ExportSlide {
  readonly human: Uint8Array;
  readonly predicted: Uint8Array;
}

export interface DrawnOptions {
  readonly name?: string;
  readonly widthPx?: number;
  readonly heightPx?: number;
  readonly maskDownsample?: number;
  readonly pixelSizeUm?: number | null;
  readonly seed?: number;
}

export function drawnSlide(options: DrawnOptions = {}): DrawnSlide {
  const {
    name = 'slide one',
    widthPx = 1101,
    heightPx = 701,
    maskDownsample = 1,
    pixelSizeUm = 0.5,
    seed = 1,
  } = options;
  const width = Math.ceil(widthPx / maskDownsample);
  const height = Math.ceil(heightPx / maskDownsample);
  const predicted = blobs(width, height, { seed, values: [2, 3, 0, 1] });
  const human = blobs(width, height, { seed: seed + 1, values: [2, 1, 128 + 3, 0, 0, 0] });
  const tiles: number[] = [];
  for (let row = 0; row * 512 < height; row++)
    for (let column = 0; column * 512 < width; column++) tiles.push(column, row);
  return {
    slideId: `id of ${name}`,
    name,
    sha256: createHash('sha256').update(`${name} ${seed}`).digest('hex'),
    info: {
      format: 'drawn',
      vendor: null,
      widthPx,
      heightPx,
      pixelSize: {
        xUm: pixelSizeUm,
        yUm: pixelSizeUm,
        source: pixelSizeUm === null ? 'unknown' : 'file',
        warning: null,
      },
      magnification: null,
      levels: [],
      associated: [],
      warnings: [],
    },
    maskDownsample,
    maskWidthPx: width,
    maskHeightPx: height,
    readHuman: async (rect) => cut(human, width, rect),
    readPrediction: async (rect) => cut(predicted, width, rect),
    tiles,
    predictionModelId: 'model-1',
    human,
    predicted,
  };
}

/** Ellipses of the values, laid over each other, and a speckle of single pixels; many cross tile seams and the edges. */
function blobs(width: number, height: number, { seed, values }: { seed: number; values: number[] }): Uint8Array {
  const random = createRandom(seed);
  const data = new Uint8Array(width * height);
  for (let n = 0; n < 120; n++) {
    const [cx, cy] = [random.int(width), random.int(height)];
    const [rx, ry] = [1 + random.int(60), 1 + random.int(60)];
    const value = values[random.int(values.length)]!;
    for (let y = Math.max(0, cy - ry); y < Math.min(height, cy + ry); y++) {
      const half = Math.floor(rx * Math.sqrt(1 - ((y - cy) / ry) ** 2));
      data.fill(value, y * width + Math.max(0, cx - half), y * width + Math.max(0, Math.min(width, cx + half)));
    }
  }
  for (let n = 0; n < 2000; n++) data[random.int(data.length)] = values[random.int(values.length)]!;
  return data;
}

function cut(data: Uint8Array, width: number, rect: Rect): Uint8Array {
  const part = new Uint8Array(rect.width * rect.height);
  for (let y = 0; y < rect.height; y++) {
    const start = (rect.y + y) * width + rect.x;
    part.set(data.subarray(start, start + rect.width), y * rect.width);
  }
  return part;
}

export function effectiveMask(slide: DrawnSlide): Uint8Array {
  return slide.human.map((said, i) => effectiveClass(said, slide.predicted[i]!));
}

export function exportRequest(
  folder: string,
  slides: readonly ExportSlide[],
  more: Partial<ExportRequest> = {},
): ExportRequest {
  return {
    slides,
    classes: CLASSES,
    models: [{ modelId: 'model-1', name: 'Built-in', sha256: 'ab'.repeat(32) }],
    formats: ['geojson', 'label-png', 'label-tiff', 'coco'],
    folder,
    toolVersion: '0.1.0',
    ...more,
  };
}

const made: string[] = [];

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'histoloop-dataset-'));
  made.push(folder);
  return folder;
}

afterEach(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Each file's sha256 by its path. */
export async function folderHashes(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const hashes: [string, string][] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    hashes.push([
      relative(folder, path),
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ]);
  }
  return Object.fromEntries(hashes.sort());
}

/** How many pixels differ: a mask of a million pixels makes no readable difference in a test's report. */
export function differingPixels(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let differing = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) differing++;
  return differing;
}
