/** What a value of a network is beside the picture that went in: a map of scores per pixel, in which axes, at which size. */
import type { Tensor } from './session.ts';

export interface PictureSize {
  readonly batch: number;
  readonly heightPx: number;
  readonly widthPx: number;
}

export interface AnswerLayout {
  /** [N,H,W,K] instead of [N,K,H,W]. */
  readonly channelsLast: boolean;
  /** [N,H,W]: one score per pixel, without an axis for it. */
  readonly flat: boolean;
  readonly channels: number;
  /** The picture's size over the answer's: 1, or 4 for one that answers at a quarter of it. */
  readonly downsample: number;
}

const GREATEST_DOWNSAMPLE = 32;

/** The layout, or in words why the value is no map. `size` should differ in height and width, or axes may be mistaken. */
export function answerLayout({ type, dims }: Pick<Tensor, 'type' | 'dims'>, size: PictureSize): AnswerLayout | string {
  const said = `${type} [${dims.join(', ')}] for pictures of ${size.heightPx}×${size.widthPx}`;
  if (type !== 'float32') return `it is ${said}: class numbers or another type, not scores`;
  if (dims[0] !== size.batch) return `it is ${said}: it does not answer for each picture of a batch`;
  if (dims.length === 3) {
    const downsample = downsampleOf(dims.slice(1), size);
    return downsample === null ? `it is ${said}: no map of the picture` : { ...PLAIN, flat: true, downsample };
  }
  if (dims.length !== 4) return `it is ${said}: no map of the picture`;
  const first = downsampleOf(dims.slice(2), size);
  const last = downsampleOf(dims.slice(1, 3), size);
  if (first === null && last === null) return whyNoMap(said, dims, size);
  const channelsLast = first === null || (last !== null && last < first);
  const channels = channelsLast ? dims[3] : dims[1];
  return { channelsLast, flat: false, channels, downsample: (channelsLast ? last : first)! };
}

const PLAIN = { channelsLast: false, flat: false, channels: 1 } as const;

/** A whole number that fits both sides, each rounded up or down to whole pixels; else null. */
function downsampleOf([height, width]: readonly number[], { heightPx, widthPx }: PictureSize): number | null {
  const factor = Math.round(heightPx / height);
  if (!(factor >= 1 && factor <= GREATEST_DOWNSAMPLE)) return null;
  const fits = (small: number, large: number) =>
    small === Math.ceil(large / factor) || small === Math.floor(large / factor);
  return fits(height, heightPx) && fits(width, widthPx) ? factor : null;
}

function whyNoMap(said: string, dims: readonly number[], { heightPx, widthPx }: PictureSize): string {
  const [missingRows, missingColumns] = [heightPx - dims[2], widthPx - dims[3]];
  if (missingRows > 0 && missingRows === missingColumns) {
    return `it is ${said}: only the middle of the picture (convolutions without padding); export the network with padding`;
  }
  return `it is ${said}: no map of the picture`;
}
