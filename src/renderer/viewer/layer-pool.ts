/**
 * The label layers of the open slide: made when first shown, told what exists, kept up to date by events.
 * It draws nothing and chooses nothing.
 */
import type { Workstation } from '../api.ts';
import { LabelLayer } from './label-layer.ts';

export interface LayerPoolHost {
  /** Labels over a base tile changed in a layer. */
  onChange(layerId: number, column: number, row: number): void;
  onError(error: unknown): void;
}

export interface LayerPool {
  /** The layer, asked for its contents when it is new. */
  layer(layerId: number): LabelLayer;
  /** Resolves when the changed tiles in view are on screen; at once for a layer that was never shown. */
  markChanged(layerId: number, revision: number, tiles: readonly number[]): Promise<void>;
  /** Asks again what every layer holds, after events may have been missed. */
  refresh(): void;
  close(): void;
}

const RETRY_MS = 1500;

export function createLayerPool(workstation: Workstation, host: LayerPoolHost): LayerPool {
  const layers = new Map<number, LabelLayer>();
  let closed = false;

  async function load(layer: LabelLayer): Promise<void> {
    try {
      const { revision, tiles } = await workstation.client.mask.tiles({ layerId: layer.layerId });
      if (!closed) layer.setContents(revision, tiles);
    } catch (error) {
      if (closed) return;
      host.onError(error);
      setTimeout(() => void (closed || load(layer)), RETRY_MS);
    }
  }

  return {
    layer(layerId) {
      let layer = layers.get(layerId);
      if (layer === undefined) {
        layer = new LabelLayer(layerId, {
          fetchTile: (address, revision) => workstation.maskTile(layerId, address, revision),
          onChange: ({ column, row }) => host.onChange(layerId, column, row),
          onError: (error) => host.onError(error),
        });
        layers.set(layerId, layer);
        void load(layer);
      }
      return layer;
    },
    markChanged: (layerId, revision, tiles) => layers.get(layerId)?.markChanged(revision, tiles) ?? Promise.resolve(),
    refresh() {
      for (const layer of layers.values()) void load(layer);
    },
    close() {
      closed = true;
      for (const layer of layers.values()) layer.close();
    },
  };
}
