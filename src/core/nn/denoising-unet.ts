/**
 * The denoising U-Net of the diffusion recipes as an ordinary ONNX model (seeds-spec D3; GenSelfDiff-HIS, arXiv
 * 2309.01487, fig. 2, at `full`): it predicts noise from a noisy picture and a time, and with the time fixed at 0 it
 * segments. No schedules, no sampling, no losses here.
 */
import { HistoloopError } from '../errors.ts';
import { createRandom } from '../random.ts';
import { fullAttention, linearAttention } from './denoising-attention.ts';
import {
  convolution,
  gelu,
  HALF_4,
  linear,
  POINT,
  residual,
  silu,
  upsampling,
  type Widths,
} from './denoising-blocks.ts';
import type { OnnxModel } from './graph.ts';
import { addNode, constant, modelOf, type NetworkDraft, shapeOf } from './network-draft.ts';
import { tensorOf } from './tensor.ts';

export interface DenoisingShape {
  /** Width of the first level; level i is `dim`·`multiples[i]` wide. */
  readonly dim: number;
  readonly multiples: readonly number[];
  /** Groups of every normalisation but attention's. */
  readonly groups: number;
  readonly heads: number;
  readonly headWidth: number;
  /** Width after the first convolution. */
  readonly firstWidth: number;
  /** Linear attention after every pair of blocks, or only after the coarsest on the way down. */
  readonly attention: 'every-level' | 'coarsest-level';
}

const every = { groups: 8, heads: 4, headWidth: 32, attention: 'every-level' } as const;
const small = { multiples: [1, 2, 2], groups: 8, heads: 2, headWidth: 16, attention: 'coarsest-level' } as const;

/** The sizes of seeds-spec D3. `xxs` and `micro` are for tests: they do not learn (D13). */
export const DENOISING_SHAPES = {
  full: { ...every, dim: 64, multiples: [1, 2, 4, 8], firstWidth: 42 },
  half: { ...every, dim: 32, multiples: [1, 2, 4, 8], firstWidth: 20 },
  m: { ...every, dim: 32, multiples: [1, 2, 4], firstWidth: 20 },
  s: { ...every, dim: 16, multiples: [1, 2, 4], headWidth: 16, firstWidth: 16 },
  xs: { ...small, dim: 16, firstWidth: 16 },
  xxs: { ...small, dim: 8, groups: 4, headWidth: 8, firstWidth: 8 },
  micro: { ...every, dim: 8, multiples: [1, 2], groups: 4, heads: 2, headWidth: 4, firstWidth: 8 },
} as const satisfies Record<string, DenoisingShape>;

export interface DenoisingOptions {
  readonly shape: DenoisingShape;
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** `input`: float32 [N] `time`, steps of the schedule, beside the picture. `zero`: a segmenter, the picture alone. */
  readonly time: 'input' | 'zero';
  readonly seed: number;
}

const KERNEL_7 = { size: 7, pad: 3, stride: 1 } as const;

/**
 * Input `image` float32 [N,C,H,W], H and W divisible by 2^(levels−1); output `noise` (or, with the time at zero,
 * `logits`) float32 [N,K,H,W]. Parameters are called as in checkpoints (D3, `checkpointOrder`) and initialised as PyTorch
 * does by default; the same options always give the same bytes. Errors: `bad-input`.
 */
export function buildDenoisingUnet(options: DenoisingOptions): OnnxModel {
  checkOptions(options);
  const { shape, inputChannels, outputChannels, seed } = options;
  const draft: NetworkDraft = { nodes: [], initialisers: new Map(), random: createRandom(seed) };
  const widths = [shape.firstWidth, ...shape.multiples.map((multiple) => multiple * shape.dim)];
  const deepest = widths.at(-1)!;
  const between = { widths: [inputChannels, shape.firstWidth], kernel: KERNEL_7 } as const;
  const first = convolution(draft, 'init', 'image', between);
  const level: Level = { draft, shape, widths, time: timeVector(draft, options) };
  const skips = down(level, first);
  let value = timedBlock(level, 'm1', skips.at(-1)!, [deepest, deepest]);
  value = fullAttention(draft, 'ma', value, { ...shape, width: deepest });
  value = timedBlock(level, 'm2', value, [deepest, deepest]);
  value = up(level, value, skips);
  const last = { widths: [widths[1], widths[1]], groups: shape.groups, timeWidth: null } as const;
  value = residual(draft, 'f', { image: value, time: '' }, last);
  const logits = convolution(draft, 'out', value, { widths: [widths[1], outputChannels], kernel: POINT });
  return asModel(draft, options, logits);
}

/** Parameters by name in the order in which checkpoints number them (D3). */
export function checkpointOrder(model: OnnxModel): string[] {
  const names = [...model.graph.initialisers.keys()].filter((name) => /\.[wb]$/.test(name));
  return PARTS.flatMap((part) => names.filter((name) => name.startsWith(`${part}.`)));
}

const PARTS = ['init', 'l1', 'l2', 'downs', 'ups', 'm1', 'ma', 'm2', 'f', 'out'] as const;

function checkOptions({ shape, inputChannels, outputChannels }: DenoisingOptions): void {
  const numbers = [inputChannels, outputChannels, shape.dim, shape.groups, shape.heads, shape.headWidth];
  const all = [...numbers, shape.firstWidth, ...shape.multiples];
  if (all.every((n) => Number.isInteger(n) && n > 0) && shape.multiples.length > 0 && shape.dim % 2 === 0) {
    if (shape.multiples.every((multiple) => (multiple * shape.dim) % shape.groups === 0)) return;
  }
  const message = `a denoising U-Net of ${JSON.stringify({ inputChannels, outputChannels, ...shape })} cannot be built; use positive whole numbers, an even dim, and widths that the groups divide`;
  throw new HistoloopError('bad-input', message);
}

/** What every level of the network needs. */
interface Level {
  readonly draft: NetworkDraft;
  readonly shape: DenoisingShape;
  /** Width after the first convolution, then of each level. */
  readonly widths: readonly number[];
  /** SiLU of the time embedding. */
  readonly time: string;
}

function timedBlock({ draft, shape, time }: Level, name: string, image: string, widths: Widths): string {
  return residual(draft, name, { image, time }, { widths, groups: shape.groups, timeWidth: 4 * shape.dim });
}

function everyLevel({ shape }: Level): boolean {
  return shape.attention === 'every-level';
}

/** Two blocks and, where the shape asks for it here, linear attention. */
function twoBlocks(
  level: Level,
  name: string,
  image: string,
  { widths, attends }: { widths: Widths; attends: boolean },
): string {
  const { draft, shape } = level;
  const first = timedBlock(level, `${name}.0`, image, widths);
  const second = timedBlock(level, `${name}.1`, first, [widths[1], widths[1]]);
  return attends ? linearAttention(draft, `${name}.2`, second, { ...shape, width: widths[1] }) : second;
}

/** The picture of each level, finest first; each is what the next is halved from. */
function down(level: Level, first: string): string[] {
  const { draft, widths } = level;
  const skips: string[] = [];
  let value = first;
  for (let at = 1; at < widths.length; at++) {
    const name = `downs.${at - 1}`;
    const width = widths[at];
    const attends = everyLevel(level) || at === widths.length - 1;
    skips.push(twoBlocks(level, name, value, { widths: [widths[at - 1], width], attends }));
    if (at < widths.length - 1) {
      value = convolution(draft, `${name}.3`, skips.at(-1)!, { widths: [width, width], kernel: HALF_4 });
    }
  }
  return skips;
}

/** Joins each level but the finest, whose skip nobody uses: doubling comes after the blocks (A2). */
function up(level: Level, bottom: string, skips: readonly string[]): string {
  const { draft, widths } = level;
  let value = bottom;
  for (let at = widths.length - 1; at > 1; at--) {
    const name = `ups.${widths.length - 1 - at}`;
    const joined = addNode(draft, 'Concat', { name: `${name}.join`, inputs: [value, skips[at - 1]] }, { axis: 1 });
    value = twoBlocks(level, name, joined, { widths: [2 * widths[at], widths[at - 1]], attends: everyLevel(level) });
    value = upsampling(draft, `${name}.3`, value, widths[at - 1]);
  }
  return value;
}

/** SiLU of MLP(sinus(t)): [N or 1, 4·dim] (D2 «time embedding»; Vaswani et al. 2017, section 3.5, sines before cosines). */
function timeVector(draft: NetworkDraft, { shape: { dim }, time }: DenoisingOptions): string {
  const hidden = linear(draft, 'l1', time === 'zero' ? waveOfZero(draft, dim) : wave(draft, dim), [dim, 4 * dim]);
  return silu(draft, 'time', linear(draft, 'l2', gelu(draft, 'time', hidden), [4 * dim, 4 * dim]));
}

function wave(draft: NetworkDraft, dim: number): string {
  const half = dim / 2;
  const rates = Float32Array.from({ length: half }, (_, j) => 10000 ** (-j / (half - 1)));
  const column = addNode(draft, 'Reshape', { name: 'time.column', inputs: ['time', shapeOf(draft, [-1, 1])] });
  const rate = constant(draft, 'time.rates', { type: 'float32', dims: [1, half], data: rates });
  const angle = addNode(draft, 'Mul', { name: 'time.angle', inputs: [column, rate] });
  const sine = addNode(draft, 'Sin', { name: 'time.sine', inputs: [angle] });
  const cosine = addNode(draft, 'Cos', { name: 'time.cosine', inputs: [angle] });
  return addNode(draft, 'Concat', { name: 'time.wave', inputs: [sine, cosine] }, { axis: 1 });
}

function waveOfZero(draft: NetworkDraft, dim: number): string {
  const values = Array.from({ length: dim }, (_, j) => (j < dim / 2 ? 0 : 1));
  return constant(draft, 'time.wave', tensorOf('float32', [1, dim], values));
}

function asModel(
  draft: NetworkDraft,
  { inputChannels, outputChannels, time }: DenoisingOptions,
  made: string,
): OnnxModel {
  const output = time === 'zero' ? 'logits' : 'noise';
  addNode(draft, 'Identity', { name: output, inputs: [made] });
  const timeInput = { name: 'time', type: 'float32', dims: ['N'] } as const;
  return modelOf(draft, {
    name: 'denoising U-Net',
    inputs: [
      { name: 'image', type: 'float32', dims: ['N', inputChannels, 'H', 'W'] },
      ...(time === 'input' ? [timeInput] : []),
    ],
    outputs: [{ name: output, type: 'float32', dims: ['N', outputChannels, 'H', 'W'] }],
  });
}
