/** A small training set-up shared by tests: two tiles with stripes, and steps on whatever opens sessions. */
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import type { OpenSession, Tensor } from '../../../src/core/nn/session.ts';
import { sizeOf } from '../../../src/core/nn/tensor.ts';
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
  const image = Float32Array.from({ length: n * c * h * w }, (_, i) => {
    const pixel = Math.floor(i / (c * h * w)) * h * w + (i % (h * w));
    return random.normal() * 0.5 + target[pixel];
  });
  return {
    image: { type: 'float32', dims: inputs.image.dims, data: image },
    target: { type: 'int32', dims: inputs.target.dims, data: target },
    weight: { type: 'float32', dims: inputs.weight.dims, data: new Float32Array(sizeOf(inputs.weight.dims)).fill(1) },
  };
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
