/**
 * How fast whole slides are predicted: `npm run bench:predict [-- --json] [--pairs 7] [--slide FILE]`. Never a part of the
 * tests' timing.
 *
 * `pipelineOverSession`: the application's prediction job (read, run, put together, stored) over onnxruntime alone on the
 * same windows, which lie in its memory. `sessionOverTorch` and `int8OverTorch`: onnxruntime alone over PyTorch in its best
 * layout with an allocator that keeps its pages. `shareOfSgemmPeak`: arithmetic of the network's convolutions over that of
 * a 2048³ matrix product by the same runtime. All sides take turns, A B A B; medians.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureRanges } from '../../src/core/learn/calibrate.ts';
import type { ModelCard } from '../../src/core/learn/model-card.ts';
import { imagesToTensor } from '../../src/core/learn/tensors.ts';
import { decodeModel, encodeModel } from '../../src/core/nn/onnx.ts';
import { quantiseModel } from '../../src/core/nn/quantise.ts';
import type { Tensor } from '../../src/core/nn/session.ts';
import type { RgbImage } from '../../src/core/slide.ts';
import { startEngine } from '../../src/main/engine/engine.ts';
import { openSlide } from '../../src/main/slide/open-slide.ts';
import { type Bare, startBare } from './predict-bare.ts';
import { type Pipeline, startPipeline } from './predict-pipeline.ts';
import { startTorch, type Torch } from './predict-torch.ts';
import { median } from './train-rounds.ts';
import { ADVICE, findPython } from './train-torch.ts';

const CHANNELS = [16, 32, 64, 128];
/** Windows of one turn beside PyTorch. */
const BATCH = 2;
const MATRIX = 2048;
const CALIBRATED_ON = 8;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    pairs: { type: 'string', default: '7' },
    slide: { type: 'string' },
  },
});

function complain(sentence: string): never {
  console.error(`bench:predict: ${sentence}`);
  process.exit(2);
}

function chooseSlide(): string {
  const root = resolve(import.meta.dirname, '../..');
  const real = resolve(root, '../shared/data/wsi/aperio/CMU-1-Small-Region.svs');
  if (values.slide !== undefined) return resolve(values.slide);
  if (existsSync(real)) return real;
  console.error('bench:predict: CMU-1-Small-Region.svs is not at ../shared/data; name a slide with --slide FILE');
  return complain('the drawn demo slide is no measure: drawing it takes longer than predicting it');
}

/** Multiplications and additions of the built-in U-Net's convolutions for each pixel (src/core/nn/unet.ts). */
function floatingOperationsPerPixel(channels: readonly number[], classes: number): number {
  const conv = (from: number, to: number, level: number, taps = 9) => (2 * taps * from * to) / 4 ** level;
  const down = channels.map((width, level) => conv(channels[level - 1] ?? 3, width, level) + conv(width, width, level));
  const up = channels.slice(1).map((below, level) => {
    const width = channels[level]!;
    return conv(below, width, level) + conv(2 * width, width, level) + conv(width, width, level);
  });
  return [...down, ...up, conv(channels[0]!, classes, 0, 1)].reduce((sum, count) => sum + count, 0);
}

/** What the pipeline gave the network, as pictures and as the float tensors that the bare network takes. */
function windowsOf(pipeline: Pipeline): { images: RgbImage[]; tensors: Tensor[] } {
  const images = pipeline.inputs().map(({ dims, data }) => {
    const [, height, width] = dims as [number, number, number, number];
    return { width, height, data: data as Uint8Array };
  });
  return { images, tensors: images.map((image) => imagesToTensor([image], pipeline.card.normalisation)) };
}

async function eightBit(model: Uint8Array, card: ModelCard, images: readonly RgbImage[]): Promise<Uint8Array> {
  const engine = startEngine();
  try {
    const decoded = decodeModel(model);
    const every = Math.max(1, Math.floor(images.length / CALIBRATED_ON));
    const chosen = images.filter((_, n) => n % every === 0);
    const ranges = await measureRanges({ model: decoded, card, images: chosen, open: engine.open });
    return encodeModel(quantiseModel(decoded, ranges));
  } finally {
    await engine.close();
  }
}

function batchOf(tensors: readonly Tensor[]): Tensor {
  const parts = tensors.slice(0, BATCH).map(({ data }) => data as Float32Array);
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => {
    data.set(part, at);
    return at + part.length;
  }, 0);
  return { type: 'float32', dims: [parts.length, ...tensors[0]!.dims.slice(1)], data };
}

/** Milliseconds of each side in each round. */
async function takeTurns<K extends string>(
  sides: Readonly<Record<K, () => Promise<number>>>,
  rounds: number,
): Promise<Record<K, number[]>> {
  const names = Object.keys(sides) as K[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = 0; round < rounds; round++) for (const name of names) times[name].push(await sides[name]());
  return times;
}

async function bestForm(torch: Torch): Promise<string> {
  const times = await takeTurns(Object.fromEntries(torch.forms.map((form) => [form, () => torch.run(form, 1)])), 4);
  return torch.forms.reduce((best, form) => (median(times[form]!) < median(times[best]!) ? form : best));
}

/** Whole slides: the job beside the session alone, in windows a second. */
async function timePipelines(pipelines: { fp32: Pipeline; search: Pipeline }, bare: Bare, pairs: number) {
  const windows = pipelines.fp32.inputs().length;
  const times = await takeTurns(
    {
      pipeline: async () => (await pipelines.fp32.run()).ms,
      session: () => bare.run('fp32'),
      withSearch: async () => (await pipelines.search.run()).ms,
    },
    pairs,
  );
  const perSecond = (ms: readonly number[]) => (1000 * windows) / median(ms);
  const ratios = times.pipeline.map((ms, round) => times.session[round]! / ms);
  return {
    windows,
    pipelinePerSecond: perSecond(times.pipeline),
    sessionPerSecond: perSecond(times.session),
    pipelineOverSession: median(ratios),
    tissueSearchMs: median(times.withSearch) - median(times.pipeline),
  };
}

async function timeBesideTorch(bare: Bare, torch: Torch, pairs: number) {
  const torchForm = await bestForm(torch);
  const { fp32, int8, pytorch } = await takeTurns(
    {
      fp32: () => bare.run('batch'),
      pytorch: () => torch.run(torchForm, 1),
      int8: () => bare.run('int8'),
    },
    3 * pairs,
  );
  const over = (ours: readonly number[]) => median(pytorch.map((ms, round) => ms / ours[round]!));
  const ms = { sessionMs: median(fp32), int8Ms: median(int8), torchMs: median(pytorch) };
  return { torchForm, ...ms, sessionOverTorch: over(fp32), int8OverTorch: over(int8) };
}

async function timeMatrices(bare: Bare, torch: Torch) {
  const times = await takeTurns({ ours: () => bare.matmul(MATRIX), torch: () => torch.matmul(MATRIX) }, 3);
  return { sgemmGflops: Math.max(...times.ours), torchSgemmGflops: Math.max(...times.torch) };
}

async function measure(slide: string, python: string, pairs: number) {
  const opened = await openSlide(slide);
  const { widthPx: width, heightPx: height } = opened.info;
  await opened.close();
  const folder = mkdtempSync(join(tmpdir(), 'histoloop-bench-'));
  const fp32 = await startPipeline(slide, { region: { x: 0, y: 0, width, height } });
  const search = await startPipeline(slide);
  const bare = startBare();
  const { images, tensors } = windowsOf(fp32);
  const image = batchOf(tensors);
  const classes = fp32.card.classes.length;
  const torch = await startTorch(python, {
    folder,
    model: decodeModel(fp32.model),
    channels: CHANNELS,
    classes,
    image,
  });
  try {
    await bare.open('fp32', fp32.model, tensors);
    await bare.open('batch', fp32.model, [image]);
    await bare.open('int8', await eightBit(fp32.model, fp32.card, images), [image]);
    const whole = await timePipelines({ fp32, search }, bare, pairs);
    const beside = await timeBesideTorch(bare, torch, pairs);
    const matrices = await timeMatrices(bare, torch);
    const pixels = image.dims[0]! * image.dims[2]! * image.dims[3]!;
    const gflops = (1e-6 * floatingOperationsPerPixel(CHANNELS, classes) * pixels) / beside.sessionMs;
    return { ...whole, ...beside, ...matrices, sessionGflops: gflops, shareOfSgemmPeak: gflops / matrices.sgemmGflops };
  } finally {
    torch.close();
    bare.close();
    await fp32.close();
    await search.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const pairs = Number(values.pairs);
if (!Number.isInteger(pairs) || pairs < 1) complain(`--pairs ${values.pairs} is no number of rounds; use 7 or more`);
const slide = chooseSlide();
const python = findPython();
if (python === null) complain(ADVICE);
const results = await measure(slide, python, pairs);
const rounded = Object.fromEntries(
  Object.entries(results).map(([name, value]) => [name, typeof value === 'number' ? Number(value.toFixed(3)) : value]),
);
if (values.json) console.log(JSON.stringify({ ...rounded, pairs }));
else console.table(rounded);
