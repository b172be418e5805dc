/**
 * What PyTorch's own exporter writes is read, computed, differentiated and trained here as in PyTorch: small networks of
 * today's building blocks, exported on the spot in several opsets, folded or not, sizes fixed or open. Needs a Python with
 * PyTorch (tests/tools/torch/export_networks.py), which CI has not: skipped there, and says so.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { decodeModel, encodeModel } from '../../../src/core/nn/onnx.ts';
import type { Session, Tensor } from '../../../src/core/nn/session.ts';
import { sizeOf } from '../../../src/core/nn/tensor.ts';
import { buildTrainingProgram, stepHyper, type TrainingProgram } from '../../../src/core/nn/training.ts';
import { ADVICE, findPython } from '../../bench/train-torch.ts';
import { drawnBatch } from '../../fixtures/networks/drawn-batch.ts';
import { openOnnxRuntime } from './onnxruntime-session.ts';

const python = findPython();
if (python === null) console.warn(`SKIPPED: networks that PyTorch exports. ${ADVICE}`);

const NETWORKS = ['u-net', 'res-net u-net', 'deep-lab', 'vit', 'swin', 'modern'] as const;
const OPTIMISER = { kind: 'adamw', weightDecay: 0 } as const;
const STEPS = 10;

interface ExportedFile {
  readonly file: string;
  readonly opset: number;
  readonly fold: boolean;
  readonly dynamic: boolean;
}

interface ExportedNetwork {
  readonly network: string;
  readonly loss: number;
  readonly answer: string;
  readonly values: string;
  readonly gradients: string;
  readonly tensors: readonly { readonly name: string; readonly dims: readonly number[] }[];
  readonly files: readonly ExportedFile[];
}

interface Index {
  readonly px: number;
  readonly classes: number;
  readonly networks: readonly ExportedNetwork[];
}

/** A weight as PyTorch holds it. */
interface TorchWeight {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float32Array;
  readonly gradient: Float32Array;
}

let folder = '';
let index: Index;
const bytesOf = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
const floatsOf = (name: string) => new Float32Array(bytesOf(name).buffer);

function torchWeights(network: ExportedNetwork): TorchWeight[] {
  const [values, gradients] = [floatsOf(network.values), floatsOf(network.gradients)];
  let at = 0;
  return network.tensors.map(({ name, dims }) => {
    const [from, to] = [at, at + sizeOf(dims)];
    at = to;
    return { name, dims, values: values.subarray(from, to), gradient: gradients.subarray(from, to) };
  });
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function furthest(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** Linear layers are exported as products with the transposed weight. */
function transposed({ name, dims, values, gradient }: TorchWeight): TorchWeight {
  const [rows, columns] = dims as [number, number];
  const turn = (data: Float32Array) => data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
  return { name, dims: [columns, rows], values: turn(values), gradient: turn(gradient) };
}

/** Which of PyTorch's weights this is: the exporter renames those that it computes with, so values tell. */
function sameWeight(values: Float32Array, weights: readonly TorchWeight[]): TorchWeight | undefined {
  const candidates = weights.filter((weight) => weight.values.length === values.length);
  const forms = candidates.flatMap((weight) => (weight.dims.length === 2 ? [weight, transposed(weight)] : [weight]));
  return forms.find((weight) => furthest(values, weight.values) <= 1e-6 * Math.max(1e-3, largest(values)));
}

type Fed = TrainingProgram & { readonly feeds: Record<string, Tensor> };

function programOf(model: OnnxModel): Fed {
  const { px, classes } = index;
  const program = buildTrainingProgram(model, {
    batch: 2,
    heightPx: px,
    widthPx: px,
    loss: [{ kind: 'cross-entropy' }, { kind: 'dice' }],
    batchNorm: 'frozen',
    optimiser: OPTIMISER,
    clipNorm: null,
    exposeGradient: true,
  });
  const { image, target, weight } = drawnBatch(px, classes);
  const { inputs } = program;
  const feeds: Record<string, Tensor> = {
    image: { type: 'float32', dims: inputs.image.dims, data: image },
    [inputs.target.name]: { type: 'int32', dims: inputs.target.dims, data: target },
    [inputs.weight.name]: { type: 'float32', dims: inputs.weight.dims, data: weight },
  };
  return { ...program, feeds };
}

async function answerOf(bytes: Uint8Array): Promise<Float32Array> {
  const session = await openOnnxRuntime(bytes);
  const dims = [2, 3, index.px, index.px];
  const { logits } = await session.run({
    image: { type: 'float32', dims, data: drawnBatch(index.px, index.classes).image },
  });
  await session.close();
  return logits!.data as Float32Array;
}

async function lossesOf(session: Session, { feeds }: Fed): Promise<number[]> {
  const losses: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const { loss } = await session.run({ ...feeds, hyper: stepHyper(step, 1e-3, OPTIMISER) });
    losses.push(Number(loss!.data[0]));
  }
  return losses;
}

/** Every weight of PyTorch's learns here, with its gradient, and nothing learns that is no weight there. */
function checkGradients(program: TrainingProgram, gradient: Float32Array, network: ExportedNetwork): void {
  const weights = torchWeights(network);
  const theta = program.sessionOptions.initial!.theta!.data as Float32Array;
  const scale = Math.max(...weights.map((weight) => largest(weight.gradient)));
  const met = new Set<string>();
  for (const { name, dims, offset } of program.layout.entries) {
    const [from, to] = [offset, offset + sizeOf(dims)];
    const weight = sameWeight(theta.subarray(from, to), weights);
    expect(weight, `${name} [${dims}] learns, but is no weight in PyTorch`).toBeDefined();
    met.add(weight!.name);
    const error = furthest(gradient.subarray(from, to), weight!.gradient) / scale;
    expect(error, `gradient of ${name}, PyTorch's ${weight!.name}`).toBeLessThan(1e-5);
  }
  expect(missing(weights, met)).toEqual([]);
}

/** A weight that was folded counts as met when what it was folded into was. */
function missing(weights: readonly TorchWeight[], met: ReadonlySet<string>): string[] {
  const folded = [...met].filter((name) => name.endsWith('.folded')).map((name) => name.slice(0, -'.folded'.length));
  const held = (name: string) => folded.some((scope) => `${name}.`.startsWith(`${scope}.`)) || name.includes('.folded');
  return weights.map(({ name }) => name).filter((name) => !met.has(name) && !held(name));
}

describe.skipIf(python === null)('exported by PyTorch, ', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'histoloop-exports-'));
    const script = join(import.meta.dirname, '../../tools/torch/export_networks.py');
    const run = spawnSync(python!, [script, folder], { encoding: 'utf8' });
    expect(run.status, run.stderr).toBe(0);
    index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Index;
    expect(index.networks.map(({ network }) => network)).toEqual(NETWORKS);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.each(NETWORKS)('%s', (name) => {
    const exported = (way: number) => {
      const network = index.networks.find((one) => one.network === name)!;
      const { file, opset, fold, dynamic } = network.files[way]!;
      const about = `opset ${opset}, ${fold ? 'folded' : 'as it is'}, ${dynamic ? 'open' : 'fixed'} sizes`;
      return { network, about, bytes: bytesOf(file) };
    };

    it.each([0, 1, 2, 3])('is read and computes the same (way %i)', async (way) => {
      const { network, about, bytes } = exported(way);
      const answer = floatsOf(network.answer);
      const original = await answerOf(bytes);
      expect(furthest(original, answer) / largest(answer), about).toBeLessThan(1e-5);
      expect(furthest(await answerOf(encodeModel(decodeModel(bytes))), original), about).toBe(0);
    });

    it.each([0, 1, 2, 3])('has the same loss and gradient, and learns (way %i)', async (way) => {
      const { network, about, bytes } = exported(way);
      const program = programOf(decodeModel(bytes));
      const session = await openOnnxRuntime(program.bytes, program.sessionOptions);
      const first = await session.run({ ...program.feeds, hyper: stepHyper(1, 0, OPTIMISER) });
      expect(Math.abs(Number(first.loss!.data[0]) / network.loss - 1), about).toBeLessThan(1e-6);
      checkGradients(program, first.gradient!.data as Float32Array, network);
      const losses = await lossesOf(session, program);
      await session.close();
      expect(losses.at(-1), about).toBeLessThan(losses[0]!);
    });
  });
});
