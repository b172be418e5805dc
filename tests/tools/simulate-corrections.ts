/** What a person would leave behind on a field whose truth is known: the stand-in for people in tests and experiments. */
import { ACCEPTED_BIT, NOTHING } from '../../src/core/label.ts';
import type { TrainingBlock } from '../../src/core/learn/blocks.ts';

/**
 * How a field is corrected.
 * `whole`: wrong pixels painted over, everything else accepted. `painted`: wrong pixels painted, nothing said elsewhere.
 * `missed-only`: only missed foreground painted, nothing taken away.
 */
export type Manner = 'whole' | 'painted' | 'missed-only';

/** A block whose `human` is the truth becomes one that a person has corrected, looking at `predicted` (label ids). */
export function correct(truth: TrainingBlock, predicted: Uint8Array, manner: Manner): TrainingBlock {
  const human = truth.human.map((label, i) => {
    if (label !== predicted[i]) return manner === 'missed-only' && label === 1 ? NOTHING : label;
    return manner === 'whole' ? label | ACCEPTED_BIT : NOTHING;
  });
  return { ...truth, human, predicted };
}
