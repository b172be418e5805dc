/** Five models of other makers (opsets 7 to 12): read, written again, run, and trained where they are segmenters. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { decodeModel, encodeModel } from '../../../src/core/nn/onnx.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { sizeOf, tensorOf } from '../../../src/core/nn/tensor.ts';
import {
  buildTrainingProgram,
  stepHyper,
  type TrainingOptions,
  type TrainingProgram,
  writeParameters,
} from '../../../src/core/nn/training.ts';
import { createRandom } from '../../../src/core/random.ts';
import { describeWithData } from '../../fixtures/shared-data.ts';
import { openOnnxRuntime } from './onnxruntime-session.ts';

const FILES = ['SINet.onnx', 'SINet_Softmax.onnx', 'deeplab_nchw.onnx', 'mnist.onnx', 'prisma_nchw.onnx'];

const OPTIONS: Omit<TrainingOptions, 'heightPx' | 'widthPx'> = {
  batch: 1,
  loss: [{ kind: 'cross-entropy' }, { kind: 'dice' }],
  batchNorm: 'frozen',
  optimiser: { kind: 'sgd', momentum: 0 },
  clipNorm: null,
  exposeGradient: true,
};

/** A picture that is dark on the left and bright on the right, which is also its mask. */
function halves({ inputs }: TrainingProgram): Record<string, Tensor> {
  const [, , height, width] = inputs.image.dims;
  const pixels = height * width;
  const target = Int32Array.from({ length: pixels }, (_, i) => (i % width > width / 2 ? 1 : 0));
  const image = Float32Array.from({ length: 3 * pixels }, (_, i) => (target[i % pixels] ? 0.8 : 0.2));
  return {
    image: tensorOf('float32', inputs.image.dims, image),
    target: tensorOf('int32', inputs.target.dims, target),
    weight: tensorOf('float32', inputs.weight.dims, new Float32Array(pixels).fill(1)),
  };
}

function inputOf(model: OnnxModel): { name: string; tensor: Tensor } {
  const random = createRandom(4);
  const [{ name, dims }] = model.graph.inputs;
  const shape = dims!.map((dim) => (typeof dim === 'number' ? dim : 1));
  return {
    name,
    tensor: tensorOf(
      'float32',
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => random.next()),
    ),
  };
}

async function answer(bytes: Uint8Array, model: OnnxModel): Promise<Float32Array> {
  const { name, tensor } = inputOf(model);
  const session = await openOnnxRuntime(bytes);
  const result = await session.run({ [name]: tensor });
  await session.close();
  return result[model.graph.outputs[0].name].data as Float32Array;
}

function largestGap(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  return a.reduce((gap, value, i) => Math.max(gap, Math.abs(value - b[i])), 0) / largest;
}

describeWithData('models of other makers', (data) => {
  const bytesOf = (file: string) => new Uint8Array(readFileSync(join(data, 'models/onnx', file)));

  for (const file of FILES) {
    it(`${file} answers the same after it was read and written again`, async () => {
      const bytes = bytesOf(file);
      const model = decodeModel(bytes);
      expect(largestGap(await answer(encodeModel(model), model), await answer(bytes, model))).toBeLessThan(1e-4);
    });

    it(`${file} cut short is refused or smaller, never a hang`, () => {
      const bytes = bytesOf(file);
      for (const part of [0.01, 0.3, 0.77, 0.999]) {
        try {
          decodeModel(bytes.subarray(0, Math.floor(bytes.length * part)));
        } catch (error) {
          expect(error).toMatchObject({ code: 'model-unusable' });
        }
      }
    });
  }

  for (const file of ['SINet.onnx', 'SINet_Softmax.onnx', 'deeplab_nchw.onnx', 'prisma_nchw.onnx']) {
    it(`${file} can be fine-tuned on onnxruntime: a small step down the gradient lowers the loss as far as it promises`, async () => {
      const model = decodeModel(bytesOf(file));
      const [heightPx, widthPx] = inputOf(model).tensor.dims.slice(2);
      const program = buildTrainingProgram(model, { ...OPTIONS, heightPx, widthPx });
      const session = await openOnnxRuntime(program.bytes, program.sessionOptions);
      const batch = halves(program);
      const step = (learningRate: number) =>
        session.run({ ...batch, hyper: stepHyper(1, learningRate, OPTIONS.optimiser) });
      const before = await step(0);
      const loss = Number(before.loss.data[0]);
      const squared = (before.gradient.data as Float32Array).reduce((sum, value) => sum + value * value, 0);
      const promised = loss * 0.01;
      await step(promised / squared);
      const learned = writeParameters(model, program, await session.readState());
      const drop = loss - Number((await step(0)).loss.data[0]);
      await session.close();
      expect(drop / promised).toBeGreaterThan(0.7);
      expect(drop / promised).toBeLessThan(1.3);
      expect(encodeModel(learned)).not.toEqual(encodeModel(model));
      expect((await answer(encodeModel(learned), model)).every(Number.isFinite)).toBe(true);
    });
  }

  it('mnist.onnx, which classifies whole pictures, is refused with what it lacks', () => {
    const model = decodeModel(bytesOf('mnist.onnx'));
    expect(() => buildTrainingProgram(model, { ...OPTIONS, heightPx: 28, widthPx: 28 })).toThrow(
      /class score per pixel/,
    );
  });
});
