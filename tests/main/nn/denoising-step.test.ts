/** The denoising U-Net on stock onnxruntime: a training step as a segmenter, and noise for a picture and a time. */
import { describe, expect, test } from 'vitest';
import { buildDenoisingUnet, DENOISING_SHAPES } from '../../../src/core/nn/denoising-unet.ts';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { encodeModel } from '../../../src/core/nn/onnx.ts';
import { openReference, openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { OpenSession, Tensor } from '../../../src/core/nn/session.ts';
import { createRandom } from '../../../src/core/random.ts';
import { trainTiny } from '../../core/nn/tiny-training.ts';
import { openOnnxRuntime } from './onnxruntime-session.ts';

/** Largest difference relative to the largest value. */
function distance(a: Float32Array, b: Float32Array): number {
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0) / largest;
}

describe('the denoising U-Net on onnxruntime', () => {
  const segmenter = buildDenoisingUnet({
    shape: DENOISING_SHAPES.micro,
    inputChannels: 3,
    outputChannels: 3,
    time: 'zero',
    seed: 4,
  });

  test.each(['conv3d', 'shifted-matmul'] as const)('has the reference’s gradient, weights by %s', async (form) => {
    const run = { options: { exposeGradient: true, lowering: { weightGradient: form } } };
    const step = (open: OpenSession) => trainTiny(segmenter, open, run);
    const [fast, slow] = [await step(openOnnxRuntime), await step(openReference)];
    expect(Math.abs(fast.losses[0] / slow.losses[0] - 1)).toBeLessThan(1e-5);
    expect(distance(fast.gradient, slow.gradient)).toBeLessThan(1e-4);
  });

  test.each([
    ['every level', DENOISING_SHAPES.micro],
    ['the coarsest level only', DENOISING_SHAPES.xxs],
  ])('predicts the reference’s noise at each time, with attention on %s', async (_, shape) => {
    const model = buildDenoisingUnet({ shape, inputChannels: 3, outputChannels: 3, time: 'input', seed: 5 });
    const [fast, slow] = await bothOf(model);
    expect(distance(fast, slow)).toBeLessThan(1e-5);
    const half = slow.length / 2;
    expect(distance(slow.subarray(0, half), slow.subarray(half)), 'time changes nothing').toBeGreaterThan(1e-3);
  });
});

/** The same picture at two times, by onnxruntime and by the reference. */
async function bothOf(model: OnnxModel): Promise<[Float32Array, Float32Array]> {
  const random = createRandom(6);
  const picture = Array.from({ length: 3 * 16 * 16 }, () => random.normal());
  const feeds: Record<string, Tensor> = {
    image: { type: 'float32', dims: [2, 3, 16, 16], data: Float32Array.from([...picture, ...picture]) },
    time: { type: 'float32', dims: [2], data: Float32Array.of(0, 700) },
  };
  const fast = await openOnnxRuntime(encodeModel(model));
  const slow = openReferenceModel(model);
  const results = [await fast.run(feeds), await slow.run(feeds)];
  await fast.close();
  return results.map(({ noise }) => noise.data as Float32Array) as [Float32Array, Float32Array];
}
