/**
 * The bare session of `bench:predict`: onnxruntime in a process of its own, as the engine sets it up, with every input in
 * its memory before the clock starts. Answers each message in turn.
 */
import { availableParallelism, constants, setPriority } from 'node:os';
import { type InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import type { OnnxModel } from '../../src/core/nn/graph.ts';
import { encodeModel } from '../../src/core/nn/onnx.ts';
import type { Tensor } from '../../src/core/nn/session.ts';
import { openRuntime } from '../../src/main/engine/runtime.ts';

export type ToBare =
  | { readonly kind: 'open'; readonly name: string; readonly model: Uint8Array; readonly inputs: readonly Tensor[] }
  /** Runs every input once; answers milliseconds. */
  | { readonly kind: 'run'; readonly name: string; readonly first?: number }
  /** Multiplies square matrices for a second; answers GFLOP/s. */
  | { readonly kind: 'matmul'; readonly size: number };

const ON = { provider: 'cpu', threads: availableParallelism() } as const;
const opened = new Map<string, { session: InferenceSession; inputs: RuntimeTensor[] }>();

async function open({ name, model, inputs }: Extract<ToBare, { kind: 'open' }>): Promise<number> {
  const session = await openRuntime(model, ON, { purpose: 'inference' });
  const tensors = inputs.map(({ type, data, dims }) => new RuntimeTensor(type, data as never, dims) as RuntimeTensor);
  opened.set(name, { session, inputs: tensors });
  return run({ kind: 'run', name, first: 2 });
}

async function run({ name, first }: Extract<ToBare, { kind: 'run' }>): Promise<number> {
  const { session, inputs } = opened.get(name)!;
  const start = performance.now();
  for (const input of inputs.slice(0, first)) await session.run({ [session.inputNames[0]!]: input });
  return performance.now() - start;
}

function matmulModel(size: number): OnnxModel {
  const value = (name: string) => ({ name, type: 'float32', dims: [size, size] }) as const;
  const node = { name: 'c', op: 'MatMul', domain: '', inputs: ['a', 'b'], outputs: ['c'], attributes: {} };
  return {
    irVersion: 8,
    opsets: new Map([['', 18]]),
    producer: '',
    metadata: new Map(),
    graph: {
      name: 'matmul',
      nodes: [node],
      initialisers: new Map(),
      inputs: [value('a'), value('b')],
      outputs: [value('c')],
    },
  };
}

async function matmul(size: number): Promise<number> {
  const session = await openRuntime(encodeModel(matmulModel(size)), ON, { purpose: 'inference' });
  const matrix = () => new RuntimeTensor('float32', new Float32Array(size * size).map(Math.random), [size, size]);
  const feeds = { a: matrix(), b: matrix() };
  await session.run(feeds);
  const times: number[] = [];
  for (let total = 0; total < 1000 || times.length < 5; total += times.at(-1)!) {
    const start = performance.now();
    await session.run(feeds);
    times.push(performance.now() - start);
  }
  await session.release();
  return (2e-6 * size ** 3) / times.sort((a, b) => a - b)[times.length >> 1]!;
}

setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
process.on('message', async (message: ToBare) => {
  if (message.kind === 'open') process.send!(await open(message));
  else if (message.kind === 'run') process.send!(await run(message));
  else process.send!(await matmul(message.size));
});
