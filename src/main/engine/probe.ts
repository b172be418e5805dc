/** A small convolution with a known answer: a GPU is trusted only after it has given the CPU's numbers. Child only. */
import { Tensor as RuntimeTensor } from 'onnxruntime-node';
import { GraphBuilder } from '../../core/nn/builder.ts';
import type { OnnxModel } from '../../core/nn/graph.ts';
import { encodeModel } from '../../core/nn/onnx.ts';
import { sizeOf } from '../../core/nn/tensor.ts';
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
    const x = new RuntimeTensor('float32', drawn(1, DIMS), DIMS);
    const { y } = await session.run({ x });
    return y!.data as Float32Array;
  } finally {
    await session.release();
  }
}

function probeModel(): OnnxModel {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', DIMS);
  const w = g.floats(WEIGHT_DIMS, drawn(2, WEIGHT_DIMS));
  g.output('y', g.op('Relu', [g.op('Conv', [x, w], { pads: [1, 1, 1, 1] })]));
  return g.finish('probe');
}

/** Values around 0, as weights and activations have them. */
function drawn(seed: number, dims: readonly number[]): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: sizeOf(dims) }, () => random.normal() / 8);
}
