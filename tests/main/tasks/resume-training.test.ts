/** A training on the real engine that is cut off goes on as if it had not been: the same losses and the same weights. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { TrainingBlock } from '../../../src/core/learn/blocks.ts';
import { type FineTuneOptions, fineTune } from '../../../src/core/learn/segment.ts';
import { encodeModel } from '../../../src/core/nn/onnx.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { type Engine, startEngine } from '../../../src/main/engine/engine.ts';
import type { JobContext } from '../../../src/main/jobs.ts';
import { hashOfData, keepOnDisk } from '../../../src/main/tasks/training-keeper.ts';
import { CARD, CLASS_IDS, spotted, truthOf } from '../../core/learn/stubs.ts';
import { temporaryFolder } from '../../fixtures/temporary.ts';

const STEPS = 14;
const model = encodeModel(buildUnet({ inputChannels: 3, classes: 2, channels: [4, 8], seed: 4 }));

let engine: Engine | null = null;
afterEach(() => engine?.close());

function block(seed: number): TrainingBlock {
  const image = spotted(48, 48, seed, 6);
  return { key: `block ${seed}`, image, human: truthOf(image), predicted: null };
}

/** Twelve blocks: two of them choose among the weights along the way, so that the choice must survive as well. */
function recipe(on: Engine, more: Partial<FineTuneOptions> = {}): FineTuneOptions {
  const train = Array.from({ length: 12 }, (_, i) => block(i));
  const heldOut = [block(50), block(51), block(52)];
  const shape = { steps: STEPS, seed: 5, batch: 2, patchPx: 32, learningRate: 0.01 };
  return { model, card: CARD, classIds: CLASS_IDS, train, heldOut, open: on.open, ...shape, ...more };
}

function listener() {
  const said: string[] = [];
  const losses: number[] = [];
  const job: JobContext = {
    signal: new AbortController().signal,
    closing: () => false,
    progress: () => {},
    say: (message) => said.push(message),
    loss: (step, value) => {
      losses[step - 1] = value;
    },
  };
  return { said, losses, job };
}

/** Writes after every step unless told otherwise; the keeper itself is in no such hurry. */
function keeperIn(folder: string, job: JobContext, train: readonly TrainingBlock[], eager = true) {
  const keeper = keepOnDisk({ folder, dataSha256: hashOfData(model, train, job.signal), everyMs: 1e9, job });
  return eager ? { ...keeper, due: () => true } : keeper;
}

test.each([1, 6, 13])('killed after step %i and resumed, it is the training that it would have been', async (cutAt) => {
  engine = startEngine({ threads: 1 });
  const whole = await fineTune(recipe(engine));
  const folder = temporaryFolder();
  const first = listener();
  const options = recipe(engine);
  const onStep = (step: number) => {
    if (step === cutAt + 1) process.kill(engine!.pid!, 'SIGKILL');
  };
  const cutOff = fineTune({ ...options, onStep, keeper: keeperIn(folder, first.job, options.train) });
  await expect(cutOff).rejects.toMatchObject({ code: 'engine-died' });

  const second = listener();
  const steps: number[] = [];
  const resumed = await fineTune({
    ...options,
    onStep: (step) => steps.push(step),
    keeper: keeperIn(folder, second.job, options.train),
  });
  expect(steps).toEqual(Array.from({ length: STEPS - cutAt }, (_, i) => cutAt + 1 + i));
  expect(resumed.losses).toEqual(whole.losses);
  expect(second.losses).toEqual(whole.losses.slice(0, cutAt));
  expect(resumed.model).toEqual(whole.model);
  expect(resumed.keptStep).toBe(whole.keptStep);
  expect(second.said.join()).toMatch(`from step ${cutAt} on`);
});

test('begun in the form for a graphics card, it goes on in the processor’s, with the same numbers but for rounding', async () => {
  engine = startEngine({ threads: 1 });
  const lowering = { weightGradient: 'shifted-matmul' } as const;
  const whole = await fineTune(recipe(engine, { lowering }));
  const folder = temporaryFolder();
  const options = recipe(engine);
  const onStep = (step: number) => {
    if (step === 8) process.kill(engine!.pid!, 'SIGKILL');
  };
  const keeper = () => keeperIn(folder, listener().job, options.train);
  await expect(fineTune({ ...options, lowering, onStep, keeper: keeper() })).rejects.toMatchObject({
    code: 'engine-died',
  });
  const resumed = await fineTune({ ...options, keeper: keeper() });
  expect(resumed.losses.slice(0, 7)).toEqual(whole.losses.slice(0, 7));
  for (const [i, loss] of resumed.losses.entries()) expect(loss).toBeCloseTo(whole.losses[i]!, 4);
});

test('with other corrections, another seed or another recipe it begins anew and says so', async () => {
  engine = startEngine({ threads: 1 });
  const folder = temporaryFolder();
  const options = recipe(engine, { steps: 3 });
  await fineTune({ ...options, keeper: keeperIn(folder, listener().job, options.train) });
  const changes: Partial<FineTuneOptions>[] = [
    { train: [...options.train.slice(0, -1), block(99)] },
    { seed: 6 },
    { learningRate: 0.02 },
    { patchPx: 16 },
  ];
  for (const change of changes) {
    const { said, losses, job } = listener();
    const changed = { ...options, ...change };
    const result = await fineTune({ ...changed, keeper: keeperIn(folder, job, changed.train, false) });
    expect(result.losses).toHaveLength(3);
    expect(losses).toEqual([]);
    expect(said.join()).toMatch(/from the beginning.*another training/);
  }
});

test('where checkpoints cannot be written the training goes on and says what that means', async () => {
  engine = startEngine({ threads: 1 });
  const options = recipe(engine, { steps: 2 });
  const { said, job } = listener();
  const file = join(temporaryFolder(), 'a-file');
  writeFileSync(file, '');
  const result = await fineTune({ ...options, keeper: keeperIn(join(file, 'training'), job, options.train) });
  expect(result.losses).toHaveLength(2);
  expect(said.join()).toMatch(/if it is cut off it must begin anew: could not write to/);
});
