import { afterEach, expect, test } from 'vitest';
import { type Engine, type SpawnChild, spawnNodeChild, startEngine } from '../../../src/main/engine/engine.ts';
import type { ToChild } from '../../../src/main/engine/messages.ts';
import { floats, sumOfNine } from './graphs.ts';

let engine: Engine | null = null;
afterEach(() => engine?.close());

test('the CPU is used unless something else is asked for, and every absence has its reason', async () => {
  engine = startEngine({ threads: 1 });
  const status = await engine.status();
  expect(status).toMatchObject({ provider: 'cpu', fallbackReason: null, threads: 1 });
  expect(status.device).toMatch(/1 thread/);
  expect(status.runtimeVersion).toMatch(/^\d+\.\d+\.\d+$/);
  expect(status.providers.map(({ name }) => name).sort()).toEqual(['coreml', 'cpu', 'cuda', 'dml', 'webgpu']);
  for (const provider of status.providers.filter(({ available }) => !available)) {
    expect(provider.reason).toMatch(/\w+ \w+/);
  }
});

test('WebGPU is used where it proves itself; else the CPU, and the status says why', async () => {
  engine = startEngine({ provider: 'webgpu' });
  const { provider, fallbackReason, providers } = await engine.status();
  const webgpu = providers.find(({ name }) => name === 'webgpu');
  expect(webgpu?.available).toBe(provider === 'webgpu');
  if (provider === 'cpu') expect(fallbackReason).toMatch(/^webgpu: .*adapter|^webgpu/);
  else expect(fallbackReason).toBeNull();
  await expectSumOfNine(engine);
});

test.skipIf(process.platform === 'win32')('DirectML away from Windows falls back to the CPU in words', async () => {
  engine = startEngine({ provider: 'dml' });
  expect(await engine.status()).toMatchObject({
    provider: 'cpu',
    fallbackReason: 'dml: DirectML is a part of Windows',
  });
  await expectSumOfNine(engine);
});

test('"auto" ends on something that works', async () => {
  engine = startEngine({ provider: 'auto' });
  const { provider, providers } = await engine.status();
  expect(providers.find(({ name }) => name === provider)).toEqual({ name: provider, available: true, reason: null });
  await expectSumOfNine(engine);
});

test('a driver that takes the process down is not tried again', async () => {
  let children = 0;
  const spawn: SpawnChild = (entry) => {
    const port = spawnNodeChild(entry);
    const crashing = children++ === 0;
    return {
      ...port,
      post: (message) => (crashing && asksForGpu(message as ToChild) ? port.kill() : port.post(message)),
    };
  };
  engine = startEngine({ provider: 'webgpu', spawn });
  await expectSumOfNine(engine);
  expect(await engine.status()).toMatchObject({
    provider: 'cpu',
    fallbackReason: expect.stringMatching(/^webgpu is not used any more: .*SIGKILL/),
  });
  expect(children).toBe(2);
});

function asksForGpu({ ask }: ToChild): boolean {
  return ask.kind === 'configure' && ask.asked !== 'cpu';
}

async function expectSumOfNine(on: Engine): Promise<void> {
  const session = await on.open(sumOfNine());
  expect((await session.run({ x: floats([1, 1, 4, 4], Array(16).fill(1)) })).y?.data[0]).toBeCloseTo(9, 3);
}
