/** The measuring job: how many tiles and training steps a second, and what share of the work fell back to the CPU. */
import { throwIfCancelled } from '../../core/cancel.ts';
import type { EngineMeasurement, JobResult } from '../../core/contract.ts';
import { fineTuneProgram } from '../../core/learn/segment.ts';
import { decodeModel } from '../../core/nn/onnx.ts';
import type { Session, Tensor } from '../../core/nn/session.ts';
import { stepHyper, type TrainingProgram } from '../../core/nn/training.ts';
import { createRandom } from '../../core/random.ts';
import type { NodePlaces } from '../engine/engine.ts';
import type { JobContext } from '../jobs.ts';
import type { LoadedModel } from '../model-library.ts';
import type { Parts } from './parts.ts';

const TILE_PX = 512;
const MOST_RUNS = 30;
const ENOUGH_MS = 2000;
const PHASES = 3;

type Feeds = Readonly<Record<string, Tensor>>;

export async function runMeasure(parts: Parts, job: JobContext): Promise<JobResult> {
  const { engine } = parts;
  const { provider, lowering } = await engine.status();
  const model = await builtInModel(parts);
  const tilePx = model.card.fixedSizePx ?? TILE_PX;
  const tile = { [model.card.input]: noise([1, 3, tilePx, tilePx]) };
  const program = fineTuneProgram(decodeModel(model.bytes), { card: model.card, lowering });
  const step = stepFeeds(program);

  job.say('predicting tiles');
  job.progress(0, PHASES, 'measurements');
  const tilesPerSecond = await rateOf(() => engine.open(model.bytes, { purpose: 'inference' }), tile, job);
  job.say('training steps');
  job.progress(1, PHASES, 'measurements');
  const stepsPerSecond = await rateOf(() => engine.open(program.bytes, program.sessionOptions), step, job);
  job.say('looking where the work is done');
  job.progress(2, PHASES, 'measurements');
  const fellBack =
    provider === 'cpu'
      ? null
      : shares(
          await engine.places(model.bytes, tile),
          await engine.places(program.bytes, { ...step, ...program.sessionOptions.initial }),
        );
  const { device, driver, peakMemoryMb } = await engine.surroundings();
  job.progress(PHASES, PHASES, 'measurements');
  job.say('');
  const measurement: EngineMeasurement = {
    provider: (await engine.status()).provider,
    device,
    driver,
    at: new Date().toISOString(),
    modelName: model.card.name,
    tilePx,
    tilesPerSecond,
    trainingBatch: [program.inputs.image.dims[0], ...program.inputs.image.dims.slice(2)].join(' × '),
    stepsPerSecond,
    fellBack,
    peakMemoryMb,
  };
  return { kind: 'measure', measurement };
}

/** The same network everywhere, so that two machines can be compared; the live one where a project has no built-in. */
async function builtInModel({ library }: Parts): Promise<LoadedModel> {
  const builtIn = (await library.list()).find(({ state }) => state === 'built-in');
  return library.load(builtIn?.modelId ?? null);
}

function noise(dims: readonly number[]): Tensor {
  const random = createRandom(1);
  const length = dims.reduce((product, dim) => product * dim, 1);
  return { type: 'float32', dims, data: Float32Array.from({ length }, () => random.next() - 0.5) };
}

function stepFeeds({ inputs, classes }: TrainingProgram): Feeds {
  const random = createRandom(2);
  const { image, target, weight, hyper } = inputs;
  const pixels = target.dims.reduce((product, dim) => product * dim, 1);
  return {
    [image.name]: noise(image.dims),
    [target.name]: { ...target, data: Int32Array.from({ length: pixels }, () => random.int(classes)) },
    [weight.name]: { ...weight, data: new Float32Array(pixels).fill(1) },
    [hyper.name]: stepHyper(1, 1e-5, { kind: 'adamw' }),
  };
}

/** Runs a second by the median run, after one that warms up. */
async function rateOf(open: () => Promise<Session>, feeds: Feeds, { signal }: JobContext): Promise<number> {
  const session = await open();
  try {
    await session.run(feeds);
    const times: number[] = [];
    for (let spent = 0; spent < ENOUGH_MS && times.length < MOST_RUNS; ) {
      throwIfCancelled(signal);
      const before = performance.now();
      await session.run(feeds);
      times.push(performance.now() - before);
      spent += times.at(-1)!;
    }
    return 1000 / times.sort((a, b) => a - b)[times.length >> 1]!;
  } finally {
    await session.close();
  }
}

function shares(predict: NodePlaces, train: NodePlaces): NonNullable<EngineMeasurement['fellBack']> {
  const share = ({ onCpu, nodes }: NodePlaces) => (nodes === 0 ? 0 : onCpu / nodes);
  const operators = [...new Set([...predict.cpuOperators, ...train.cpuOperators])].sort();
  return { predict: share(predict), train: share(train), operators };
}
