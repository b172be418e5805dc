/** Which layers are on screen, from what the user chose and what the slide has. Pure. */
import type { PredictionLayer } from '../../core/contract.ts';
import type { ViewState } from '../state.ts';

export interface ShownLayers {
  readonly prediction: PredictionLayer | null;
  readonly humanShown: boolean;
}

export function shownLayers(
  view: Pick<ViewState, 'prediction' | 'compareWith' | 'showingBefore'>,
  predictions: readonly PredictionLayer[],
): ShownLayers {
  const after = chosen(view.prediction, predictions);
  if (!view.showingBefore) return { prediction: after, humanShown: true };
  if (view.compareWith === 'uncorrected') return { prediction: after, humanShown: false };
  return { prediction: chosen(view.compareWith, predictions), humanShown: true };
}

/** Predictions come newest first. */
function chosen(wanted: ViewState['prediction'], predictions: readonly PredictionLayer[]): PredictionLayer | null {
  if (wanted === 'none') return null;
  if (wanted === 'newest') return predictions[0] ?? null;
  return predictions.find((layer) => layer.layerId === wanted) ?? null;
}
