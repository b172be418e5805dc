/** A small convolution with a known answer: a GPU is trusted only after it has given the CPU's numbers. Child only. */
import { Tensor as RuntimeTensor } from 'onnxruntime-node';
import type { OnnxModel, ValueInfo } from '../../core/nn/graph.ts';
import { encodeModel } from '../../core/nn/onnx.ts';
import type { Tensor } from '../../core/nn/session.ts';
import { createRandom } from '../../core/random.ts';
import type { ProviderName } from './engine-facts.ts';
import { openRuntime, reasonOf } from './runtime.ts';

const DIMS = [1, 8, 16, 16];
const WEIGHT_DIMS = [8, 8, 3, 3];
/** WebGPU may round differently; a wrong kernel is wrong by far more. */
const TOLERANCE = 1e-3;

/** Null where the provider works, else why it does not. It may take the whole process down; the parent reckons with that. */
export async function whyNot(provider: ProviderName): Promise<string | null> {
  try {
    const expected = await runProbe('cpu');
    const got = await runProbe(provider);
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0);
    return worst <= TOLERANCE ? null : `its numbers differ from the CPU's by ${worst.toPrecision(2)}`;
  } catch (cause) {
    return reasonOf(cause);
  }
}

async function runProbe(provider: ProviderName): Promise<Float32Array> {
  const session = await openRuntime(encodeModel(probeModel()), { provider, threads: 1 }, { purpose: 'inference' });
  try {
    const x = new RuntimeTensor('float32', noise(1, DIMS).data as Float32Array, DIMS);
    const { y } = await session.run({ x });
    return y!.data as Float32Array;
  } finally {
    await session.release();
  }
}

function probeModel(): OnnxModel {
  const value = (name: string): ValueInfo => ({ name, type: 'float32', dims: DIMS });
  const pads = { kind: 'ints', value: [1, 1, 1, 1] } as const;
  return {
    irVersion: 8,
    opsets: new Map([['', 17]]),
    producer: 'histoloop',
    metadata: new Map(),
    graph: {
      name: 'probe',
      inputs: [value('x')],
      outputs: [value('y')],
      initialisers: new Map([['w', noise(2, WEIGHT_DIMS)]]),
      nodes: [
        { name: 'conv', op: 'Conv', domain: '', inputs: ['x', 'w'], outputs: ['a'], attributes: { pads } },
        { name: 'relu', op: 'Relu', domain: '', inputs: ['a'], outputs: ['y'], attributes: {} },
      ],
    },
  };
}

function noise(seed: number, dims: readonly number[]): Tensor {
  const random = createRandom(seed);
  const size = dims.reduce((product, dim) => product * dim, 1);
  return { type: 'float32', dims, data: Float32Array.from({ length: size }, () => random.normal() / 8) };
}
