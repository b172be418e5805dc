import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { childEntry } from '../../../src/main/engine/child-entry.ts';
import { compactViews } from '../../../src/main/engine/child-link.ts';
import { type SpawnChild, spawnNodeChild, startEngine } from '../../../src/main/engine/engine.ts';
import { DTYPES, tinyOnnx } from '../../fixtures/tiny-onnx.ts';
import { floats, sumOfNine } from './graphs.ts';

/** What Electron's utilityProcess does: structured clones both ways and `process.parentPort` in the child. */
const spawnLikeElectron: SpawnChild = (entry) => {
  const child = fork(new URL('./utility-child.ts', import.meta.url), [entry], {
    serialization: 'advanced',
    execArgv: [],
  });
  return {
    pid: child.pid,
    post: (message) => void child.send(structuredClone(message) as object),
    onMessage: (listener) => void child.on('message', listener),
    onExit: (listener) => void child.once('exit', (code) => listener(code, null)),
    kill: () => void child.kill('SIGKILL'),
  };
};

describe.each<[string, SpawnChild]>([
  ["Node's fork", spawnNodeChild],
  ['a stand-in for utilityProcess', spawnLikeElectron],
])('over %s', (_name, spawn) => {
  const engine = startEngine({ spawn, threads: 1 });
  afterAll(() => engine.close());

  test('every tensor type goes there and back unchanged', async () => {
    const tensors: Tensor[] = [
      { type: 'float32', dims: [3], data: Float32Array.of(1.5, -0, Number.NaN) },
      { type: 'float64', dims: [3], data: Float64Array.of(Math.PI, 1e300, -1) },
      { type: 'int32', dims: [3], data: Int32Array.of(-(2 ** 31), 0, 7) },
      { type: 'int64', dims: [3], data: BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 62n) },
      { type: 'uint8', dims: [3], data: Uint8Array.of(0, 128, 255) },
      { type: 'bool', dims: [3], data: Uint8Array.of(0, 1, 1) },
    ];
    for (const tensor of tensors) {
      const session = await engine.open(identity(tensor.type));
      expect((await session.run({ x: tensor })).y).toEqual(tensor);
      await session.close();
    }
  });

  test('an empty tensor and a scalar are tensors too', async () => {
    const session = await engine.open(identity('float32', ['n', 'm']));
    expect((await session.run({ x: floats([0, 4], []) })).y).toEqual(floats([0, 4], []));
    const scalar = await engine.open(identity('float32', []));
    expect((await scalar.run({ x: floats([], [7]) })).y).toEqual(floats([], [7]));
  });

  test('a view into the middle of a buffer arrives as that part', async () => {
    const session = await engine.open(sumOfNine());
    const pool = new Float32Array(1000).fill(1000);
    pool.fill(2, 500, 516);
    const x: Tensor = { type: 'float32', dims: [1, 1, 4, 4], data: pool.subarray(500, 516) };
    expect((await session.run({ x })).y?.data[0]).toBe(18);
    expect(pool[500]).toBe(2);
  });

  test('a model may be a view of a pooled Buffer', async () => {
    const session = await engine.open(Buffer.concat([Buffer.from('xyz'), sumOfNine()]).subarray(3));
    expect((await session.run({ x: floats([1, 1, 4, 4], Array(16).fill(1)) })).y?.data[0]).toBe(9);
  });

  test('an error keeps its code and sentence', async () => {
    await expect(engine.open(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({
      name: 'HistoloopError',
      code: 'model-unusable',
      message: expect.stringContaining('not an ONNX model'),
    });
  });

  test('an output of a type that we have no use for is refused', async () => {
    const half = tinyOnnx({
      inputs: [{ name: 'x', dims: [2] }],
      outputs: [{ name: 'y', dims: [2], type: 'float16' }],
      nodes: [{ op: 'Cast', inputs: ['x'], outputs: ['y'], int: { to: DTYPES.float16 } }],
    });
    const session = await engine.open(half);
    await expect(session.run({ x: floats([2], [1, 2]) })).rejects.toMatchObject({
      code: 'model-unusable',
      message: expect.stringContaining('"y" is float16'),
    });
  });
});

describe('before a message is sent', () => {
  test('a view on part of a buffer is cut out, a whole one is left as it is', () => {
    const pool = new Float32Array(1_000_000);
    const sent = compactViews({
      feeds: { part: { data: pool.subarray(10, 20) }, whole: { data: pool } },
      list: [1, 2],
    });
    expect(sent.feeds.part.data.buffer.byteLength).toBe(40);
    expect(sent.feeds.whole.data).toBe(pool);
    expect(sent.list).toEqual([1, 2]);
  });

  test('shared memory is copied out', () => {
    const shared = new Float32Array(new SharedArrayBuffer(12)).fill(5);
    const { data } = compactViews({ data: shared });
    expect(data.buffer).toBeInstanceOf(ArrayBuffer);
    expect([...data]).toEqual([5, 5, 5]);
  });
});

describe('the child script is found', () => {
  const folder = mkdtempSync(join(tmpdir(), 'histoloop-engine-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const touch = (name: string) => {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), '');
    return join(folder, name);
  };

  test('beside the sources, beside a bundle, and above its chunks', () => {
    const source = touch('src/engine-child.ts');
    expect(childEntry(pathToFileURL(join(folder, 'src/engine.ts')).href)).toBe(source);
    const built = touch('out/main/engine-child.js');
    expect(childEntry(pathToFileURL(join(folder, 'out/main/index.js')).href)).toBe(built);
    expect(childEntry(pathToFileURL(join(folder, 'out/main/chunks/engine-x.js')).href)).toBe(built);
  });

  test('or its absence is our own bug, said at once', () => {
    expect(() => childEntry(pathToFileURL(join(folder, 'nowhere/at/all/engine.js')).href)).toThrow(/no engine-child/);
  });
});

function identity(type: Tensor['type'], dims: (number | string)[] = [3]): Uint8Array {
  return tinyOnnx({
    inputs: [{ name: 'x', dims, type }],
    outputs: [{ name: 'y', dims, type }],
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
  });
}
