/** The one network that is kept open for predicting, so that the next tile or job need not load it again. */
import type { ModelCard } from '../core/learn/model-card.ts';
import { openEightBitNetwork, openWindowNetwork, type WindowNetwork } from '../core/learn/window-network.ts';
import { decodeModel } from '../core/nn/onnx.ts';
import type { Range } from '../core/nn/quantise.ts';
import type { Engine } from './engine/engine.ts';

/** What the values of a model were measured to be, by name: with it, it runs in 8 bits. */
export type Ranges = ReadonlyMap<string, Range>;

interface Runnable {
  readonly version: { readonly modelId: string };
  readonly card: ModelCard;
  readonly bytes: Uint8Array;
}

export interface WarmNetwork {
  /** Another model's request closes the one before, and so does the same model's in another form. */
  network(model: Runnable, ranges?: Ranges | null): Promise<WindowNetwork>;
  close(): Promise<void>;
}

export function createWarmNetwork(engine: Engine): WarmNetwork {
  let warm: { modelId: string; ranges: Ranges | null; network: Promise<WindowNetwork> } | null = null;

  async function close(): Promise<void> {
    const old = warm;
    warm = null;
    if (old) await old.network.then((network) => network.close()).catch(() => {});
  }

  return {
    async network({ version: { modelId }, bytes, card }, ranges = null) {
      if (warm?.modelId === modelId && (warm.ranges !== null) === (ranges !== null)) {
        const alive = await warm.network.catch(() => null);
        if (alive) return alive;
      }
      await close();
      const network =
        ranges === null
          ? openWindowNetwork(engine.open, bytes, card)
          : openEightBitNetwork(engine.open, { model: decodeModel(bytes), card, ranges });
      warm = { modelId, ranges, network };
      return network;
    },
    close,
  };
}
