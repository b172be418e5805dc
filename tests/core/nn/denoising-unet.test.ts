import { describe, expect, test } from 'vitest';
import { HistoloopError } from '../../../src/core/errors.ts';
import { fullAttention, linearAttention } from '../../../src/core/nn/denoising-attention.ts';
import { convolution, groupNorm, HALF_4, residual, SAME_3, upsampling } from '../../../src/core/nn/denoising-blocks.ts';
import {
  buildDenoisingUnet,
  checkpointOrder,
  DENOISING_SHAPES,
  type DenoisingOptions,
} from '../../../src/core/nn/denoising-unet.ts';
import { modelOf, type NetworkDraft } from '../../../src/core/nn/network-draft.ts';
import { decodeModel, encodeModel } from '../../../src/core/nn/onnx.ts';
import { openReference } from '../../../src/core/nn/reference.ts';
import { sizeOf } from '../../../src/core/nn/tensor.ts';
import { createRandom } from '../../../src/core/random.ts';
import { doubles, type Filled, norm, runFilled } from './filled-network.ts';
import { normals } from './fixture-values.ts';
import { trainTiny } from './tiny-training.ts';

const noise = (shape: DenoisingOptions['shape']): DenoisingOptions => ({
  shape,
  inputChannels: 3,
  outputChannels: 3,
  time: 'input',
  seed: 1,
});

describe('the denoising U-Net', () => {
  test.each([
    ['full', 31_267_083, 256],
    ['half', 8_073_331, 256],
    ['m', 2_181_363, 194],
    ['s', 549_987, 192],
    ['xs', 265_667, 162],
    ['xxs', 67_747, 162],
    ['micro', 35_331, 130],
  ] as const)('of size %s has %i parameters', (size, parameters, tensors) => {
    const model = buildDenoisingUnet(noise(DENOISING_SHAPES[size]));
    const names = checkpointOrder(model);
    expect(names).toHaveLength(tensors);
    expect(names.reduce((sum, name) => sum + sizeOf(model.graph.initialisers.get(name)!.dims), 0)).toBe(parameters);
  });

  test('numbers its parameters as checkpoints do', () => {
    const names = checkpointOrder(buildDenoisingUnet(noise(DENOISING_SHAPES.micro)));
    const at = (name: string) => names.indexOf(name);
    expect(['init.w', 'downs.0.0.lin.w', 'ups.0.0.lin.w', 'm1.lin.w', 'f.c1.w', 'out.b'].map(at)).toEqual([
      0, 6, 64, 95, 120, 129,
    ]);
  });

  test('gives the specification’s numbers, result and gradients', async () => {
    const model = buildDenoisingUnet(noise(DENOISING_SHAPES.micro));
    const inputs = {
      image: doubles([2, 3, 8, 8], normals(41, 384)),
      time: doubles([2], Float64Array.of(3, 250)),
    };
    const found = await runFilled(model, checkpointOrder(model), { inputs, target: normals(42, 384) });
    expectBlock(found, {
      first: [-0.274288429, -0.150501217, -0.375876077, 0.067284317],
      sum: -107.467729899,
      squares: 474.779060432,
      loss: 2.3288832105,
    });
    const { gradients } = found;
    const all = checkpointOrder(model).map((name) => norm(gradients.get(name)!));
    expectClose(norm(all), 78.9614685712);
    const named = { 'init.w': 60.6765, 'downs.1.1.c1.w': 0.648594, 'ups.0.0.c1.w': 13.0572, 'm1.c1.w': 0.771445 };
    const last = { 'f.c1.w': 3.65862, 'f.c2.w': 1.81572, 'out.w': 2.24727 };
    for (const [name, length] of Object.entries({ ...named, ...last })) {
      expect(norm(gradients.get(name)!) / length, name).toBeCloseTo(1, 5);
    }
  });

  test('starts as PyTorch’s layers do: uniform within 1/√fan-in, scales 1', () => {
    const { initialisers } = buildDenoisingUnet(noise(DENOISING_SHAPES.xs)).graph;
    const weights = initialisers.get('m1.c1.w')!;
    const bound = 1 / Math.sqrt(sizeOf(weights.dims.slice(1)));
    const values = Array.from(weights.data as Float32Array);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(norm(values) / Math.sqrt(values.length)).toBeCloseTo(bound / Math.sqrt(3), 3);
    expect(new Set(initialisers.get('m1.n1.w')!.data as Float32Array)).toEqual(new Set([1]));
    expect(new Set(initialisers.get('m1.n1.b')!.data as Float32Array)).toEqual(new Set([0]));
  });

  test('is the same bytes for the same seed, and survives its own file', () => {
    const bytes = encodeModel(buildDenoisingUnet(noise(DENOISING_SHAPES.micro)));
    expect(encodeModel(buildDenoisingUnet(noise(DENOISING_SHAPES.micro)))).toEqual(bytes);
    expect(encodeModel(decodeModel(bytes))).toEqual(bytes);
    expect(encodeModel(buildDenoisingUnet({ ...noise(DENOISING_SHAPES.micro), seed: 2 }))).not.toEqual(bytes);
  });

  test('learns as a segmenter, every parameter of it and nothing else', async () => {
    const model = buildDenoisingUnet({ ...noise(DENOISING_SHAPES.micro), outputChannels: 2, time: 'zero' });
    const { losses, program } = await trainTiny(model, openReference, { steps: 6, learningRate: 5e-3 });
    expect(new Set(program.layout.entries.map((entry) => entry.name))).toEqual(new Set(checkpointOrder(model)));
    expect(losses.at(-1)).toBeLessThan(losses[0]);
  });

  test.each([
    ['a width that the groups do not divide', { ...DENOISING_SHAPES.micro, groups: 3 }],
    ['no level', { ...DENOISING_SHAPES.micro, multiples: [] }],
    ['an odd width, which sines and cosines cannot share', { ...DENOISING_SHAPES.micro, dim: 9, groups: 3 }],
    ['half a channel', { ...DENOISING_SHAPES.micro, firstWidth: 1.5 }],
    ['no head', { ...DENOISING_SHAPES.micro, heads: 0 }],
  ])('refuses %s, showing what was asked for', (_, shape) => {
    expect(() => buildDenoisingUnet(noise(shape))).toThrow(HistoloopError);
    expect(() => buildDenoisingUnet(noise(shape))).toThrow(/"groups":\d/);
  });
});

interface Expected {
  readonly first: readonly number[];
  readonly sum: number;
  readonly squares: number;
  readonly loss?: number;
}

/** The model's own constants are float32: √½ and the time's frequencies cost the eighth digit. */
function expectClose(found: number, wanted: number): void {
  expect(Math.abs(found - wanted) / Math.max(1, Math.abs(wanted)), `${found} is not ${wanted}`).toBeLessThan(1e-7);
}

function expectBlock({ output, loss }: Filled, expected: Expected): void {
  expected.first.forEach((value, i) => {
    expectClose(output[i], value);
  });
  expectClose(
    output.reduce((a, b) => a + b, 0),
    expected.sum,
  );
  expectClose(norm(output) ** 2, expected.squares);
  if (expected.loss !== undefined) expectClose(loss, expected.loss);
}

type Block = (draft: NetworkDraft) => string;
const halves = { widths: [8, 8], kernel: HALF_4 } as const;
const attention = { width: 8, heads: 2, headWidth: 4 };

/** seeds-spec D3, unit fixtures: the block, the size of its result, what it gives, gradient norms. */
const BLOCKS: readonly (readonly [string, Block, readonly number[], Expected, Readonly<Record<string, number>>])[] = [
  [
    'group normalisation',
    (draft) => groupNorm(draft, 'n', 'image', { width: 8, groups: 4 }),
    [2, 8, 8, 8],
    {
      first: [0.698490051, -0.631343505, 0.9871076, 0.449899321],
      sum: -4.96105941,
      squares: 1136.333755933,
    },
    {},
  ],
  [
    'convolution',
    (draft) => convolution(draft, 'c', 'image', { widths: [8, 8], kernel: SAME_3 }),
    [2, 8, 8, 8],
    {
      first: [0.503136785, 0.151307604, -0.869386743, -0.892234438],
      sum: -16.92138109,
      squares: 502.631706449,
      loss: 1.3975607173,
    },
    { image: 0.1260771887, 'c.w': 0.745427086, 'c.b': 0.146964679 },
  ],
  [
    'halving convolution',
    (draft) => convolution(draft, 'c', 'image', halves),
    [2, 8, 4, 4],
    {
      first: [-0.686090147, 0.127638574, 0.668459852, 0.029228335],
      sum: -0.922438198,
      squares: 111.082862028,
      loss: 1.216718098,
    },
    { image: 0.1713738566 },
  ],
  [
    'doubling convolution',
    (draft) => upsampling(draft, 'c', 'image', 8),
    [2, 8, 16, 16],
    {
      first: [0.050851065, 0.089776507, 0.075551018, 0.138541063],
      sum: -25.908583883,
      squares: 398.066147758,
      loss: 1.0917874578,
    },
    { image: 0.022686239 },
  ],
  [
    'residual block',
    (draft) => residual(draft, 'r', { image: 'image', time: 'te' }, { widths: [8, 12], groups: 4, timeWidth: 32 }),
    [2, 12, 8, 8],
    {
      first: [-0.453237403, 0.282236046, -1.138090593, -0.087873981],
      sum: 317.604115697,
      squares: 1326.960976205,
      loss: 1.7891158892,
    },
    {
      image: 0.0885108261,
      'r.lin.w': 0.302003298,
      'r.c1.w': 0.252863964,
      'r.n1.w': 0.039637649,
      'r.c2.w': 0.671999131,
      'r.n2.w': 0.2295071,
      'r.sk.w': 0.4666025,
    },
  ],
  [
    'linear attention',
    (draft) => linearAttention(draft, 'a', 'image', attention),
    [2, 8, 8, 8],
    {
      first: [-0.72635509, -2.041190332, -1.114186907, -0.490169055],
      sum: 36.984943659,
      squares: 2079.315641409,
      loss: 2.8596748789,
    },
    { image: 0.1142651362, 'a.n.w': 0.06986191, 'a.qkv.w': 0.336216155, 'a.o.w': 0.892119239, 'a.on.w': 0.835404942 },
  ],
  [
    'full attention',
    (draft) => fullAttention(draft, 'a', 'image', attention),
    [2, 8, 8, 8],
    {
      first: [0.400840713, -0.837241048, 0.568438938, 0.251778545],
      sum: -26.306916844,
      squares: 1012.379652277,
      loss: 1.8521263369,
    },
    { image: 0.0858187708, 'a.qkv.w': 0.094411194, 'a.o.w': 0.139017679 },
  ],
];

describe('a block of it', () => {
  test.each(BLOCKS)('%s gives the specification’s numbers', async (_, block, dims, expected, slopes) => {
    const draft: NetworkDraft = { nodes: [], initialisers: new Map(), random: createRandom(1) };
    const made = block(draft);
    const timed = draft.nodes.some((node) => node.inputs.includes('te'));
    const model = modelOf(draft, { name: 'block', inputs: [], outputs: [{ name: made, type: 'float32', dims }] });
    const parameters = [...draft.initialisers.keys()].filter((name) => /\.[wb]$/.test(name));
    const time = silu(normals(32, 64));
    const inputs = {
      image: doubles([2, 8, 8, 8], normals(31, 1024)),
      ...(timed ? { te: doubles([2, 32], time) } : {}),
    };
    const found = await runFilled(model, parameters, { inputs, target: normals(33, sizeOf(dims)) });
    expectBlock(found, expected);
    for (const [name, length] of Object.entries(slopes)) expectClose(norm(found.gradients.get(name)!), length);
  });
});

/** The blocks of ours share one SiLU of the time vector, the specification's each take their own. */
function silu(values: Float64Array): Float64Array {
  return values.map((value) => value / (1 + Math.exp(-value)));
}
