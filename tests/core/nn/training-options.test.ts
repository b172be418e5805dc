/** What a training step can be asked for besides the plain case: rates, bytes, gathering, averages, heads. */
import { describe, expect, it } from 'vitest';
import { decodeModel } from '../../../src/core/nn/onnx.ts';
import { openReference, openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import {
  buildTrainingProgram,
  stepHyper,
  type TrainingOptions,
  type TrainingProgram,
  writeParameters,
} from '../../../src/core/nn/training.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { createRandom } from '../../../src/core/random.ts';
import { threeHeads } from './small-network.ts';
import { headFeeds, TINY, tinyBatch, trainTiny } from './tiny-training.ts';

const UNET = buildUnet({ inputChannels: 3, classes: 2, channels: [3, 4], seed: 1 });
const PLAIN_SGD = { kind: 'sgd', momentum: 0 } as const;

/** In double precision, so that only what is really different differs. */
function openExactly(program: TrainingProgram) {
  return openReferenceModel(decodeModel(program.bytes), { ...program.sessionOptions, precision: 'float64' });
}

const numbers = (tensor: Tensor) => Array.from(tensor.data as Float64Array);

function opsOf(program: TrainingProgram): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of decodeModel(program.bytes).graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return counts;
}

describe('learning rates by group', () => {
  it('move a group by its multiple, the first that takes a name', async () => {
    const groups = [
      { on: (name: string) => name === 'head.bias', rate: 0.5 },
      { on: (name: string) => name.startsWith('head'), rate: 0.1 },
    ];
    const options = { optimiser: PLAIN_SGD, exposeGradient: true };
    const plain = await trainTiny(UNET, openReference, { options, learningRate: 1 });
    const grouped = await trainTiny(UNET, openReference, { options: { ...options, groups }, learningRate: 1 });
    for (const { name, offset, dims } of grouped.program.layout.entries) {
      const rate = name === 'head.bias' ? 0.5 : name.startsWith('head') ? 0.1 : 1;
      const before = grouped.program.sessionOptions.initial!.theta.data[offset];
      const slope = plain.gradient[plain.program.layout.entries.find((entry) => entry.name === name)!.offset];
      const moved = Number(grouped.state.theta.data[offset]) - Number(before);
      expect(moved, `${name} ${dims}`).toBeCloseTo(-rate * slope, 6);
    }
  });

  it('freeze what has rate 0, like `trainable`', () => {
    const frozen = (name: string) => !name.startsWith('head');
    const byRate = buildTrainingProgram(UNET, { ...TINY, groups: [{ on: frozen, rate: 0 }] });
    const byName = buildTrainingProgram(UNET, { ...TINY, trainable: (name) => !frozen(name) });
    expect(byRate.bytes).toEqual(byName.bytes);
  });
});

describe('a frozen start of the network', () => {
  const head = buildTrainingProgram(UNET, { ...TINY, trainable: (name) => name.startsWith('head') });
  const whole = buildTrainingProgram(UNET, TINY);

  it('costs its forward pass alone: no convolution more than the head’s own gradient', () => {
    const forward = UNET.graph.nodes.filter((node) => node.op === 'Conv').length;
    expect(opsOf(whole).get('Conv')).toBeGreaterThan(2 * forward);
    expect(opsOf(head).get('Conv')).toBeLessThanOrEqual(forward + 1);
    expect(opsOf(head).get('MaxPool')).toBe(opsOf(whole).get('MaxPool'));
  });

  it('has no moments: state holds what learns', () => {
    const learns = [...UNET.graph.initialisers].filter(([name]) => name.startsWith('head'));
    const size = learns.reduce((sum, [, { data }]) => sum + data.length, 0);
    expect(head.layout.length).toBe(size);
    for (const tensor of Object.values(head.sessionOptions.initial!)) expect(tensor.dims).toEqual([size]);
  });
});

describe('a built step', () => {
  it('holds no node whose result nobody uses, and no constant nobody reads', () => {
    for (const options of [TINY, { ...TINY, batchNorm: 'batch' as const, clipNorm: 1 }]) {
      const { graph } = decodeModel(buildTrainingProgram(UNET, options).bytes);
      const used = new Set([...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs.map((o) => o.name)]);
      expect(graph.nodes.filter((node) => !node.outputs.some((name) => used.has(name)))).toEqual([]);
      expect([...graph.initialisers.keys()].filter((name) => !used.has(name))).toEqual([]);
    }
  });

  it('stays small: at most twenty nodes for each of the network’s', () => {
    const { graph } = decodeModel(buildTrainingProgram(UNET, TINY).bytes);
    expect(graph.nodes.length).toBeLessThan(20 * UNET.graph.nodes.length);
  });
});

describe('pictures as bytes', () => {
  const bytes = { mean: [0.7, 0.6, 0.5], deviation: [0.2, 0.25, 0.3] };

  it('give what the same picture gives as normalised floats', async () => {
    const random = createRandom(4);
    const raw = Uint8Array.from({ length: 2 * 3 * 64 }, () => random.int(256));
    const values = Float32Array.from(raw, (byte, i) => {
      const c = Math.floor(i / 64) % 3;
      return (byte / 255 - bytes.mean[c]) / bytes.deviation[c];
    });
    const target = Uint8Array.from({ length: 128 }, (_, i) => (i % 7 === 0 ? 255 : i % 2));
    const dims = [2, 1, 8, 8];
    const asFloats = await trainTiny(UNET, openReference, {
      options: { exposeGradient: true },
      feeds: { image: tensorOf('float32', [2, 3, 8, 8], values), target: tensorOf('int32', dims, target) },
    });
    const asBytes = await trainTiny(UNET, openReference, {
      options: { bytes, exposeGradient: true },
      feeds: { image: tensorOf('uint8', [2, 3, 8, 8], raw), target: tensorOf('uint8', dims, target) },
    });
    expect(asBytes.program.inputs.image.type).toBe('uint8');
    expect(asBytes.program.inputs.target.type).toBe('uint8');
    expect(asBytes.losses[0]).toBeCloseTo(asFloats.losses[0], 5);
    const largest = Math.max(...asFloats.gradient.map(Math.abs));
    asBytes.gradient.forEach((value, i) => {
      expect(Math.abs(value - asFloats.gradient[i]) / largest).toBeLessThan(1e-4);
    });
  });

  it('are refused with a normalisation of other channels, or of deviation 0', () => {
    for (const wrong of [
      { mean: [0], deviation: [1] },
      { mean: [0, 0, 0], deviation: [1, 0, 1] },
    ]) {
      const build = () => buildTrainingProgram(UNET, { ...TINY, bytes: wrong });
      expect(build).toThrow(
        expect.objectContaining({ code: 'bad-input', message: expect.stringMatching(/3 channels/) }),
      );
    }
  });
});

describe('gathering gradients over runs', () => {
  // Each tile's loss by itself, so that the mean of two tiles' gradients is the gradient of both together.
  const loss = [{ kind: 'cross-entropy' }, { kind: 'dice', over: 'sample' }] as const;
  const optimisers = { adamw: { kind: 'adamw' }, nesterov: { kind: 'sgd', nesterov: true, weightDecay: 0.1 } } as const;

  for (const [name, optimiser] of Object.entries(optimisers)) {
    it(`of one tile each equals a run of both, two updates long (${name})`, async () => {
      const options: TrainingOptions = { ...TINY, loss, optimiser, clipNorm: 0.1, averageWeights: true };
      const whole = buildTrainingProgram(UNET, options);
      const parts = buildTrainingProgram(UNET, { ...options, batch: 1, accumulate: 2 });
      const batch = tinyBatch(whole);
      const [one, other] = [openExactly(whole), openExactly(parts)];
      for (const step of [1, 2]) {
        await one.run({ ...batch, hyper: stepHyper(step, 1e-2, optimiser) });
        for (const tile of [0, 1]) {
          const hyper = stepHyper(step, 1e-2, optimiser, { apply: tile === 1 });
          await other.run({ ...tileOf(batch, tile), hyper });
        }
      }
      const [a, b] = [await one.readState(), await other.readState()];
      for (const state of Object.keys(a)) {
        numbers(b[state]).forEach((value, i) => {
          expect(Math.abs(value - numbers(a[state])[i]), `${state}[${i}]`).toBeLessThan(1e-12);
        });
      }
      expect(numbers(b.accumulated).every((value) => value === 0)).toBe(true);
    });
  }

  it('leaves everything but the sum as it is until it is applied', async () => {
    const optimiser = { kind: 'adamw' } as const;
    const program = buildTrainingProgram(UNET, { ...TINY, optimiser, accumulate: 3, averageWeights: true });
    const session = await openReference(program.bytes, program.sessionOptions);
    await session.run({ ...tinyBatch(program), hyper: stepHyper(1, 1e-2, optimiser, { apply: false }) });
    const { accumulated, ...rest } = await session.readState();
    const { accumulated: _, ...before } = program.sessionOptions.initial!;
    expect(rest).toEqual(before);
    expect((accumulated.data as Float32Array).some((value) => value !== 0)).toBe(true);
  });

  it('is refused for no whole number of runs', () => {
    for (const accumulate of [0, 1.5, -1]) {
      expect(() => buildTrainingProgram(UNET, { ...TINY, accumulate })).toThrow(/whole number of runs/);
    }
  });
});

function tileOf(batch: Readonly<Record<string, Tensor>>, tile: number): Record<string, Tensor> {
  const one = ({ type, dims, data }: Tensor): Tensor => {
    const size = data.length / dims[0];
    return { type, dims: [1, ...dims.slice(1)], data: data.slice(tile * size, (tile + 1) * size) };
  };
  return Object.fromEntries(Object.entries(batch).map(([name, tensor]) => [name, one(tensor)]));
}

describe('averaged weights', () => {
  it('follow the weights: e ← keep·e + (1 − keep)·θ, and can be written', async () => {
    const optimiser = { kind: 'adamw' } as const;
    const program = buildTrainingProgram(UNET, { ...TINY, optimiser, averageWeights: true });
    const session = openExactly(program);
    let expected = numbers(program.sessionOptions.initial!.theta);
    for (const step of [1, 2, 3]) {
      await session.run({ ...tinyBatch(program), hyper: stepHyper(step, 1e-2, optimiser, { emaKeep: 0.75 }) });
      const theta = numbers((await session.readState()).theta);
      expected = expected.map((value, i) => 0.75 * value + 0.25 * theta[i]);
    }
    const state = await session.readState();
    numbers(state.ema).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 12);
    });
    const written = writeParameters(UNET, program, state, 'ema').graph.initialisers.get('head.bias')!;
    const { offset } = program.layout.entries.find(({ name }) => name === 'head.bias')!;
    expect(written.data[0]).toBe(Math.fround(expected[offset]));
  });
});

const THREE_HEADS = threeHeads(8);

const HEADS = {
  output: 'np',
  loss: [{ kind: 'cross-entropy' }, { kind: 'dice' }],
  heads: [
    { output: 'hv', loss: [{ kind: 'mse' }, { kind: 'gradient-mse', within: 'foreground', factor: 2 }] },
    { output: 'tp', loss: [{ kind: 'focal' }] },
  ],
} as const;

describe('a network with several answers', () => {
  const program = buildTrainingProgram(THREE_HEADS, { ...TINY, ...HEADS });

  it('takes a truth for each: classes or values, by name', () => {
    expect(program.classes).toBe(2);
    expect(program.heads).toEqual([
      {
        output: 'hv',
        classes: 2,
        target: { name: 'target/hv', type: 'float32', dims: [2, 2, 8, 8] },
        weight: { name: 'weight/hv', type: 'float32', dims: [2, 1, 8, 8] },
      },
      {
        output: 'tp',
        classes: 5,
        target: { name: 'target/tp', type: 'int32', dims: [2, 1, 8, 8] },
        weight: { name: 'weight/tp', type: 'float32', dims: [2, 1, 8, 8] },
      },
    ]);
  });

  it('has the sum of the losses that each answer has alone', async () => {
    const { losses } = await trainTiny(THREE_HEADS, openReference, { options: HEADS, feeds: headFeeds(program) });
    const feeds = headFeeds(program);
    const np = await trainTiny(THREE_HEADS, openReference, { options: { output: 'np', loss: HEADS.loss }, feeds });
    const tp = await trainTiny(THREE_HEADS, openReference, {
      options: { output: 'tp', loss: HEADS.heads[1].loss },
      feeds: { ...feeds, target: feeds['target/tp'] },
    });
    const mse = await trainTiny(THREE_HEADS, openReference, {
      options: { output: 'hv', loss: [{ kind: 'mse' }] },
      feeds: { ...feeds, target: feeds['target/hv'] },
    });
    const slopes = losses[0] - np.losses[0] - tp.losses[0] - mse.losses[0];
    expect(slopes).toBeGreaterThan(0);
    const withoutForeground = await trainTiny(THREE_HEADS, openReference, {
      options: HEADS,
      feeds: { ...feeds, target: tensorOf('int32', [2, 1, 8, 8], new Int32Array(128)) },
    });
    const background = await trainTiny(THREE_HEADS, openReference, {
      options: { output: 'np', loss: HEADS.loss },
      feeds: { ...feeds, target: tensorOf('int32', [2, 1, 8, 8], new Int32Array(128)) },
    });
    const rest = withoutForeground.losses[0] - background.losses[0] - tp.losses[0] - mse.losses[0];
    expect(rest).toBeCloseTo(0, 5);
  });

  it('learns all of them, and answers as it did: softmax, tanh and names stay', async () => {
    const run = { options: HEADS, feeds: headFeeds(program), steps: 40, learningRate: 3e-2 };
    const { losses, state, program: built } = await trainTiny(THREE_HEADS, openReference, run);
    expect(losses.at(-1)).toBeLessThan(losses[0] * 0.7);
    const learned = writeParameters(THREE_HEADS, built, state);
    expect(learned.graph.nodes).toEqual(THREE_HEADS.graph.nodes);
    for (const [name, { data }] of THREE_HEADS.graph.initialisers)
      expect(learned.graph.initialisers.get(name)!.data, name).not.toEqual(data);
    const { np } = await openReferenceModel(learned).run({ x: tinyBatch(built).image });
    expect(Number(np.data[0]) + Number(np.data[64])).toBeCloseTo(1, 6);
  });

  it('trains values on the answer itself, not on what is before its last function', async () => {
    const feeds = headFeeds(program);
    const { hv } = await openReferenceModel(THREE_HEADS).run({ x: feeds.image });
    const { losses } = await trainTiny(THREE_HEADS, openReference, {
      options: { output: 'hv', loss: [{ kind: 'mse' }] },
      feeds: { ...feeds, target: hv },
    });
    expect(losses[0]).toBeCloseTo(0, 10);
  });

  it('refuses an answer that is not there or named twice, and losses that do not go together', () => {
    const build = (options: Partial<TrainingOptions>) => () =>
      buildTrainingProgram(THREE_HEADS, { ...TINY, ...HEADS, ...options });
    expect(build({ heads: [{ output: 'nt', loss: [{ kind: 'mse' }] }] })).toThrow(/no output 'nt'/);
    expect(build({ heads: [{ output: 'np', loss: [{ kind: 'focal' }] }] })).toThrow(/name each once/);
    // Without a name the types are the main answer: the likeliest class map.
    expect(() => buildTrainingProgram(THREE_HEADS, { ...TINY, heads: HEADS.heads })).toThrow(/name each once/);
    expect(build({ loss: [{ kind: 'mse' }, { kind: 'dice' }] })).toThrow(/do not go together/);
    expect(build({ loss: [] })).toThrow(/more than 0/);
    expect(build({ heads: [{ output: 'tp', loss: [{ kind: 'gradient-mse' }] }] })).toThrow(/not 5 channels/);
    expect(build({ heads: [{ output: 'hv', loss: [{ kind: 'ssim' }] }] })).toThrow(/11×11 pixels/);
    expect(build({ loss: [{ kind: 'focal', classWeights: [1, 2, 3] }] })).toThrow(/do not fit 2 classes/);
  });
});
