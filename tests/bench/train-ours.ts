/** Our side of `bench:train`: the step graph in the engine's own process, batches sent across the border as always. */
import type { Lowering } from '../../src/core/nn/grad-rule.ts';
import type { OnnxModel } from '../../src/core/nn/graph.ts';
import type { Tensor } from '../../src/core/nn/session.ts';
import { buildTrainingProgram, type Optimiser, stepHyper, type TrainingProgram } from '../../src/core/nn/training.ts';
import { startEngine } from '../../src/main/engine/engine.ts';
import type { BenchBatch, BenchNetwork } from './train-networks.ts';
import { type Learned, RECIPE, type Side, THREADS } from './train-side.ts';

export const OPTIMISER: Optimiser = { kind: 'adamw', weightDecay: RECIPE.weightDecay };

/** The form of the step that the application chooses on this machine. */
export async function loweringHere(): Promise<Lowering> {
  const engine = startEngine({ threads: THREADS });
  try {
    return (await engine.status()).lowering;
  } finally {
    await engine.close();
  }
}

/** The step as the application builds it (`src/core/learn/segment.ts`). */
export function programOf(network: BenchNetwork, model: OnnxModel, lowering: Lowering): TrainingProgram {
  return buildTrainingProgram(model, {
    batch: network.batch,
    heightPx: network.edgePx,
    widthPx: network.edgePx,
    loss: [{ kind: 'cross-entropy' }, { kind: 'dice' }],
    batchNorm: 'frozen',
    optimiser: OPTIMISER,
    clipNorm: RECIPE.clipNorm,
    lowering,
  });
}

export function feedsOf(program: TrainingProgram, batch: BenchBatch, step: number): Record<string, Tensor> {
  return {
    [program.inputs.image.name]: batch.image,
    [program.inputs.target.name]: batch.target,
    [program.inputs.weight.name]: batch.weight,
    [program.inputs.hyper.name]: stepHyper(step, RECIPE.learningRate, OPTIMISER),
  };
}

export async function startOurs(program: TrainingProgram, batch: BenchBatch): Promise<Side> {
  const engine = startEngine({ threads: THREADS });
  const session = await engine.open(program.bytes, program.sessionOptions);
  let steps = 0;
  return {
    pid: engine.pid!,
    step: async (count) => {
      const before = performance.now();
      let loss = Number.NaN;
      for (let i = 0; i < count; i++) {
        const outputs = await session.run(feedsOf(program, batch, ++steps));
        loss = Number(outputs[program.outputs.loss]?.data[0]);
      }
      return { ms: (performance.now() - before) / count, loss };
    },
    learned: async () => learnedOf(program, await session.readState()),
    close: () => engine.close(),
  };
}

/** The trainable part of the state, in the layout's order. */
export function learnedOf({ layout }: TrainingProgram, state: Readonly<Record<string, Tensor>>): Learned {
  const part = (name: string) => (state[name]!.data as Float32Array).slice(0, layout.length);
  return { weights: part('theta'), moments: part('m') };
}
