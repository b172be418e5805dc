import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel } from '../../../src/core/nn/onnx.ts';
import { openReference, openReferenceModel } from '../../../src/core/nn/reference.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { buildTrainingProgram, stepHyper, writeParameters } from '../../../src/core/nn/training.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { TINY, tinyBatch, trainTiny } from './tiny-training.ts';

const UNET = buildUnet({ inputChannels: 3, classes: 2, channels: [3, 4], seed: 1 });

describe('a training program', () => {
  it('has the same bytes each time', () => {
    expect(buildTrainingProgram(UNET, TINY).bytes).toEqual(buildTrainingProgram(UNET, TINY).bytes);
  });

  it('lays every weight out once, without gaps', () => {
    const { layout } = buildTrainingProgram(UNET, TINY);
    let end = 0;
    for (const { dims, offset } of layout.entries) {
      expect(offset).toBe(end);
      end += dims.reduce((a, b) => a * b, 1);
    }
    expect(end).toBe(layout.length);
    expect(new Set(layout.entries.map((entry) => entry.name)).size).toBe(layout.entries.length);
    expect(layout.entries.map((entry) => entry.name)).toContain('up0.conv.weight');
    expect(layout.entries.some((entry) => /mean|variance/.test(entry.name))).toBe(false);
  });

  it('changes nothing at learning rate 0', async () => {
    const { state, program } = await trainTiny(UNET, openReference, { learningRate: 0, steps: 2 });
    expect(state.theta.data).toEqual(program.sessionOptions.initial!.theta.data);
    const learned = writeParameters(UNET, program, state);
    expect(encodeModel(learned)).toEqual(encodeModel(UNET));
  });

  it('changes only what may learn, and computes no gradient for the rest', async () => {
    const trainable = (name: string) => name.startsWith('head');
    const few = await trainTiny(UNET, openReference, { options: { trainable, exposeGradient: true } });
    const before = few.program.sessionOptions.initial!.theta.data as Float32Array;
    expect(few.program.layout.entries.map(({ name }) => name)).toEqual(['head.weight', 'head.bias']);
    expect(few.state.theta.data.every((value, i) => value !== before[i])).toBe(true);
    const learned = writeParameters(UNET, few.program, few.state).graph.initialisers;
    for (const [name, { data }] of UNET.graph.initialisers)
      expect(learned.get(name)!.data[0] !== data[0]).toBe(trainable(name));
    expect(few.program.bytes.length).toBeLessThan(buildTrainingProgram(UNET, TINY).bytes.length * 0.7);
  });

  it('with batch statistics moves the running averages towards the batch', async () => {
    const { program, state } = await trainTiny(UNET, openReference, { options: { batchNorm: 'batch' }, steps: 3 });
    const before = program.sessionOptions.initial!.running.data;
    const first = program.runningLayout.entries.find((entry) => entry.name === 'down0.first.mean')!;
    expect(state.running.data[first.offset]).not.toBe(before[first.offset]);
    const learned = writeParameters(UNET, program, state);
    expect(learned.graph.initialisers.get('down0.first.mean')!.data[0]).toBeCloseTo(
      Number(state.running.data[first.offset]),
      6,
    );
  });

  it('leaves a normalisation frozen whose scale may not learn', () => {
    const trainable = (name: string) => !name.startsWith('down0');
    const { runningLayout } = buildTrainingProgram(UNET, { ...TINY, batchNorm: 'batch', trainable });
    expect(runningLayout.entries.some((entry) => entry.name.startsWith('down0'))).toBe(false);
    expect(runningLayout.entries.some((entry) => entry.name.startsWith('down1'))).toBe(true);
  });

  it('clips long gradients: SGD then steps by exactly the limit', async () => {
    const { program, state } = await trainTiny(UNET, openReference, {
      options: { optimiser: { kind: 'sgd', momentum: 0 }, clipNorm: 1e-3 },
      learningRate: 1,
    });
    const before = program.sessionOptions.initial!.theta.data as Float32Array;
    const moved = (state.theta.data as Float32Array).map((value, i) => value - before[i]);
    expect(Math.hypot(...moved)).toBeCloseTo(1e-3, 6);
  });

  it('stays where it is when no pixel counts', async () => {
    const weight = tensorOf('float32', [2, 1, 8, 8], new Float32Array(128));
    const { losses, state, program } = await trainTiny(UNET, openReference, {
      options: { optimiser: { kind: 'adamw', weightDecay: 0 } },
      feeds: { weight },
    });
    expect(losses).toEqual([0]);
    expect(state.theta.data).toEqual(program.sessionOptions.initial!.theta.data);
  });

  it('gives the same gradient with either lowering', async () => {
    const [one, other] = await Promise.all(
      (['conv3d', 'shifted-matmul'] as const).map((weightGradient) =>
        trainTiny(UNET, openReference, { options: { lowering: { weightGradient }, exposeGradient: true } }),
      ),
    );
    const largest = Math.max(...one.gradient.map(Math.abs));
    one.gradient.forEach((value, i) => {
      expect(Math.abs(value - other.gradient[i]) / largest).toBeLessThan(1e-5);
    });
  });

  it('has a gradient that agrees with differences of its own loss, batch statistics included', async () => {
    for (const batchNorm of ['frozen', 'batch'] as const) {
      const options = { ...TINY, batch: 1, heightPx: 4, widthPx: 4, batchNorm, exposeGradient: true };
      const program = buildTrainingProgram(UNET, options);
      const feeds = { ...tinyBatch(program), hyper: stepHyper(1, 0, options.optimiser) };
      const initial = program.sessionOptions.initial!;
      const session = openReferenceModel(decodeModel(program.bytes), { precision: 'float64' });
      const theta = Float64Array.from(initial.theta.data as Float32Array);
      const state = { ...initial, theta: { type: 'float64', dims: [theta.length], data: theta } } as const;
      const run = async () => session.run({ ...feeds, ...state });
      const written = (await run()).gradient.data as Float64Array;
      const scale = Math.max(...written.map(Math.abs));
      for (let i = 3; i < theta.length; i += Math.floor(theta.length / 25)) {
        const original = theta[i];
        theta[i] = original + 1e-6;
        const above = Number((await run()).loss.data[0]);
        theta[i] = original - 1e-6;
        const below = Number((await run()).loss.data[0]);
        theta[i] = original;
        expect(Math.abs((above - below) / 2e-6 - written[i]) / scale).toBeLessThan(1e-5);
      }
    }
  });

  it('refuses to write learned weights that are not numbers, or another network’s', async () => {
    const { program, state } = await trainTiny(UNET, openReference);
    const theta = Float32Array.from(state.theta.data as Float32Array).fill(Number.NaN, 5, 6);
    const broken = { ...state, theta: { ...state.theta, data: theta } };
    expect(() => writeParameters(UNET, program, broken)).toThrow(
      expect.objectContaining({ code: 'model-output-invalid' }),
    );
    expect(() => writeParameters(UNET, program, {})).toThrow(expect.objectContaining({ code: 'bad-input' }));
  });
});
