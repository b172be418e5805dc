/** Which of a slide's prediction layers stands for the model's view of it. */
import type { LayerRow, Store } from '../store/store-methods.ts';

export interface PredictedLayer {
  readonly layer: LayerRow;
  /** Tiles with labels, flat column, row … */
  readonly tiles: readonly number[];
}

/**
 * Prediction layers that hold any tile, the given model's first, then the newest first. A model that just went live has
 * an empty layer until it has predicted again: its parent's predictions stand until then.
 */
export async function predictedLayers(
  store: Store,
  slideId: string,
  modelId: string | null,
): Promise<PredictedLayer[]> {
  const layers = (await store.layersOf(slideId)).filter((layer) => layer.kind === 'prediction');
  const newest = layers.toSorted((a, b) => b.layerId - a.layerId);
  const ordered = newest.toSorted((a, b) => Number(b.modelId === modelId) - Number(a.modelId === modelId));
  const found: PredictedLayer[] = [];
  for (const layer of ordered) {
    const tiles = await store.tiles(layer.layerId);
    if (tiles.length > 0) found.push({ layer, tiles });
  }
  return found;
}

/** Tiles of `all` that are not in `some`. */
export function tilesMissing(all: readonly number[], some: readonly number[]): number[] {
  const known = new Set<string>();
  for (let i = 0; i < some.length; i += 2) known.add(`${some[i]},${some[i + 1]}`);
  const missing: number[] = [];
  for (let i = 0; i < all.length; i += 2) {
    if (!known.has(`${all[i]},${all[i + 1]}`)) missing.push(all[i]!, all[i + 1]!);
  }
  return missing;
}
