/** What the pixels of an average pool's windows weigh, as a constant of the graph. */
import type { GraphBuilder } from './builder.ts';
import { poolShares, type Window } from './window.ts';

export interface PooledPicture {
  /** Spatial sizes before and after pooling. */
  readonly image: readonly number[];
  readonly output: readonly number[];
  /** Whether padding counts as pixels. */
  readonly padding: boolean;
}

/** [1, 1, …output]: one over how many pixels each window holds; built axis by axis, so that nothing here grows with it. */
export function windowShares(g: GraphBuilder, window: Window, { image, output, padding }: PooledPicture): string {
  const along = output.map((count, axis) => {
    const dims = [1, 1, ...output.map((size, at) => (at === axis ? size : 1))];
    return g.floats(dims, poolShares(window, axis, { input: image[axis], output: count, padding }));
  });
  return along.reduce((a, b) => g.mul(a, b));
}
