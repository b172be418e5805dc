/** The built-in U-Net as an ordinary ONNX model: what a project starts with and what training from scratch begins at. */
import { HistoloopError } from '../errors.ts';
import { createRandom } from '../random.ts';
import type { OnnxModel } from './graph.ts';
import { addNode, constant, filled, modelOf, type NetworkDraft } from './network-draft.ts';
import { sizeOf, tensorOf } from './tensor.ts';

export interface UNetOptions {
  readonly inputChannels: number;
  readonly classes: number;
  /** Width of each level, finest first, such as [16, 32, 64, 128]. */
  readonly channels: readonly number[];
  readonly seed: number;
}

/**
 * U-Net (Ronneberger et al. 2015) with batch normalisation: two 3×3 convolutions per level, max pooling down, nearest
 * resizing and a convolution up, skips joined, a 1×1 head. Input `image` float32 [N,C,H,W] (H, W divisible by
 * 2^(levels−1)), output `logits` float32 [N,K,H,W]. The same options always give the same bytes.
 */
export function buildUnet(options: UNetOptions): OnnxModel {
  const { inputChannels, classes, channels, seed } = options;
  if (![inputChannels, classes, ...channels].every((n) => Number.isInteger(n) && n > 0) || channels.length === 0) {
    throw new HistoloopError(
      'bad-input',
      `a U-Net of ${channels.join(', ')} channels cannot be built; use positive whole numbers`,
    );
  }
  const draft: NetworkDraft = { nodes: [], initialisers: new Map(), random: createRandom(seed) };
  constant(draft, 'twice', tensorOf('float32', [4], [1, 1, 2, 2]));
  const skips: string[] = [];
  let value = 'image';
  channels.forEach((width, level) => {
    if (level > 0) value = addNode(draft, 'MaxPool', { name: `down${level}.pool`, inputs: [value] }, HALVE);
    const before = level === 0 ? inputChannels : channels[level - 1];
    value = twoBlocks(draft, `down${level}`, value, [before, width]);
    skips.push(value);
  });
  for (let level = channels.length - 2; level >= 0; level--) {
    const width = channels[level];
    const wide = addNode(draft, 'Resize', { name: `up${level}.resize`, inputs: [value, '', 'twice'] }, UP);
    const up = block(draft, `up${level}.conv`, wide, [channels[level + 1], width]);
    const joined = addNode(draft, 'Concat', { name: `up${level}.join`, inputs: [up, skips[level]] }, { axis: 1 });
    value = twoBlocks(draft, `up${level}`, joined, [2 * width, width]);
  }
  head(draft, value, [channels[0], classes]);
  return modelOf(draft, {
    name: 'unet',
    inputs: [{ name: 'image', type: 'float32', dims: ['N', inputChannels, 'H', 'W'] }],
    outputs: [{ name: 'logits', type: 'float32', dims: ['N', classes, 'H', 'W'] }],
  });
}

const HALVE = { kernel_shape: [2, 2], strides: [2, 2] } as const;
const UP = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' } as const;

/** Normal with variance 2 / fan-in, for layers followed by a ReLU (He et al. 2015, eq. 10). */
function heNormal(draft: NetworkDraft, name: string, dims: readonly number[]): string {
  const deviation = Math.sqrt(2 / sizeOf(dims.slice(1)));
  const data = Float32Array.from({ length: sizeOf(dims) }, () => draft.random.normal() * deviation);
  return constant(draft, name, { type: 'float32', dims, data });
}

type Widths = readonly [from: number, to: number];

/** Convolution 3×3, batch normalisation, ReLU. */
function block(draft: NetworkDraft, name: string, input: string, [from, to]: Widths): string {
  const weight = heNormal(draft, `${name}.weight`, [to, from, 3, 3]);
  const window = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] };
  const convolved = addNode(draft, 'Conv', { name, inputs: [input, weight] }, window);
  const parts = { scale: 1, shift: 0, mean: 0, variance: 1 };
  const averages = Object.entries(parts).map(([part, value]) => filled(draft, `${name}.${part}`, [to], value));
  const normal = { name: `${name}.norm`, inputs: [convolved, ...averages] };
  const unit = addNode(draft, 'BatchNormalization', normal, { epsilon: 1e-5, momentum: 0.9 });
  return addNode(draft, 'Relu', { name: `${name}.relu`, inputs: [unit] });
}

function twoBlocks(draft: NetworkDraft, name: string, input: string, [from, to]: Widths): string {
  return block(draft, `${name}.second`, block(draft, `${name}.first`, input, [from, to]), [to, to]);
}

function head(draft: NetworkDraft, input: string, [from, classes]: Widths): void {
  const weight = heNormal(draft, 'head.weight', [classes, from, 1, 1]);
  const bias = filled(draft, 'head.bias', [classes], 0);
  addNode(draft, 'Conv', { name: 'logits', inputs: [input, weight, bias] }, { kernel_shape: [1, 1] });
}
