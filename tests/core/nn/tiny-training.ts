/** A small training set-up shared by tests: two tiles with stripes, and steps on whatever opens sessions. */
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import type { OpenSession, Tensor } from '../../../src/core/nn/session.ts';
import { sizeOf, tensorOf } from '../../../src/core/nn/tensor.ts';
import {
  buildTrainingProgram,
  stepHyper,
  type TrainingOptions,
  type TrainingProgram,
} from '../../../src/core/nn/training.ts';
import { createRandom } from '../../../src/core/random.ts';

export const TINY: TrainingOptions = {
  batch: 2,
  heightPx: 8,
  widthPx: 8,
  loss: [{ kind: 'cross-entropy' }, { kind: 'dice' }],
  batchNorm: 'frozen',
  optimiser: { kind: 'adamw' },
  clipNorm: null,
};

/** Noise in which the target class is a brightness, so that it can be learnt. */
export function tinyBatch({ inputs, classes }: TrainingProgram, seed = 3): Record<string, Tensor> {
  const random = createRandom(seed);
  const [n, c, h, w] = inputs.image.dims;
  const target = Int32Array.from({ length: n * h * w }, (_, i) => {
    const [sample, y, x] = [Math.floor(i / h / w), Math.floor(i / w) % h, i % w];
    return (Math.floor(x / 3) + Math.floor(y / 4) + sample) % classes;
  });
  const pixelOf = (i: number, channels: number) => Math.floor(i / (channels * h * w)) * h * w + (i % (h * w));
  const asBytes = inputs.image.type === 'uint8';
  const image = Array.from({ length: n * c * h * w }, (_, i) => {
    const value = random.normal() * 0.5 + target[pixelOf(i, c)];
    return asBytes ? Math.max(0, Math.min(255, 100 + 40 * value)) : value;
  });
  // For a class target this is `target` itself; for values, the class number in every channel.
  const truth = Array.from({ length: sizeOf(inputs.target.dims) }, (_, i) => target[pixelOf(i, inputs.target.dims[1])]);
  return {
    image: tensorOf(inputs.image.type, inputs.image.dims, image),
    target: tensorOf(inputs.target.type, inputs.target.dims, truth),
    weight: { type: 'float32', dims: inputs.weight.dims, data: new Float32Array(sizeOf(inputs.weight.dims)).fill(1) },
  };
}

/** A batch for a step with further heads: noise for values, classes by chance. */
export function headFeeds(program: TrainingProgram): Record<string, Tensor> {
  const random = createRandom(9);
  const feeds = tinyBatch(program);
  for (const { target, weight, classes } of program.heads) {
    const draw = () => (target.type === 'float32' ? random.next() - 0.5 : random.int(classes));
    feeds[target.name] = tensorOf(target.type, target.dims, Array.from({ length: sizeOf(target.dims) }, draw));
    feeds[weight.name] = tensorOf('float32', weight.dims, new Float32Array(sizeOf(weight.dims)).fill(1));
  }
  return feeds;
}

export interface Trained {
  readonly program: TrainingProgram;
  readonly losses: readonly number[];
  readonly state: Readonly<Record<string, Tensor>>;
  /** Of the last step, where the options expose it. */
  readonly gradient: Float32Array;
}

export interface TinyRun {
  readonly options?: Partial<TrainingOptions>;
  readonly steps?: number;
  readonly learningRate?: number;
  /** Replaces parts of the batch. */
  readonly feeds?: Readonly<Record<string, Tensor>>;
}

export async function trainTiny(model: OnnxModel, open: OpenSession, run: TinyRun = {}): Promise<Trained> {
  const options = { ...TINY, ...run.options };
  const program = buildTrainingProgram(model, options);
  const session = await open(program.bytes, program.sessionOptions);
  const batch = { ...tinyBatch(program), ...run.feeds };
  const losses: number[] = [];
  let gradient = new Float32Array(0);
  for (let step = 1; step <= (run.steps ?? 1); step++) {
    const hyper = stepHyper(step, run.learningRate ?? 1e-2, options.optimiser);
    const result = await session.run({ ...batch, hyper });
    losses.push(Number(result.loss.data[0]));
    gradient = Float32Array.from((result.gradient?.data ?? []) as Float32Array);
  }
  const state = await session.readState();
  await session.close();
  return { program, losses, state, gradient };
}
