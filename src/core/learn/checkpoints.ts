/** Keeps the best of several weights by a score on blocks that were neither trained on nor held out for the comparison. */

export interface Checkpoint {
  readonly step: number;
  /** ONNX bytes. */
  readonly model: Uint8Array;
}

export interface CheckpointChoice {
  /** Scores the weights of a step and keeps them where nothing better is known; of equals the later one stays. */
  offer(step: number, model: Uint8Array): Promise<void>;
  /** The best so far, or null before the first offer. */
  best(): Checkpoint | null;
}

/** `score` null: there is nothing to choose by, and the last offer is the best. */
export function chooseCheckpoint(score: ((model: Uint8Array) => Promise<number>) | null): CheckpointChoice {
  let best: Checkpoint | null = null;
  let bestScore = Number.NEGATIVE_INFINITY;
  return {
    async offer(step, model) {
      const value = score === null ? bestScore : await score(model);
      if (value < bestScore) return;
      bestScore = value;
      best = { step, model };
    },
    best: () => best,
  };
}

/** Whether weights are looked at after this step: `count` times, evenly, the last step among them. */
export function isCheckpoint(step: number, total: number, count: number): boolean {
  return Math.floor((step * count) / total) > Math.floor(((step - 1) * count) / total);
}
