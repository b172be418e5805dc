/** Pictures of noise that models are tried on, the same on every machine. */
import { sizeOf } from '../../core/nn/tensor.ts';
import { createRandom } from '../../core/random.ts';

/** Values from 0 to 1, evenly spread. */
export function noise(dims: readonly number[], seed = 1): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: sizeOf(dims) }, () => random.next());
}
