/** The built-in U-Net as an ordinary ONNX model: what a project starts with and what training from scratch begins at. */
import type { OnnxModel } from './graph.ts';

export interface UNetOptions {
  readonly inputChannels: number;
  readonly classes: number;
  /** Width of each level, finest first, such as [16, 32, 64, 128]. */
  readonly channels: readonly number[];
  readonly seed: number;
}

/** Input `image` float32 [N,C,H,W] (H, W divisible by 2^(levels−1)), output `logits` float32 [N,K,H,W]. He initialisation. */
export function buildUnet(_options: UNetOptions): OnnxModel {
  throw new Error('bug: not built yet');
}

/** Melts frozen BatchNormalization into the convolution before it: the same function, faster to predict with. */
export function foldBatchNorm(_model: OnnxModel): OnnxModel {
  throw new Error('bug: not built yet');
}
