/** From blended class shares at the model's resolution to one mask tile of labels, and what to say of it. */
import { MASK_TILE_PX } from '../label.ts';
import type { PredictOptions, TileSummary } from './predict-options.ts';
import type { Canvas } from './windows.ts';

interface Place {
  readonly column: number;
  readonly row: number;
}

/** Labels (512×512, most probable class; 0 beyond the mask's border) and summary of the tile that `canvas` covers. */
export function labelTile(
  canvas: Canvas,
  options: PredictOptions,
  { column, row }: Place,
): TileSummary & { labels: Uint8Array } {
  const width = Math.min(MASK_TILE_PX, options.maskWidthPx - column * MASK_TILE_PX);
  const height = Math.min(MASK_TILE_PX, options.maskHeightPx - row * MASK_TILE_PX);
  const scale = options.modelPixelsPerMaskPixel;
  const across = taps(column * MASK_TILE_PX, width, scale, canvas.x);
  const down = taps(row * MASK_TILE_PX, height, scale, canvas.y);
  const planes = scale === 1 ? canvas.sums : resample(canvas, across, down);
  const labels = new Uint8Array(MASK_TILE_PX * MASK_TILE_PX);
  const size = { width, height };
  const totals =
    canvas.planes === 1 ? labelTwo(planes, labels, options, size) : labelMany(planes, labels, options, size);
  const pixels = width * height;
  const meanEntropy = totals.entropy / pixels / Math.log(options.classIds.length);
  return { labels, meanForeground: totals.foreground / pixels, meanEntropy };
}

/** −p ln p of a share p = byte / 255: a table, because this is asked for every pixel of a slide. */
const ENTROPY = Float32Array.from({ length: 256 }, (_, byte) =>
  byte === 0 ? 0 : -(byte / 255) * Math.log(byte / 255),
);
const ENTROPY_OF_TWO = ENTROPY.map((own, byte) => own + ENTROPY[255 - byte]!);

interface Totals {
  readonly foreground: number;
  readonly entropy: number;
}

type Size = Readonly<{ width: number; height: number }>;

/** One plane: the share of the second class. */
function labelTwo(
  plane: Float32Array,
  labels: Uint8Array,
  { classIds }: PredictOptions,
  { width, height }: Size,
): Totals {
  const [first, second] = classIds as [number, number];
  let foreground = 0;
  let entropy = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const share = plane[y * width + x]!;
      labels[y * MASK_TILE_PX + x] = share > 127.5 ? second : first;
      foreground += share;
      entropy += ENTROPY_OF_TWO[(share + 0.5) | 0]!;
    }
  }
  return { foreground: foreground / 255, entropy };
}

/** A plane a class. */
function labelMany(
  planes: Float32Array,
  labels: Uint8Array,
  { classIds }: PredictOptions,
  { width, height }: Size,
): Totals {
  const plane = width * height;
  let foreground = 0;
  let entropy = 0;
  for (let i = 0; i < plane; i++) {
    let best = 0;
    for (let c = 0; c < classIds.length; c++) {
      const share = planes[c * plane + i]!;
      if (share > planes[best * plane + i]!) best = c;
      entropy += ENTROPY[(share + 0.5) | 0]!;
    }
    foreground += 255 - planes[i]!;
    labels[Math.floor(i / width) * MASK_TILE_PX + (i % width)] = classIds[best]!;
  }
  return { foreground: foreground / 255, entropy };
}

/** For each of `count` mask pixels along an axis: the model pixels it is made of, and their shares. */
interface Taps {
  readonly first: Int32Array;
  readonly perPixel: number;
  readonly shares: Float32Array;
}

/** A mask pixel is the mean of the model pixels under it; where it is smaller than one, it lies between two. */
function taps(start: number, count: number, scale: number, origin: number): Taps {
  const perPixel = scale > 1 ? Math.ceil(scale) + 1 : 2;
  const first = new Int32Array(count);
  const shares = new Float32Array(count * perPixel);
  for (let i = 0; i < count; i++) {
    const from = (start + i) * scale;
    const left = scale > 1 ? Math.floor(from) : Math.floor(from + scale / 2 - 0.5);
    first[i] = left - origin;
    for (let t = 0; t < perPixel; t++) {
      const covered = Math.min(from + scale, left + t + 1) - Math.max(from, left + t);
      const near = 1 - Math.abs(from + scale / 2 - 0.5 - (left + t));
      shares[i * perPixel + t] = Math.max(0, scale > 1 ? covered / scale : near);
    }
  }
  return { first, perPixel, shares };
}

/** All class planes of the canvas at the mask's resolution: first across, then down. */
function resample(canvas: Canvas, across: Taps, down: Taps): Float32Array {
  const width = across.first.length;
  const height = down.first.length;
  const planes = new Float32Array(canvas.planes * width * height);
  const narrow = new Float32Array(width * canvas.height);
  for (let c = 0; c < canvas.planes; c++) {
    const plane = canvas.width * canvas.height;
    shrinkAcross(canvas.sums.subarray(c * plane, (c + 1) * plane), canvas.width, across, narrow);
    shrinkDown(narrow, width, down, planes.subarray(c * width * height, (c + 1) * width * height));
  }
  return planes;
}

function shrinkAcross(
  source: Float32Array,
  sourceWidth: number,
  { first, perPixel, shares }: Taps,
  into: Float32Array,
) {
  const width = first.length;
  for (let to = 0, from = 0; from < source.length; from += sourceWidth) {
    for (let x = 0; x < width; x++, to++) {
      let sum = 0;
      for (let t = 0; t < perPixel; t++) {
        const share = shares[x * perPixel + t]!;
        if (share > 0) sum += share * source[from + first[x]! + t]!;
      }
      into[to] = sum;
    }
  }
}

function shrinkDown(source: Float32Array, width: number, { first, perPixel, shares }: Taps, into: Float32Array) {
  for (let y = 0; y < first.length; y++) {
    for (let t = 0; t < perPixel; t++) {
      const share = shares[y * perPixel + t]!;
      if (share === 0) continue;
      const from = (first[y]! + t) * width;
      for (let x = 0; x < width; x++) into[y * width + x]! += share * source[from + x]!;
    }
  }
}
