/** WebGPU on a graphics card made of software: it learns what the CPU learns, wholly on the device, and may die. */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { buildTrainingProgram, stepHyper, type TrainingOptions } from '../../../src/core/nn/training.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { type Engine, startEngine } from '../../../src/main/engine/engine.ts';
import { TINY, tinyBatch } from '../../core/nn/tiny-training.ts';
import { findSoftwareVulkan, type SoftwareVulkan, turnOnSoftwareVulkan } from '../../fixtures/software-vulkan.ts';
import { floats, sumOfNine } from './graphs.ts';

const STEPS = 20;
const found = findSoftwareVulkan();
const nine = { x: floats([1, 1, 4, 4], Array(16).fill(1)) };

/** The lowering that the app uses on WebGPU; the rest as in fine-tuning. */
const OPTIONS: TrainingOptions = {
  ...TINY,
  heightPx: 16,
  widthPx: 16,
  clipNorm: 1,
  lowering: { weightGradient: 'shifted-matmul' },
};
const program = buildTrainingProgram(buildUnet({ inputChannels: 3, classes: 3, channels: [4, 8], seed: 11 }), OPTIONS);
const batch = tinyBatch(program);
const hyperAt = (step: number) => ({ hyper: stepHyper(step, 3e-3, OPTIONS.optimiser) });

interface Curve {
  readonly losses: readonly number[];
  readonly state: Readonly<Record<string, Tensor>>;
}

async function learn(engine: Engine): Promise<Curve> {
  const session = await engine.open(program.bytes, program.sessionOptions);
  const losses: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const { loss } = await session.run({ ...batch, ...hyperAt(step) });
    losses.push(Number(loss?.data[0]));
  }
  const state = await session.readState();
  await session.close();
  return { losses, state };
}

const largest = (values: Iterable<number>) => Math.max(...Array.from(values, Math.abs));

if ('missing' in found) {
  console.warn(`SKIPPED, WebGPU is not tested here: ${found.missing}`);
  describe('WebGPU', () => test.skip(`needs software Vulkan: ${found.missing}`, () => {}));
} else {
  describe('WebGPU under software Vulkan', () => {
    let vulkan: SoftwareVulkan;
    let gpu: Engine;
    beforeAll(() => {
      vulkan = turnOnSoftwareVulkan(found.folder);
      gpu = startEngine({ provider: 'webgpu', threads: 1 });
    });
    afterAll(async () => {
      await gpu.close();
      vulkan.off();
    });

    test(`gives the CPU's losses over ${STEPS} steps, and its weights`, async () => {
      const cpu = startEngine({ threads: 1 });
      const expected = await learn(cpu);
      await cpu.close();
      expect(await gpu.status()).toMatchObject({
        provider: 'webgpu',
        fallbackReason: null,
        lowering: OPTIONS.lowering,
      });
      const { losses, state } = await learn(gpu);
      expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.9);
      expect(largest(losses.map((loss, i) => loss / expected.losses[i]! - 1))).toBeLessThan(1e-3);
      const theta = state.theta!.data as Float32Array;
      const truth = expected.state.theta!.data as Float32Array;
      expect(largest(theta.map((value, i) => value - truth[i]!)) / largest(truth)).toBeLessThan(1e-2);
      expect((await gpu.status()).fallbackReason).toBeNull();
    });

    test('runs every node of the step on the device', async () => {
      const { initial } = program.sessionOptions;
      const places = await gpu.places(program.bytes, { ...batch, ...initial, ...hyperAt(1) });
      expect(places).toMatchObject({ onCpu: 0, cpuOperators: [], copies: 0 });
      expect(places.nodes).toBeGreaterThan(100);
    });

    test('tells that its driver is software', async () => {
      expect((await gpu.surroundings()).driver).toMatch(/SwiftShader: in software/);
    });

    test('who asks for the quickest gets the processor instead of a card made of software, and is told', async () => {
      const engine = startEngine({ provider: 'auto', threads: 1 });
      const { provider, fallbackReason } = await engine.status();
      expect(provider).toBe('cpu');
      expect(fallbackReason).toMatch(/webgpu: its driver is SwiftShader.*the processor is quicker/);
      await engine.close();
    });

    test('killed in the middle of a run it takes its process with it, and the CPU goes on and says why', async () => {
      const engine = startEngine({ provider: 'webgpu', threads: 1 });
      const session = await engine.open(program.bytes, program.sessionOptions);
      const run = expect(session.run({ ...batch, ...hyperAt(1) })).rejects;
      await wait(30);
      process.kill(engine.pid!, 'SIGABRT');
      await run.toMatchObject({ code: 'engine-died' });
      const again = await engine.open(sumOfNine());
      expect((await again.run(nine)).y?.data[0]).toBe(9);
      const { provider, fallbackReason } = await engine.status();
      expect(provider).toBe('cpu');
      expect(fallbackReason).toMatch(/^webgpu is not used any more: .*SIGABRT/);
      await engine.close();
    });
  });
}
