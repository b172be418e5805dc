/** Which form of the training step suits a provider (core/nn/README.md, step 8). */
import type { Lowering } from '../../core/nn/training.ts';

/** 3-D convolutions take WebGPU thirty seconds to prepare; a matrix product per tap is quick on every GPU. */
export function loweringOn(provider: string): Lowering {
  return { weightGradient: provider === 'cpu' ? 'conv3d' : 'shifted-matmul' };
}
