/** What examining a user's model is asked and tells: plain data that crosses the process border. */
import type { FoundNormalisation } from '../../core/nn/found-normalisation.ts';
import type { ModelInspection } from './engine-facts.ts';

export interface ExamineWish {
  /** Null: what is found. */
  readonly output: string | null;
  readonly activation: 'softmax' | 'sigmoid' | null;
  readonly channelOrder: 'rgb' | 'bgr';
}

export interface ModelFacts {
  /** The project model, ONNX bytes. */
  readonly bytes: Uint8Array;
  readonly project: ModelInspection;
  readonly producer: string;
  readonly opset: number;
  readonly parameters: number;
  readonly input: string;
  readonly outputs: readonly SeenOutput[];
  readonly output: string;
  readonly activation: 'softmax' | 'sigmoid';
  readonly activationWhy: string | null;
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
  readonly learning: Learning;
  readonly normalisation: FoundNormalisation | null;
  readonly classes: readonly string[] | null;
  readonly pixelSizeUm: number | null;
}

/** An output, with what speaks against taking it for the class map. */
export interface SeenOutput {
  readonly name: string;
  readonly said: string;
  readonly problem: string | null;
}

export interface Learning {
  /** Numbers that can learn. */
  readonly learnable: number;
  /** The same by part of the network, in its order. */
  readonly groups: readonly { readonly name: string; readonly parameters: number }[];
  /** Why it cannot be fine-tuned, in a sentence; null where it can. */
  readonly problem: string | null;
}
