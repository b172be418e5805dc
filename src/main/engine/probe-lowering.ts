/**
 * Which form of the training step suits the provider in use. The blocked layout of the CPU depends on the processor, and a
 * wrong block size gives wrong numbers without an error: a small convolution is run both ways and must give the same. Child
 * only; once for each process.
 */
import { Tensor as RuntimeTensor } from 'onnxruntime-node';
import { BLOCKED_DOMAIN } from '../../core/nn/blocked-draft.ts';
import { blockLayout } from '../../core/nn/blocked-layout.ts';
import { GraphBuilder } from '../../core/nn/builder.ts';
import { encodeModel } from '../../core/nn/onnx.ts';
import type { Lowering } from '../../core/nn/training.ts';
import { createRandom } from '../../core/random.ts';
import type { ProviderName } from './engine-facts.ts';
import { openRuntime } from './runtime.ts';

/** AVX-512 and ARM work in blocks of 16, older x86 in 8. */
const BLOCKS = [16, 8] as const;
const CHANNELS = 32;
const IMAGE = [1, CHANNELS, 6, 6];
const WEIGHTS = [CHANNELS, CHANNELS, 3, 3];
const TOLERANCE = 1e-4;

/** 3-D convolutions take WebGPU thirty seconds to prepare; a matrix product per tap is quick on every GPU. */
export async function loweringOn(provider: ProviderName): Promise<Lowering> {
  if (provider !== 'cpu') return { weightGradient: 'shifted-matmul' };
  const expected = await convolve(null);
  for (const block of BLOCKS) {
    if (expected && (await agrees(block, expected))) return { weightGradient: 'conv3d', blocked: block };
  }
  return { weightGradient: 'conv3d' };
}

async function agrees(block: number, expected: Float32Array): Promise<boolean> {
  const got = await convolve(block);
  return got?.every((value, i) => Math.abs(value - expected[i]!) <= TOLERANCE) ?? false;
}

/** Null where this runtime does not know the layout. */
async function convolve(block: number | null): Promise<Float32Array | null> {
  const session = await openRuntime(probe(block), { provider: 'cpu', threads: 1 }, { purpose: 'training' }).catch(
    () => null,
  );
  if (session === null) return null;
  try {
    const { y } = await session.run({ x: noise(1, IMAGE), w: noise(2, WEIGHTS) });
    return y!.data as Float32Array;
  } catch {
    return null;
  } finally {
    await session.release();
  }
}

/** ReLU(x ∗ w), with weights that come in as a training step's do. */
function probe(block: number | null): Uint8Array {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', IMAGE);
  const w = g.input('w', 'float32', WEIGHTS);
  g.output('y', g.op('Relu', [g.op('Conv', [x, w], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })]));
  const model = g.finish('probe of the blocked layout');
  if (block === null) return encodeModel(model);
  const { nodes, initialisers } = blockLayout(block)({ ...model.graph, values: g.shapes(), loss: 'y' });
  const opsets = new Map([...model.opsets, [BLOCKED_DOMAIN, 1] as const]);
  return encodeModel({ ...model, opsets, graph: { ...model.graph, nodes, initialisers } });
}

function noise(seed: number, dims: readonly number[]): RuntimeTensor {
  const random = createRandom(seed);
  const size = dims.reduce((product, dim) => product * dim, 1);
  return new RuntimeTensor(
    'float32',
    Float32Array.from({ length: size }, () => random.normal() / 8),
    dims,
  );
}
