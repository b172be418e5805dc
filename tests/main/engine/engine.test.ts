import { readFileSync } from 'node:fs';
import { constants, getPriority } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { startEngine } from '../../../src/main/engine/engine.ts';
import { addingStep, floats, slowFeed, slowGraph, sumOfNine } from './graphs.ts';

const engine = startEngine();
afterAll(() => engine.close());

test('a convolution gives the numbers that one works out by hand', async () => {
  const session = await engine.open(sumOfNine());
  const { y } = await session.run({
    x: floats(
      [1, 1, 4, 4],
      Array.from({ length: 16 }, (_, i) => i),
    ),
  });
  expect(y?.dims).toEqual([1, 1, 2, 2]);
  expect([...(y?.data ?? [])]).toEqual([45, 54, 81, 90]);
  await session.close();
});

test('the engine runs in a process of its own that gives way to the window', async () => {
  await engine.status();
  expect(engine.pid).not.toBe(process.pid);
  expect(getPriority(engine.pid!)).toBeGreaterThanOrEqual(constants.priority.PRIORITY_BELOW_NORMAL);
});

test('this process never loads onnxruntime itself', async () => {
  await engine.status();
  const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: readonly string[] };
  expect(sharedObjects.filter((path) => /onnxruntime/.test(path))).toEqual([]);
});

test('state moves on in the child from run to run and comes back only when it is read', async () => {
  const session = await engine.open(addingStep(), {
    state: { theta: 'theta_o' },
    initial: { theta: floats([3], [10, 20, 30]) },
    purpose: 'training',
  });
  const losses: unknown[] = [];
  for (let step = 0; step < 4; step++) {
    const answer = await session.run({ x: floats([3], [1, 2, 3]) });
    expect(Object.keys(answer)).toEqual(['loss']);
    losses.push(answer.loss?.data[0]);
  }
  expect(losses).toEqual([66, 72, 78, 84]);
  const { theta } = await session.readState();
  expect(theta).toEqual(floats([3], [14, 28, 42]));
});

test('a run that fails leaves the state as it was', async () => {
  const session = await engine.open(addingStep(), {
    state: { theta: 'theta_o' },
    initial: { theta: floats([3], [1, 1, 1]) },
  });
  await expect(session.run({ x: floats([2], [1, 2]) })).rejects.toMatchObject({ code: 'model-unusable' });
  expect((await session.readState()).theta).toEqual(floats([3], [1, 1, 1]));
});

test('two sessions keep their states apart', async () => {
  const openAt = (start: number) =>
    engine.open(addingStep(), { state: { theta: 'theta_o' }, initial: { theta: floats([3], [start, 0, 0]) } });
  const [one, two] = await Promise.all([openAt(0), openAt(100)]);
  await Promise.all([one.run({ x: floats([3], [1, 0, 0]) }), two.run({ x: floats([3], [5, 0, 0]) })]);
  expect((await one.readState()).theta?.data[0]).toBe(1);
  expect((await two.readState()).theta?.data[0]).toBe(105);
});

test('wrong inputs are refused by name and the session goes on', async () => {
  const session = await engine.open(sumOfNine());
  const good = floats([1, 1, 4, 4], Array(16).fill(1));
  const refusals: [Record<string, ReturnType<typeof floats>>, RegExp][] = [
    [{}, /"x" not given/],
    [{ image: good }, /"x" not given; "image" not an input.*feed exactly "x"/],
    [{ x: good, extra: good }, /"extra" not an input/],
    [{ x: floats([1, 1, 5, 5], Array(25).fill(1)) }, /invalid dimensions/i],
    [{ x: floats([4, 4], Array(16).fill(1)) }, /rank/i],
    [{ x: { ...good, dims: [1, 1, 4, 5] } }, /"x" \(float32 \[1,1,4,5\]\) is not sound/],
    [{ x: { type: 'int32', dims: [1, 1, 4, 4], data: new Int32Array(16) } }, /data type/i],
  ];
  for (const [feeds, sentence] of refusals) {
    const refusal = expect(session.run(feeds)).rejects;
    await refusal.toMatchObject({ code: 'model-unusable', message: expect.stringMatching(sentence) });
  }
  expect((await session.run({ x: good })).y?.data[0]).toBe(9);
});

test('a state that the graph does not have is refused when the session is opened', async () => {
  const theta = floats([3], [0, 0, 0]);
  const wrong = [
    { state: { weights: 'theta_o' }, initial: { weights: theta } },
    { state: { theta: 'weights_o' }, initial: { theta } },
    { state: { theta: 'theta_o' } },
    { initial: { theta } },
  ];
  for (const options of wrong) {
    await expect(engine.open(addingStep(), options)).rejects.toMatchObject({ code: 'model-unusable' });
  }
});

test('bytes that are no model are refused in words', async () => {
  const model = sumOfNine();
  const refusals: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /is empty/],
    [new TextEncoder().encode('not a model at all'), /not an ONNX model/],
    [model.subarray(0, model.length - 20), /stops short/],
  ];
  for (const [bytes, sentence] of refusals) {
    await expect(engine.open(bytes)).rejects.toMatchObject({
      code: 'model-unusable',
      message: expect.stringMatching(sentence),
    });
  }
});

test('closing a session drops its waiting runs at once and leaves other sessions alone', async () => {
  const busy = await engine.open(slowGraph(25));
  const impatient = await engine.open(sumOfNine());
  const underWay = busy.run(slowFeed());
  const waiting = [1, 2, 3].map(() => impatient.run({ x: floats([1, 1, 4, 4], Array(16).fill(1)) }));
  const outcomes = Promise.allSettled(waiting);
  let finished = false;
  void underWay.then(() => {
    finished = true;
  });
  const closing = impatient.close();
  for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'cancelled' } });
  expect(finished).toBe(false);
  expect((await underWay).y?.dims).toEqual([1024, 1024]);
  await closing;
  await expect(impatient.run({})).rejects.toMatchObject({ code: 'cancelled' });
  await expect(impatient.close()).resolves.toBeUndefined();
});

test('this process stays quick while a run is under way', async () => {
  const session = await engine.open(slowGraph(120));
  let quick = false;
  for (let attempt = 0; attempt < 5 && !quick; attempt++) {
    const started = performance.now();
    const gap = await worstGap(session.run(slowFeed()));
    quick = gap < Math.max(50, (performance.now() - started) / 20);
  }
  expect(quick).toBe(true);
});

test.runIf(process.platform === 'linux')('an idle session does not spin: it leaves the cores to others', async () => {
  const session = await engine.open(slowGraph(8));
  await session.run(slowFeed());
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = processorSeconds(engine.pid!);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(processorSeconds(engine.pid!) - before).toBeLessThan(0.1);
  await session.close();
});

/** What a process has used of the processor so far (proc(5): utime and stime, in ticks of 10 ms). */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The longest time in ms that this event loop kept a 5 ms timer waiting before `work` was done. */
async function worstGap(work: Promise<unknown>): Promise<number> {
  let done = false;
  void work.finally(() => {
    done = true;
  });
  const start = performance.now();
  let worst = 0;
  for (let last = start; !done; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const now = performance.now();
    worst = Math.max(worst, now - last);
    last = now;
  }
  expect(performance.now() - start).toBeGreaterThan(300);
  return worst;
}
