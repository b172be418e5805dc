/** The networks that training is timed on, each at the size at which the application trains it, and one batch of data. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { buildDenoisingUnet, DENOISING_SHAPES, type DenoisingShape } from '../../src/core/nn/denoising-unet.ts';
import type { OnnxModel } from '../../src/core/nn/graph.ts';
import { decodeModel } from '../../src/core/nn/onnx.ts';
import type { Tensor } from '../../src/core/nn/session.ts';
import { buildUnet } from '../../src/core/nn/unet.ts';
import { createRandom } from '../../src/core/random.ts';

export interface BenchNetwork {
  readonly name: string;
  readonly batch: number;
  readonly edgePx: number;
  readonly classes: number;
  readonly model: () => OnnxModel;
  /** What tests/bench/peers builds the same network from. */
  readonly twin: Readonly<Record<string, unknown>>;
}

const builtIn = resolve(import.meta.dirname, '../../resources/models/nuclei-unet.onnx');

function unet(
  name: string,
  batch: number,
  edgePx: number,
  channels: readonly number[] = [16, 32, 64, 128],
): BenchNetwork {
  const options = { inputChannels: 3, classes: 4, channels, seed: 1 };
  return {
    name,
    batch,
    edgePx,
    classes: options.classes,
    model: () => buildUnet(options),
    twin: { kind: 'unet', ...options },
  };
}

/** The networks of the diffusion recipes as segmenters: time 0, four classes. */
function denoiser(name: string, batch: number, edgePx: number, shape: DenoisingShape): BenchNetwork {
  const options = { shape, inputChannels: 3, outputChannels: 4, time: 'zero', seed: 1 } as const;
  return {
    name,
    batch,
    edgePx,
    classes: options.outputChannels,
    model: () => buildDenoisingUnet(options),
    twin: { kind: 'denoising', ...options },
  };
}

/** Patches of the built-in network as `src/core/learn/segment.ts` draws them: 4 of 128². XS and S at seeds-spec T3's 8 of 64². */
export const NETWORKS: readonly BenchNetwork[] = [
  {
    ...unet('built-in U-Net 4×128²', 4, 128),
    classes: 2,
    model: () => decodeModel(new Uint8Array(readFileSync(builtIn))),
    twin: { kind: 'unet', inputChannels: 3, classes: 2, channels: [16, 32, 64, 128] },
  },
  unet('U-Net 16-32-64-128 4×256²', 4, 256),
  unet('U-Net 16-32-64-128 8×128²', 8, 128),
  denoiser('seeds-spec XS 8×64²', 8, 64, DENOISING_SHAPES.xs),
  denoiser('seeds-spec S 8×64²', 8, 64, DENOISING_SHAPES.s),
];

/** For tests of the bench itself: milliseconds a step. */
export const TINY = unet('tiny U-Net 2×32²', 2, 32, [4, 8]);

export interface BenchBatch {
  /** float32 [N,3,H,W] */
  readonly image: Tensor;
  /** int32 [N,1,H,W] */
  readonly target: Tensor;
  /** float32 [N,1,H,W], one pixel in eight ignored. */
  readonly weight: Tensor;
}

/** Seeded noise over a chequered truth: what a step costs does not depend on what is in the picture. */
export function drawBatch({ batch, edgePx, classes }: BenchNetwork): BenchBatch {
  const random = createRandom(7);
  const pixels = batch * edgePx * edgePx;
  const place = (i: number) => ((i % edgePx) >> 4) + ((Math.floor(i / edgePx) % edgePx) >> 4);
  const dims = [batch, 1, edgePx, edgePx];
  return {
    image: {
      type: 'float32',
      dims: [batch, 3, edgePx, edgePx],
      data: Float32Array.from({ length: 3 * pixels }, () => random.normal()),
    },
    target: { type: 'int32', dims, data: Int32Array.from({ length: pixels }, (_, i) => place(i) % classes) },
    weight: { type: 'float32', dims, data: Float32Array.from({ length: pixels }, (_, i) => (i % 8 === 0 ? 0 : 1)) },
  };
}
