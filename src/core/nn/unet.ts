/** The built-in U-Net as an ordinary ONNX model: what a project starts with and what training from scratch begins at. */
import { HistoloopError } from '../errors.ts';
import { createRandom, type Random } from '../random.ts';
import { attributesOf, type PlainAttributes } from './builder.ts';
import type { Node, OnnxModel } from './graph.ts';
import type { Tensor } from './session.ts';
import { sizeOf, tensorOf } from './tensor.ts';
import { IR_VERSION, OPSET, type Op } from './verify.ts';

export { foldBatchNorm } from './fold-batch-norm.ts';

export interface UNetOptions {
  readonly inputChannels: number;
  readonly classes: number;
  /** Width of each level, finest first, such as [16, 32, 64, 128]. */
  readonly channels: readonly number[];
  readonly seed: number;
}

/** Nodes and weights under construction; sizes of pictures stay open, so this is not the `GraphBuilder`. */
interface Draft {
  readonly nodes: Node[];
  readonly initialisers: Map<string, Tensor>;
  readonly random: Random;
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
  const draft: Draft = { nodes: [], initialisers: new Map(), random: createRandom(seed) };
  draft.initialisers.set('twice', tensorOf('float32', [4], [1, 1, 2, 2]));
  const skips: string[] = [];
  let value = 'image';
  channels.forEach((width, level) => {
    if (level > 0)
      value = node(
        draft,
        'MaxPool',
        { name: `down${level}.pool`, inputs: [value] },
        { kernel_shape: [2, 2], strides: [2, 2] },
      );
    const before = level === 0 ? inputChannels : channels[level - 1];
    value = twoBlocks(draft, `down${level}`, value, [before, width]);
    skips.push(value);
  });
  for (let level = channels.length - 2; level >= 0; level--) {
    const width = channels[level];
    const wide = node(draft, 'Resize', { name: `up${level}.resize`, inputs: [value, '', 'twice'] }, UP);
    const up = block(draft, `up${level}.conv`, wide, [channels[level + 1], width]);
    const joined = node(draft, 'Concat', { name: `up${level}.join`, inputs: [up, skips[level]] }, { axis: 1 });
    value = twoBlocks(draft, `up${level}`, joined, [2 * width, width]);
  }
  head(draft, value, [channels[0], classes]);
  return asModel(draft, options);
}

const UP = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' } as const;

function node<K extends Op>(
  draft: Draft,
  op: K,
  { name, inputs }: { name: string; inputs: readonly string[] },
  attributes: PlainAttributes<K>,
): string {
  draft.nodes.push({ name, op, domain: '', inputs, outputs: [name], attributes: attributesOf(op, attributes) });
  return name;
}

/** Normal with variance 2 / fan-in, for layers followed by a ReLU (He et al. 2015, eq. 10). */
function heNormal({ random }: Draft, dims: readonly number[]): Tensor {
  const deviation = Math.sqrt(2 / sizeOf(dims.slice(1)));
  return tensorOf(
    'float32',
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => random.normal() * deviation),
  );
}

type Widths = readonly [from: number, to: number];

/** Convolution 3×3, batch normalisation, ReLU. */
function block(draft: Draft, name: string, input: string, [from, to]: Widths): string {
  const constant = (value: number) => tensorOf('float32', [to], new Float32Array(to).fill(value));
  draft.initialisers.set(`${name}.weight`, heNormal(draft, [to, from, 3, 3]));
  draft.initialisers.set(`${name}.scale`, constant(1));
  draft.initialisers.set(`${name}.shift`, constant(0));
  draft.initialisers.set(`${name}.mean`, constant(0));
  draft.initialisers.set(`${name}.variance`, constant(1));
  const window = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] };
  const convolved = node(draft, 'Conv', { name, inputs: [input, `${name}.weight`] }, window);
  const averages = ['scale', 'shift', 'mean', 'variance'].map((part) => `${name}.${part}`);
  const normal = { name: `${name}.norm`, inputs: [convolved, ...averages] };
  return node(
    draft,
    'Relu',
    { name: `${name}.relu`, inputs: [node(draft, 'BatchNormalization', normal, { epsilon: 1e-5, momentum: 0.9 })] },
    {},
  );
}

function twoBlocks(draft: Draft, name: string, input: string, [from, to]: Widths): string {
  return block(draft, `${name}.second`, block(draft, `${name}.first`, input, [from, to]), [to, to]);
}

function head(draft: Draft, input: string, [from, classes]: Widths): void {
  draft.initialisers.set('head.weight', heNormal(draft, [classes, from, 1, 1]));
  draft.initialisers.set('head.bias', tensorOf('float32', [classes], new Float32Array(classes)));
  node(draft, 'Conv', { name: 'logits', inputs: [input, 'head.weight', 'head.bias'] }, { kernel_shape: [1, 1] });
}

function asModel({ nodes, initialisers }: Draft, { inputChannels, classes }: UNetOptions): OnnxModel {
  return {
    irVersion: IR_VERSION,
    opsets: new Map([['', OPSET]]),
    producer: 'histoloop',
    metadata: new Map(),
    graph: {
      name: 'unet',
      nodes,
      initialisers,
      inputs: [{ name: 'image', type: 'float32', dims: ['N', inputChannels, 'H', 'W'] }],
      outputs: [{ name: 'logits', type: 'float32', dims: ['N', classes, 'H', 'W'] }],
    },
  };
}
