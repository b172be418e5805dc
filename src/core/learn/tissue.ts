/**
 * Where a slide holds tissue, told from a small low-power picture, so that prediction skips glass.
 * Coloured or dark is tissue; the cut is Otsu's, held between fixed bounds so that a slide of only glass or only
 * tissue is not torn in two. When in doubt it says tissue: a missed piece costs a patient more than a wasted tile.
 */
import { MASK_TILE_PX } from '../label.ts';
import type { RgbImage } from '../slide.ts';
import { OPTICAL_DENSITY } from '../stain.ts';
import { boxMean3 } from './box-mean.ts';
import { otsuThreshold } from './otsu.ts';

/** Tissue-ness (optical density + colour) below the first is glass on every slide; above the second it never is. */
const SURELY_GLASS = 0.03;
const SURELY_TISSUE = 0.06;
/** Darker than this in every channel is a scanner's fill, not a stain. */
const BLACK_FILL = 16;

export interface TissueMap {
  readonly width: number;
  readonly height: number;
  /** 1 tissue, 0 glass; row-major. */
  readonly data: Uint8Array;
  /** Share of pixels that are tissue. */
  readonly share: number;
}

/** Finds tissue in a picture of the whole slide; `smallestPx` connected pixels at least count as tissue. */
export function detectTissue(image: RgbImage, smallestPx = 4): TissueMap {
  const { width, height } = image;
  const signal = boxMean3(tissueSignal(image), width, height);
  const cut = Math.max(SURELY_GLASS, Math.min(SURELY_TISSUE, otsuThreshold(signal, 0, 1)));
  const data = new Uint8Array(signal.length);
  for (let i = 0; i < data.length; i++) data[i] = signal[i]! > cut ? 1 : 0;
  const count = removeSmall(data, width, height, smallestPx);
  return { width, height, data, share: data.length === 0 ? 0 : count / data.length };
}

/** Mean optical density over the glass of this slide, plus the spread between channels (colour); 0 for black fill. */
function tissueSignal(image: RgbImage): Float32Array {
  const glass = [0, 1, 2].map((channel) => OPTICAL_DENSITY[glassByte(image, channel)]!);
  const signal = new Float32Array(image.width * image.height);
  for (let i = 0, b = 0; i < signal.length; i++, b += 3) {
    const [red, green, blue] = [image.data[b]!, image.data[b + 1]!, image.data[b + 2]!];
    if (Math.max(red, green, blue) < BLACK_FILL) continue;
    const r = OPTICAL_DENSITY[red]! - glass[0]!;
    const g = OPTICAL_DENSITY[green]! - glass[1]!;
    const bl = OPTICAL_DENSITY[blue]! - glass[2]!;
    signal[i] = (r + g + bl) / 3 + (Math.max(r, g, bl) - Math.min(r, g, bl)) / 2;
  }
  return signal;
}

/** What empty glass looks like in a channel: the 99th percentile, but never darker than 215 (a slide without glass). */
function glassByte(image: RgbImage, channel: number): number {
  const histogram = new Uint32Array(256);
  for (let b = channel; b < image.data.length; b += 3) histogram[image.data[b]!]! += 1;
  let rest = Math.floor((image.data.length / 3) * 0.01);
  let byte = 255;
  while (byte > 215 && rest >= histogram[byte]!) rest -= histogram[byte--]!;
  return byte;
}

/** Clears connected groups (8 neighbours) of fewer than `smallestPx` pixels in place; returns the pixels left. */
function removeSmall(data: Uint8Array, width: number, height: number, smallestPx: number): number {
  const flood: Flood = { data, seen: new Uint8Array(data.length), group: new Int32Array(data.length), width, height };
  let left = 0;
  for (let start = 0; start < data.length; start++) {
    if (data[start] === 0 || flood.seen[start] === 1) continue;
    const size = gatherGroup(flood, start);
    if (size >= smallestPx) left += size;
    else for (let n = 0; n < size; n++) data[flood.group[n]!] = 0;
  }
  return left;
}

interface Flood {
  readonly data: Uint8Array;
  readonly seen: Uint8Array;
  /** Indices of the group at hand; one buffer for all, as large as the picture. */
  readonly group: Int32Array;
  readonly width: number;
  readonly height: number;
}

/** Fills `group` from its beginning; answers how many pixels it has. */
function gatherGroup({ data, seen, group, width, height }: Flood, start: number): number {
  let size = 1;
  group[0] = start;
  seen[start] = 1;
  for (let next = 0; next < size; next++) {
    const index = group[next]!;
    const x = index % width;
    const y = (index - x) / width;
    const [left, right] = [x > 0 ? -1 : 0, x < width - 1 ? 1 : 0];
    const [top, bottom] = [y > 0 ? -width : 0, y < height - 1 ? width : 0];
    for (let line = index + top; line <= index + bottom; line += width) {
      for (let i = line + left; i <= line + right; i++) {
        if (data[i] === 0 || seen[i] === 1) continue;
        seen[i] = 1;
        group[size++] = i;
      }
    }
  }
  return size;
}

export interface TissueTiles {
  /** Mask tiles that hold tissue, flat column, row, column, row … */
  readonly tissue: readonly number[];
  /** Mask tiles of glass alone, in the same form. */
  readonly glass: readonly number[];
}

/**
 * Sorts the mask tiles of a slide by whether any pixel of the map, or of its direct neighbours (a border that the small
 * picture blurred away), is tissue. `maskWidthPx`×`maskHeightPx` mask pixels are what the map's picture shows.
 */
export function tissueTiles(map: TissueMap, maskWidthPx: number, maskHeightPx: number): TissueTiles {
  const tissue: number[] = [];
  const glass: number[] = [];
  const perMaskX = map.width / maskWidthPx;
  const perMaskY = map.height / maskHeightPx;
  for (let row = 0; row * MASK_TILE_PX < maskHeightPx; row++) {
    for (let column = 0; column * MASK_TILE_PX < maskWidthPx; column++) {
      const x0 = Math.max(0, Math.floor(column * MASK_TILE_PX * perMaskX) - 1);
      const y0 = Math.max(0, Math.floor(row * MASK_TILE_PX * perMaskY) - 1);
      const x1 = Math.min(map.width, Math.ceil((column + 1) * MASK_TILE_PX * perMaskX) + 1);
      const y1 = Math.min(map.height, Math.ceil((row + 1) * MASK_TILE_PX * perMaskY) + 1);
      (holdsTissue(map, x0, y0, x1, y1) ? tissue : glass).push(column, row);
    }
  }
  return { tissue, glass };
}

function holdsTissue(map: TissueMap, x0: number, y0: number, x1: number, y1: number): boolean {
  for (let y = y0; y < y1; y++) {
    if (map.data.subarray(y * map.width + x0, y * map.width + x1).includes(1)) return true;
  }
  return false;
}
