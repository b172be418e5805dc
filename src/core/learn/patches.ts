/**
 * Draws training batches: square patches of corrected blocks, placed and stained by chance, as tensors.
 * The same seed draws the same batches.
 */
import { assert } from '../errors.ts';
import type { Tensor } from '../nn/session.ts';
import type { Random } from '../random.ts';
import { type Augmentation, drawPlacement, drawStain, type Placement } from './augment.ts';
import type { LearnableBlock } from './blocks.ts';
import type { Normalisation } from './model-card.ts';

export interface PatchOptions {
  readonly blocks: readonly LearnableBlock[];
  readonly patchPx: number;
  readonly batch: number;
  readonly normalisation: Normalisation;
  readonly augmentation: Augmentation;
  readonly random: Random;
}

/** Inputs of a training step. */
export interface Batch {
  /** float32 [N,3,H,W] */
  readonly image: Tensor;
  /** int32 [N,1,H,W] */
  readonly target: Tensor;
  /** float32 [N,1,H,W] */
  readonly weight: Tensor;
}

/** Draws the next batch. With the generator's state, `order` is all that the batches to come depend on. */
export interface BatchSource {
  (): Batch;
  /** Indices of the blocks still to be visited in this round, the next one last. */
  order(): readonly number[];
  setOrder(order: readonly number[]): void;
}

/** A never-ending source of batches. Every block is visited before any is visited again; patches favour corrected pixels. */
export function createBatches(options: PatchOptions): BatchSource {
  const { blocks, patchPx, batch, random } = options;
  assert(blocks.length > 0, 'no blocks to draw from');
  let order: number[] = [];
  const nextBatch = () => {
    const plane = patchPx * patchPx;
    const image = new Float32Array(batch * 3 * plane);
    const target = new Int32Array(batch * plane);
    const weight = new Float32Array(batch * plane);
    for (let n = 0; n < batch; n++) {
      if (order.length === 0) order = random.shuffle([...blocks.keys()]);
      const patch = { n, image, target, weight };
      drawPatch(options, blocks[order.pop()!]!, patch);
    }
    const dims = [batch, 1, patchPx, patchPx];
    return {
      image: { type: 'float32', dims: [batch, 3, patchPx, patchPx], data: image },
      target: { type: 'int32', dims, data: target },
      weight: { type: 'float32', dims, data: weight },
    } satisfies Batch;
  };
  const setOrder = (indices: readonly number[]) => {
    assert(
      indices.every((index) => blocks[index] !== undefined),
      'an order of other blocks',
    );
    order = [...indices];
  };
  return Object.assign(nextBatch, { order: () => [...order], setOrder });
}

interface PatchTarget {
  readonly n: number;
  readonly image: Float32Array;
  readonly target: Int32Array;
  readonly weight: Float32Array;
}

function drawPatch(options: PatchOptions, block: LearnableBlock, into: PatchTarget): void {
  const { random, augmentation, patchPx } = options;
  const { x, y } = drawCentre(block, random, patchPx);
  const placement = drawPlacement(random, augmentation, x, y);
  const tables = drawStain(random, augmentation);
  const { normalisation } = options;
  const values = tables.map((table, c) =>
    Float32Array.from(table, (byte) => (byte / 255 - normalisation.mean[c]!) / normalisation.deviation[c]!),
  );
  const white = values.map((channel) => channel[255]!);
  fillPatch(block, placement, { ...into, values, white, patchPx });
}

/** Near a pixel somebody spoke about, moved by chance, and so that the patch stays inside the block where it fits. */
function drawCentre(block: LearnableBlock, random: Random, patchPx: number): { x: number; y: number } {
  const { width, height } = block.image;
  const index = block.spoken[random.int(block.spoken.length)]!;
  const half = patchPx / 2;
  const shift = () => (random.next() - 0.5) * half;
  const inside = (value: number, size: number) =>
    size <= patchPx ? size / 2 : Math.round(Math.max(half, Math.min(size - half, value)));
  return { x: inside((index % width) + shift(), width), y: inside(Math.floor(index / width) + shift(), height) };
}

interface Filling extends PatchTarget {
  /** Network value of each byte, by channel. */
  readonly values: readonly Float32Array[];
  readonly white: readonly number[];
  readonly patchPx: number;
}

/** Beyond the block a patch is white and counts nothing. */
function fillPatch(block: LearnableBlock, placement: Placement, filling: Filling): void {
  const { patchPx, n } = filling;
  const { width, height } = block.image;
  const { centreX, centreY, right, down } = placement;
  for (let py = 0; py < patchPx; py++) {
    for (let px = 0; px < patchPx; px++) {
      const u = px + 0.5 - patchPx / 2;
      const v = py + 0.5 - patchPx / 2;
      const x = centreX + u * right[0] + v * down[0] - 0.5;
      const y = centreY + u * right[1] + v * down[1] - 0.5;
      const at = (n * patchPx + py) * patchPx + px;
      const nearest = { x: Math.round(x), y: Math.round(y) };
      if (nearest.x < 0 || nearest.y < 0 || nearest.x >= width || nearest.y >= height) {
        writeWhite(filling, at);
        continue;
      }
      const i = nearest.y * width + nearest.x;
      filling.target[at] = block.target[i]!;
      filling.weight[at] = block.weight[i]!;
      writeColour(block, x, y, filling, at);
    }
  }
}

function writeWhite(filling: Filling, at: number): void {
  const plane = filling.patchPx ** 2;
  const first = Math.floor(at / plane) * 2 * plane + at;
  filling.target[at] = -1;
  filling.weight[at] = 0;
  for (let c = 0; c < 3; c++) filling.image[first + c * plane] = filling.white[c]!;
}

/** Bilinear in the network's values; on whole pixels (quarter turns without scaling) that is the pixel itself. */
function writeColour(block: LearnableBlock, x: number, y: number, filling: Filling, at: number): void {
  const { width, height, data } = block.image;
  const plane = filling.patchPx ** 2;
  const first = Math.floor(at / plane) * 2 * plane + at;
  const x0 = Math.max(0, Math.min(width - 1, Math.floor(x)));
  const y0 = Math.max(0, Math.min(height - 1, Math.floor(y)));
  const x1 = Math.min(width - 1, x0 + 1);
  const y1 = Math.min(height - 1, y0 + 1);
  const fx = Math.max(0, x - x0);
  const fy = Math.max(0, y - y0);
  for (let c = 0; c < 3; c++) {
    const values = filling.values[c]!;
    const top = values[data[(y0 * width + x0) * 3 + c]!]! * (1 - fx) + values[data[(y0 * width + x1) * 3 + c]!]! * fx;
    const low = values[data[(y1 * width + x0) * 3 + c]!]! * (1 - fx) + values[data[(y1 * width + x1) * 3 + c]!]! * fx;
    filling.image[first + c * plane] = top * (1 - fy) + low * fy;
  }
}
