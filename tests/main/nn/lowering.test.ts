/** The training step in onnxruntime's blocked layout: another way to the same numbers. */
import { describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { decodeModel } from '../../../src/core/nn/onnx.ts';
import { openReference } from '../../../src/core/nn/reference.ts';
import type { Lowering, TrainingOptions } from '../../../src/core/nn/training.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { loweringOn } from '../../../src/main/engine/probe-lowering.ts';
import { trainTiny } from '../../core/nn/tiny-training.ts';
import { openOnnxRuntime, openWithThreads } from './onnxruntime-session.ts';
import { type Layer, smallSegmenter } from './small-segmenter.ts';

const lowering = await loweringOn('cpu');
const blocked = lowering.blocked !== undefined;
if (!blocked) console.warn('SKIPPED: this machine or runtime has no blocked layout that gives right numbers');

/** Largest difference relative to the largest value. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return difference / largest;
}

type Options = Partial<TrainingOptions>;
const step = (model: OnnxModel, options: Options, form?: Lowering) =>
  trainTiny(model, openOnnxRuntime, {
    options: { ...options, exposeGradient: true, ...(form && { lowering: form }) },
    learningRate: 1e-3,
  });

async function expectSame(model: OnnxModel, options: Options): Promise<Uint8Array> {
  const plain = await step(model, options);
  const fast = await step(model, options, lowering);
  expect(Math.abs(fast.losses[0]! / plain.losses[0]! - 1)).toBeLessThan(1e-5);
  expect(distance(fast.gradient, plain.gradient)).toBeLessThan(1e-4);
  expect(distance(fast.state.theta!.data as Float32Array, plain.state.theta!.data as Float32Array)).toBeLessThan(1e-4);
  return fast.program.bytes;
}

const operatorsOf = (bytes: Uint8Array) =>
  decodeModel(bytes)
    .graph.nodes.filter((node) => node.domain !== '')
    .map((node) => node.op);

const UNETS: Readonly<Record<string, { channels: number[]; options: Options }>> = {
  'every width a multiple of the block': { channels: [16, 32], options: { heightPx: 16, widthPx: 24 } },
  'some widths no multiple of the block': { channels: [16, 24, 32], options: { heightPx: 8, widthPx: 12 } },
  'no width a multiple of the block': { channels: [6, 10], options: { heightPx: 6, widthPx: 10 } },
  'averages of the batch': { channels: [16, 32], options: { batchNorm: 'batch', heightPx: 8, widthPx: 16 } },
  'clipped gradients, three samples': { channels: [32, 16], options: { clipNorm: 0.1, batch: 3 } },
  'rows cut into bands': { channels: [16, 32], options: { batch: 1, heightPx: 64, widthPx: 256 } },
};

const LAYERS: Readonly<Record<string, { layers: Layer[]; edgePx: number }>> = {
  'odd sizes': { layers: [{ to: 32 }, { to: 16 }], edgePx: 13 },
  'steps of two, doubled again': {
    layers: [
      { to: 32, stride: 2 },
      { to: 32, double: true },
    ],
    edgePx: 12,
  },
  'dilated and wide kernels': {
    layers: [
      { to: 16, dilation: 2 },
      { to: 32, kernel: 5 },
      { to: 16, kernel: 1 },
    ],
    edgePx: 11,
  },
  'groups of whole blocks': { layers: [{ to: 32 }, { to: 64, group: 2 }], edgePx: 9 },
  'groups of less than a block': { layers: [{ to: 32 }, { to: 32, group: 4 }], edgePx: 9 },
  'one channel a group': { layers: [{ to: 32 }, { to: 32, group: 32 }, { to: 16 }], edgePx: 9 },
  'one channel a group, in steps and dilated': {
    layers: [{ to: 32 }, { to: 32, group: 32, stride: 2 }, { to: 32, double: true, group: 32, dilation: 2 }],
    edgePx: 12,
  },
  'one channel a group, an odd picture in steps': {
    layers: [{ to: 32 }, { to: 32, group: 32, stride: 2, kernel: 5 }, { to: 32, double: true }],
    edgePx: 14,
  },
  'joins of odd widths': { layers: [{ to: 16 }, { to: 5, join: true }, { to: 32, join: true }], edgePx: 8 },
  'joins of whole blocks': { layers: [{ to: 16 }, { to: 32, join: true }, { to: 16, join: true }], edgePx: 8 },
  'sums past a layer': { layers: [{ to: 32 }, { to: 32, add: true }, { to: 32, add: true }], edgePx: 10 },
  'doubling without fewer channels': {
    layers: [
      { to: 16, stride: 2 },
      { to: 32, double: true },
    ],
    edgePx: 8,
  },
  'layers without ReLU': {
    layers: [
      { to: 16, bare: true },
      { to: 32, bare: true },
    ],
    edgePx: 8,
  },
};

describe.runIf(blocked)('a training step in the blocked layout', () => {
  for (const [name, { channels, options }] of Object.entries(UNETS)) {
    it(`gives a U-Net the same loss, gradient and weights: ${name}`, async () => {
      const model = buildUnet({ inputChannels: 3, classes: 3, channels, seed: 11 });
      const used = operatorsOf(await expectSame(model, options));
      if (channels.some((width) => width % lowering.blocked! === 0)) expect(used).toContain('Conv');
      else expect(used).toEqual([]);
    });
  }

  for (const [name, { layers, edgePx }] of Object.entries(LAYERS)) {
    it(`gives other networks the same loss, gradient and weights: ${name}`, async () => {
      const used = await expectSame(smallSegmenter(layers), { heightPx: edgePx, widthPx: edgePx });
      expect(operatorsOf(used)).toContain('Conv');
    });
  }

  it('agrees with the slow reference', async () => {
    const model = buildUnet({ inputChannels: 3, classes: 3, channels: [16, 32], seed: 11 });
    const options = { exposeGradient: true } as const;
    const fast = await trainTiny(model, openOnnxRuntime, { options: { ...options, lowering }, learningRate: 1e-3 });
    const slow = await trainTiny(model, openReference, { options, learningRate: 1e-3 });
    expect(Math.abs(fast.losses[0]! / slow.losses[0]! - 1)).toBeLessThan(1e-5);
    expect(distance(fast.gradient, slow.gradient)).toBeLessThan(1e-4);
  });

  it('gives the same bits on one thread and on two', async () => {
    const model = buildUnet({ inputChannels: 3, classes: 3, channels: [16, 32], seed: 11 });
    const run = { options: { lowering, heightPx: 32, widthPx: 64 }, steps: 3 };
    const one = await trainTiny(model, openOnnxRuntime, run);
    const two = await trainTiny(model, (bytes, options = {}) => openWithThreads(bytes, options, 2), run);
    expect(two.losses).toEqual(one.losses);
    expect(two.state.theta!.data).toEqual(one.state.theta!.data);
  });
});

describe('the probe of the blocked layout', () => {
  it('never offers it to a GPU', async () => {
    expect(await loweringOn('webgpu')).toEqual({ weightGradient: 'shifted-matmul' });
  });
});
