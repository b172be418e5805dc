/** What the engine can run but predicting here cannot use. */
import type { ModelInspection } from './engine-facts.ts';

/** The end of a sentence that begins with the model, or null where it fits. */
export function whyUnfit({ fixedSize, fixedBatch }: Pick<ModelInspection, 'fixedSize' | 'fixedBatch'>): string | null {
  if (fixedSize && fixedSize.heightPx !== fixedSize.widthPx) {
    return `takes only pictures of ${fixedSize.widthPx}×${fixedSize.heightPx}; export it for square ones, or with free height and width`;
  }
  if (fixedBatch === null || (fixedBatch === 1 && fixedSize)) return null;
  return `takes pictures only ${fixedBatch} at a time; export it with a free batch size`;
}
