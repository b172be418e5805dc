import { describe, expect, it } from 'vitest';
import { foldBatchNorm } from '../../../src/core/nn/fold-batch-norm.ts';
import { encodeModel } from '../../../src/core/nn/onnx.ts';
import { printModel } from '../../../src/core/nn/print.ts';
import { openReference, openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { writeParameters } from '../../../src/core/nn/training.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { createRandom } from '../../../src/core/random.ts';
import { TINY, tinyBatch, trainTiny } from './tiny-training.ts';

const SMALL = { inputChannels: 3, classes: 2, channels: [4, 8], seed: 1 };

const picture = (dims: number[]): Tensor => {
  const random = createRandom(9);
  return tensorOf(
    'float32',
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => random.normal()),
  );
};

describe('the built-in U-Net', () => {
  it('gives the same bytes for the same seed and others for another', () => {
    const bytes = encodeModel(buildUnet(SMALL));
    expect(encodeModel(buildUnet(SMALL))).toEqual(bytes);
    expect(encodeModel(buildUnet({ ...SMALL, seed: 2 }))).not.toEqual(bytes);
  });

  it('takes any number of tiles of any even size', async () => {
    const session = await openReference(encodeModel(buildUnet({ ...SMALL, classes: 3 })));
    for (const dims of [
      [1, 3, 4, 6],
      [2, 3, 8, 4],
    ]) {
      const { logits } = await session.run({ image: picture(dims) });
      expect(logits.dims).toEqual([dims[0], 3, dims[2], dims[3]]);
    }
  });

  it('has the parameters that its layers add up to', () => {
    const count = (channels: number[]) => {
      const { initialisers } = buildUnet({ inputChannels: 3, classes: 2, channels, seed: 1 }).graph;
      return [...initialisers]
        .filter(([name]) => /weight|bias|scale|shift/.test(name))
        .reduce((sum, [, t]) => sum + t.data.length, 0);
    };
    // One level: 3→4 and 4→4 (3×3, scale and shift), head 4→2 with bias.
    expect(count([4])).toBe(3 * 4 * 9 + 8 + 4 * 4 * 9 + 8 + 10);
  });

  it('starts with answers of ordinary size', async () => {
    const session = openReferenceModel(buildUnet(SMALL));
    const { logits } = await session.run({ image: picture([1, 3, 8, 8]) });
    const root = Math.sqrt(
      Array.from(logits.data as Float32Array).reduce((sum, v) => sum + v * v, 0) / logits.data.length,
    );
    expect(root).toBeGreaterThan(0.05);
    expect(root).toBeLessThan(20);
  });

  it('refuses widths that are no widths', () => {
    for (const channels of [[], [0], [4, 2.5], [-1]]) {
      expect(() => buildUnet({ ...SMALL, channels })).toThrow(expect.objectContaining({ code: 'bad-input' }));
    }
  });

  it('prints the same text each time, one line per node', () => {
    const model = buildUnet(SMALL);
    const text = printModel(model);
    expect(printModel(buildUnet(SMALL))).toBe(text);
    expect(text).toContain('down1.pool = MaxPool(down0.second.relu) {kernel_shape=[2 2], strides=[2 2]}');
    expect(text.split('\n').filter((line) => line.includes(' = Conv('))).toHaveLength(8);
  });
});

describe('a U-Net that learns two tiles by heart', () => {
  for (const batchNorm of ['frozen', 'batch'] as const) {
    it(`brings the loss close to 0 (${batchNorm} averages)`, async () => {
      const { losses } = await trainTiny(buildUnet(SMALL), openReference, {
        options: { batchNorm, clipNorm: 1 },
        steps: 60,
        learningRate: 2e-2,
      });
      expect(losses[0]).toBeGreaterThan(0.9);
      expect(losses.at(-1)).toBeLessThan(0.1);
    });
  }

  it('answers rightly after its weights are written back, folded or not', async () => {
    const model = buildUnet(SMALL);
    const { program, state } = await trainTiny(model, openReference, {
      options: { batchNorm: 'batch' },
      steps: 60,
      learningRate: 2e-2,
    });
    const learned = writeParameters(model, program, state);
    const folded = foldBatchNorm(learned);
    const { image, target } = tinyBatch(program);
    const [plain, merged] = await Promise.all([learned, folded].map((m) => openReferenceModel(m).run({ image })));
    expect(folded.graph.nodes.some((node) => node.op === 'BatchNormalization')).toBe(false);
    plain.logits.data.forEach((value, i) => {
      expect(Number(merged.logits.data[i])).toBeCloseTo(Number(value), 3);
    });
    const pixels = TINY.heightPx * TINY.widthPx;
    const right = Array.from(target.data as Int32Array).filter((label, i) => {
      const at = Math.floor(i / pixels) * 2 * pixels + (i % pixels);
      return Number(plain.logits.data[at + pixels]) > Number(plain.logits.data[at]) === (label === 1);
    });
    expect(right.length / target.data.length).toBeGreaterThan(0.9);
  });
});
