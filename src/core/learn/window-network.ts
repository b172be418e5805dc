/**
 * A segmentation network as predicting sees it: a picture in, a byte a pixel and class out. Opens a model with bytes at its
 * border where that can be done (`nn/byte-border`), and does the same around it in plain TypeScript where not.
 */
import { HistoloopError, isHistoloopError } from '../errors.ts';
import { type ByteBorder, PIXELS, SHARES, SOUND, sharePlanes, withByteBorder } from '../nn/byte-border.ts';
import type { OnnxModel } from '../nn/graph.ts';
import { decodeModel, encodeModel } from '../nn/onnx.ts';
import { quantiseModel, type Range } from '../nn/quantise.ts';
import type { OpenSession, Session } from '../nn/session.ts';
import type { RgbImage } from '../slide.ts';
import type { ModelCard } from './model-card.ts';
import { probabilitiesOf } from './probabilities.ts';
import { imagesToTensor } from './tensors.ts';

export interface WindowNetwork {
  /**
   * Shares [P,H,W] of a picture: 255 × probability. Two classes: P is 1, the second class's; else one plane a class.
   * Errors: `model-unusable`, `model-output-invalid`, and those of the session.
   */
  run(image: RgbImage): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Errors: `model-unusable`, and those of `open`. */
export async function openWindowNetwork(open: OpenSession, model: Uint8Array, card: ModelCard): Promise<WindowNetwork> {
  const bordered = borderedModel(model, card);
  if (bordered === null) return floatNetwork(await open(model, { purpose: 'inference' }), card);
  return byteNetwork(await open(encodeModel(bordered), { purpose: 'inference' }), card);
}

/** The same network in 8 bits (`nn/quantise`). Errors: `model-unusable`, also where our reader cannot hold the model. */
export async function openEightBitNetwork(
  open: OpenSession,
  { model, card, ranges }: { model: OnnxModel; card: ModelCard; ranges: ReadonlyMap<string, Range> },
): Promise<WindowNetwork> {
  const bytes = encodeModel(quantiseModel(withByteBorder(model, borderOf(card)), ranges));
  return byteNetwork(await open(bytes, { purpose: 'inference' }), card);
}

function borderOf({ input, output, outputKind, classes, normalisation }: ModelCard): ByteBorder {
  return { input, output, outputKind, classes: classes.length, ...normalisation };
}

/** Null where the model holds what our own reader does not (onnxruntime may still run it). */
function borderedModel(model: Uint8Array, card: ModelCard): OnnxModel | null {
  try {
    return withByteBorder(decodeModel(model), borderOf(card));
  } catch (error) {
    if (isHistoloopError(error) && error.code === 'model-unusable') return null;
    throw error;
  }
}

/** A session that was opened on `withByteBorder`. */
function byteNetwork(session: Session, card: ModelCard): WindowNetwork {
  return {
    run: async (image) => {
      const dims = [1, image.height, image.width, 3];
      const outputs = await session.run({ [PIXELS]: { type: 'uint8', dims, data: image.data } });
      const [shares, sound] = [outputs[SHARES]!, outputs[SOUND]!];
      const wanted = [1, sharePlanes(card.classes.length), image.height, image.width];
      if (shares.dims.join() !== wanted.join()) {
        const message = `model ${card.name} answered [${shares.dims.join(', ')}] values for a picture of ${image.width}×${image.height}, not one for each pixel; use another model`;
        throw new HistoloopError('model-unusable', message);
      }
      if (sound.data[0] !== 0) throw notNumbers(card);
      return shares.data as Uint8Array;
    },
    close: () => session.close(),
  };
}

function notNumbers(card: ModelCard): HistoloopError {
  const message = `model ${card.name} answered values that are no numbers; nothing of it was stored: go back to an earlier version of the model`;
  return new HistoloopError('model-output-invalid', message);
}

/** A session that was opened on the model as it is: takes and gives float32. */
export function floatNetwork(session: Session, card: ModelCard): WindowNetwork {
  return {
    run: async (image) => {
      const outputs = await session.run({ [card.input]: imagesToTensor([image], card.normalisation) });
      const shape = [1, card.classes.length, image.height, image.width];
      return toShares(probabilitiesOf(outputs[card.output], card, shape), card.classes.length);
    },
    close: () => session.close(),
  };
}

function toShares(probabilities: Float32Array, classes: number): Uint8Array {
  const byte = (share: number) => Math.floor(Math.max(0, Math.min(1, share)) * 255 + 0.5);
  if (classes !== 2) return Uint8Array.from(probabilities, byte);
  const plane = probabilities.length / 2;
  const shares = new Uint8Array(plane);
  for (let i = 0; i < plane; i++) shares[i] = byte((1 + probabilities[plane + i]! - probabilities[i]!) / 2);
  return shares;
}
