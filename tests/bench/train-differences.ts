/** Proof that two sides did the same step: how far apart they are after it. */
import type { Learned } from './train-side.ts';

export interface AfterStep extends Learned {
  readonly loss: number;
}

/** Each is max|a − b| / max|b|; `gradient` is of the clipped gradient, as the first moments hold it. */
export interface Differences {
  readonly loss: number;
  readonly gradient: number;
  readonly weights: number;
}

/** Throws where the two do not even have the same size. */
export function compareLearned(ours: AfterStep, peer: AfterStep): Differences {
  return {
    loss: relative([ours.loss], [peer.loss]),
    gradient: relative(ours.moments, peer.moments),
    weights: relative(ours.weights, peer.weights),
  };
}

function relative(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}: not the same network`);
  let [difference, largest] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(b[i]));
  }
  return Number((difference / largest).toPrecision(3));
}
