/** Low-rank adapters: what learns, that the first step starts from the network as it is, and what is left afterwards. */
import { describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { openReference, openReferenceModel } from '../../../src/core/nn/reference.ts';
import { buildTrainingProgram, type TrainingOptions, writeParameters } from '../../../src/core/nn/training.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { network, ramp } from './small-network.ts';
import { TINY, tinyBatch, trainTiny } from './tiny-training.ts';

const UNET = buildUnet({ inputChannels: 3, classes: 2, channels: [4, 6], seed: 1 });
const RANK = 2;
const ADAPTERS = { rank: RANK, alpha: 4, on: (name: string) => name.endsWith('.weight') };

const sizeOf = (model: OnnxModel, name: string) => model.graph.initialisers.get(name)!.data.length;

describe('adapters', () => {
  const program = buildTrainingProgram(UNET, { ...TINY, adapters: ADAPTERS });

  it('are what learns, and nothing else: rank · (rows + columns) numbers for each weight', () => {
    const weights = program.adapters.map(({ weight }) => weight);
    expect(weights).toContain('down1.first.weight');
    const expected = weights.map((name) => {
      const [rows] = UNET.graph.initialisers.get(name)!.dims;
      return RANK * (rows + sizeOf(UNET, name) / rows);
    });
    expect(program.layout.length).toBe(expected.reduce((a, b) => a + b));
    for (const [i, name] of weights.entries()) expect(expected[i]).toBeLessThan(sizeOf(UNET, name));
    expect(program.layout.entries.length).toBe(2 * weights.length);
  });

  it('leave out a weight that they would not make smaller', () => {
    // head.weight is 2 × 4: two thin matrices of rank 2 would hold 12 numbers.
    expect(program.adapters.map(({ weight }) => weight)).not.toContain('head.weight');
  });

  it('change nothing at first: the loss is the network’s own, and so is what is written', async () => {
    const adapted = await trainTiny(UNET, openReference, { options: { adapters: ADAPTERS }, learningRate: 0 });
    const plain = await trainTiny(UNET, openReference, { learningRate: 0 });
    expect(adapted.losses).toEqual(plain.losses);
    expect(writeParameters(UNET, adapted.program, adapted.state).graph).toEqual(UNET.graph);
  });

  it('have the gradient that the whole weight’s gradient gives: scale · dW · downᵀ, and 0 for down', async () => {
    const plain = await trainTiny(UNET, openReference, { options: { exposeGradient: true } });
    const adapted = await trainTiny(UNET, openReference, { options: { adapters: ADAPTERS, exposeGradient: true } });
    const { layout, adapters, sessionOptions } = adapted.program;
    const at = (name: string) => layout.entries.find((entry) => entry.name === name)!.offset;
    for (const { weight, up, down, scale } of adapters) {
      const [rows] = UNET.graph.initialisers.get(weight)!.dims;
      const columns = sizeOf(UNET, weight) / rows;
      const whole = plain.program.layout.entries.find((entry) => entry.name === weight)!.offset;
      const first = sessionOptions.initial!.theta.data;
      for (let row = 0; row < rows; row++) {
        for (let r = 0; r < RANK; r++) {
          let expected = 0;
          for (let c = 0; c < columns; c++)
            expected += scale * plain.gradient[whole + row * columns + c] * Number(first[at(down) + r * columns + c]);
          expect(adapted.gradient[at(up) + row * RANK + r]).toBeCloseTo(expected, 5);
        }
      }
      expect(adapted.gradient.slice(at(down), at(down) + RANK * columns).every((v) => Math.abs(v) === 0)).toBe(true);
    }
  });

  it('learn two tiles by heart, and are merged into the weights afterwards', async () => {
    const {
      losses,
      state,
      program: built,
    } = await trainTiny(UNET, openReference, {
      options: { adapters: ADAPTERS },
      steps: 60,
      learningRate: 2e-2,
    });
    expect(losses.at(-1)).toBeLessThan(losses[0] * 0.6);
    const learned = writeParameters(UNET, built, state);
    expect([...learned.graph.initialisers.keys()]).toEqual([...UNET.graph.initialisers.keys()]);
    expect(learned.graph.initialisers.get('head.bias')!.data).toEqual(UNET.graph.initialisers.get('head.bias')!.data);
    // A further step from the written network starts at the loss that the adapted one had reached.
    const [after] = (await trainTiny(learned, openReference, { learningRate: 0 })).losses;
    const session = await openReference(built.bytes, { ...built.sessionOptions, initial: state });
    const hyper = { type: 'float32', dims: [6], data: new Float32Array(6) } as const;
    const { loss } = await session.run({ ...tinyBatch(built), hyper });
    expect(after).toBeCloseTo(Number(loss.data[0]), 5);
  });

  it('work on matrix products, beside weights that learn whole', async () => {
    const model = network({
      nodes: [
        ['Transpose', ['x'], 'rows', { perm: { kind: 'ints', value: [0, 2, 3, 1] } }],
        ['MatMul', ['rows', 'wide'], 'hidden'],
        ['Relu', ['hidden'], 'active'],
        ['MatMul', ['active', 'narrow'], 'scores'],
        ['Transpose', ['scores'], 'y', { perm: { kind: 'ints', value: [0, 3, 1, 2] } }],
      ],
      weights: { wide: ramp(3, 8), narrow: ramp(8, 2) },
    });
    const options: Partial<TrainingOptions> = {
      adapters: { rank: 1, alpha: 1, on: (name) => name === 'wide' },
      trainable: (name) => name === 'narrow',
    };
    const { losses, program: built } = await trainTiny(model, openReference, { options, steps: 40 });
    expect(built.layout.entries.map(({ name }) => name).sort()).toEqual(['narrow', 'wide/down', 'wide/up']);
    expect(losses.at(-1)).toBeLessThan(losses[0] * 0.8);
  });

  it('are called otherwise where the network has a weight of that name', () => {
    const initialisers = new Map([...UNET.graph.initialisers, ['down1.first.weight/up', ramp(2)] as const]);
    const model = { ...UNET, graph: { ...UNET.graph, initialisers } };
    const built = buildTrainingProgram(model, { ...TINY, adapters: ADAPTERS });
    const written = writeParameters(model, built, built.sessionOptions.initial!);
    expect(written.graph.initialisers.get('down1.first.weight/up')).toEqual(ramp(2));
  });

  it('take the learning rate of their weight’s group', () => {
    const groups = [{ on: (name: string) => name.startsWith('down'), rate: 0.1 }];
    const { layout } = buildTrainingProgram(UNET, { ...TINY, adapters: ADAPTERS, groups });
    for (const { name, rate } of layout.entries) expect(rate).toBe(name.startsWith('down') ? 0.1 : 1);
  });

  it('are refused where no weight is large enough, or the rank is none', () => {
    const build = (adapters: Partial<typeof ADAPTERS>) => () =>
      buildTrainingProgram(UNET, { ...TINY, adapters: { ...ADAPTERS, ...adapters } });
    expect(build({ rank: 500 })).toThrow(/lower the rank/);
    expect(build({ on: () => false })).toThrow(expect.objectContaining({ code: 'model-unusable' }));
    for (const rank of [0, 1.5, Number.NaN]) expect(build({ rank })).toThrow(/must be positive/);
  });

  it('of the same seed are the same, and the written network still answers', async () => {
    const again = buildTrainingProgram(UNET, { ...TINY, adapters: ADAPTERS });
    expect(again.sessionOptions).toEqual(program.sessionOptions);
    const other = buildTrainingProgram(UNET, { ...TINY, adapters: { ...ADAPTERS, seed: 2 } });
    expect(other.sessionOptions.initial!.theta.data).not.toEqual(program.sessionOptions.initial!.theta.data);
    const written = writeParameters(UNET, program, program.sessionOptions.initial!);
    const { logits } = await openReferenceModel(written).run({ image: tinyBatch(program).image });
    expect(logits.dims).toEqual([2, 2, 8, 8]);
  });
});
