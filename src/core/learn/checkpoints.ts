/** Keeps the best of several weights by a score on blocks that were neither trained on nor held out for the comparison. */

export interface Checkpoint {
  readonly step: number;
  /** ONNX bytes. */
  readonly model: Uint8Array;
}

export interface CheckpointChoice {
  /** Scores the weights of a step and keeps them where nothing better is known; of equals the later one stays. */
  offer(step: number, model: Uint8Array): Promise<void>;
  /** The best so far with its score (null where there is nothing to choose by), or null before the first offer. */
  best(): ScoredCheckpoint | null;
}

export interface ScoredCheckpoint extends Checkpoint {
  readonly score: number | null;
}

/**
 * `score` null: there is nothing to choose by, and the last offer is the best. `before` is the best of an interrupted
 * training that goes on.
 */
export function chooseCheckpoint(
  score: ((model: Uint8Array) => Promise<number>) | null,
  before: ScoredCheckpoint | null = null,
): CheckpointChoice {
  let best = before;
  return {
    async offer(step, model) {
      const value = score === null ? null : await score(model);
      if (best !== null && value !== null && best.score !== null && value < best.score) return;
      best = { step, model, score: value };
    },
    best: () => best,
  };
}

/** Whether weights are looked at after this step: `count` times, evenly, the last step among them. */
export function isCheckpoint(step: number, total: number, count: number): boolean {
  return Math.floor((step * count) / total) > Math.floor(((step - 1) * count) / total);
}
