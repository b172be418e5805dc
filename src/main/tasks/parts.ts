/** What every task is given: the parts of the workstation that it joins. */
import { HistoloopError } from '../../core/errors.ts';
import type { ModelCard } from '../../core/learn/model-card.ts';
import { GREATEST_SCALE, modelScale } from '../../core/learn/predict.ts';
import type { Engine } from '../engine/engine.ts';
import type { Events } from '../events.ts';
import type { ModelLibrary } from '../model-library.ts';
import type { OpenSlideEntry, SlideShelf } from '../slide-shelf.ts';
import type { Store } from '../store/store-methods.ts';

export interface Parts {
  readonly store: Store;
  readonly engine: Engine;
  readonly shelf: SlideShelf;
  readonly library: ModelLibrary;
  readonly events: Events;
  /** How often a training leaves a checkpoint. */
  readonly checkpointEveryMs: number;
}

/**
 * Model pixels per mask pixel of a slide; 1 where a pixel size is unknown.
 * Errors: `bad-input` where the two are more than 16 times apart.
 */
export function scaleFor(card: ModelCard, { row, info }: OpenSlideEntry): number {
  const scale = modelScale(card, info.pixelSize.xUm, row.maskDownsample);
  if (scale >= 1 / GREATEST_SCALE && scale <= GREATEST_SCALE) return scale;
  const message = `model ${card.name} wants ${card.pixelSizeUm} µm a pixel, ${row.name} has ${info.pixelSize.xUm}: they are too far apart; correct the slide's pixel size or choose another model`;
  throw new HistoloopError('bad-input', message);
}
