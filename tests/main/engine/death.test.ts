import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type Engine, spawnNodeChild, startEngine } from '../../../src/main/engine/engine.ts';
import { floats, slowFeed, slowGraph, sumOfNine } from './graphs.ts';

let engine: Engine | null = null;
afterEach(() => engine?.close());

const nine = { x: floats([1, 1, 4, 4], Array(16).fill(1)) };

test.each(['SIGKILL', 'SIGABRT'] as const)('a child that dies of %s in a run costs that run only', async (signal) => {
  engine = startEngine({ threads: 1 });
  const bystander = await engine.open(sumOfNine());
  const slow = await engine.open(slowGraph(200));
  const [first, queued] = [slow.run(slowFeed()), bystander.run(nine)].map((run) => expect(run).rejects);
  const deadPid = engine.pid!;
  await wait(100);
  process.kill(deadPid, signal);
  await first!.toMatchObject({ code: 'engine-died', message: expect.stringContaining(signal) });
  await queued!.toMatchObject({ code: 'engine-died' });
  await expect(bystander.run(nine)).rejects.toMatchObject({ code: 'engine-died' });
  await expect(bystander.readState()).rejects.toMatchObject({ code: 'engine-died' });
  await expect(bystander.close()).resolves.toBeUndefined();

  const [again, also] = await Promise.all([engine.open(sumOfNine()), engine.open(sumOfNine())]);
  expect(engine.pid).not.toBe(deadPid);
  expect((await again.run(nine)).y?.data[0]).toBe(9);
  expect((await also.run(nine)).y?.data[0]).toBe(9);
});

test('closing the engine in a run ends the child at once and answers cancelled', async () => {
  engine = startEngine({ threads: 1 });
  const slow = await engine.open(slowGraph(400));
  const run = expect(slow.run(slowFeed())).rejects.toMatchObject({ code: 'cancelled' });
  const pid = engine.pid!;
  await wait(100);
  const before = performance.now();
  await engine.close();
  expect(performance.now() - before).toBeLessThan(1500);
  await run;
  expect(isAlive(pid)).toBe(false);
  expect(engine.pid).toBeNull();
  await expect(engine.open(sumOfNine())).rejects.toMatchObject({ code: 'engine-died' });
  await expect(slow.run(slowFeed())).rejects.toMatchObject({ code: 'cancelled' });
});

test('the child ends by itself when its parent is killed in the middle of a run', async () => {
  const script = new URL('./orphaning-parent.ts', import.meta.url);
  const parent = spawn(process.execPath, [script.pathname], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await createInterface(parent.stdout)
    [Symbol.asyncIterator]()
    .next()
    .then(({ value }) => [value])) as [string];
  const childPid = Number(line);
  expect(isAlive(childPid)).toBe(true);
  parent.kill('SIGKILL');
  for (let tries = 0; isAlive(childPid) && tries < 200; tries++) await wait(100);
  expect(isAlive(childPid)).toBe(false);
});

test('a child that cannot start says why instead of hanging', async () => {
  engine = startEngine({ spawn: (entry) => spawnNodeChild(`${entry}.missing`) });
  await expect(engine.status()).rejects.toMatchObject({
    code: 'engine-died',
    message: expect.stringContaining('exit code 1'),
    data: { lastWords: expect.stringContaining('engine-child') },
  });
});

test('an engine that is closed while a dead child is being replaced starts none', async () => {
  let children = 0;
  engine = startEngine({
    spawn: (entry) => {
      children++;
      return spawnNodeChild(entry);
    },
  });
  await engine.status();
  process.kill(engine.pid!, 'SIGKILL');
  while (engine.pid !== null) await wait(1);
  const opening = expect(engine.open(sumOfNine())).rejects.toMatchObject({ code: 'engine-died' });
  await engine.close();
  await opening;
  expect(children).toBe(1);
});

/** False for a process that ended, also while nobody has collected it yet. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
