/**
 * Turns an inference network into ONE ordinary graph that does a whole training step: forward, loss, backward,
 * optimiser. It builds bytes and reads results; it never runs anything (`OpenSession` does).
 */
import type { OnnxModel } from './graph.ts';
import type { SessionOptions, Tensor } from './session.ts';

export interface LossWeights {
  readonly crossEntropy: number;
  readonly dice: number;
  readonly focal: number;
}

export type Optimiser =
  | {
      readonly kind: 'adamw';
      /** Decoupled weight decay per unit of learning rate; biases and normalisation are never decayed. Default 0.01. */
      readonly weightDecay?: number;
      readonly beta1?: number;
      readonly beta2?: number;
      readonly epsilon?: number;
    }
  | { readonly kind: 'sgd'; readonly momentum?: number; readonly weightDecay?: number };

/** How gradients are spelled in operators; the numbers are the same. */
export interface Lowering {
  /** `conv3d` is fastest on a CPU, `shifted-matmul` on WebGPU. */
  readonly weightGradient: 'conv3d' | 'shifted-matmul';
}

export interface TrainingOptions {
  readonly batch: number;
  readonly heightPx: number;
  readonly widthPx: number;
  readonly loss: LossWeights;
  /** `frozen` keeps the running averages as they are (fine-tuning); `batch` normalises by the batch and learns them. */
  readonly batchNorm: 'frozen' | 'batch';
  readonly optimiser: Optimiser;
  /** Longest gradient (global L2 norm), or null for no clipping. */
  readonly clipNorm: number | null;
  /** Which parameters may change, by name; all where left out. */
  readonly trainable?: (name: string) => boolean;
  readonly lowering?: Lowering;
  /** Adds the flat gradient as output `gradient` (after clipping); for tests. */
  readonly exposeGradient?: boolean;
}

export interface ParameterEntry {
  readonly name: string;
  readonly dims: readonly number[];
  /** Where the parameter starts in the flat vector, in elements. */
  readonly offset: number;
  readonly trainable: boolean;
}

export interface ParameterLayout {
  readonly entries: readonly ParameterEntry[];
  /** Elements of the flat vector. */
  readonly length: number;
}

export interface InputSpec {
  readonly name: string;
  readonly type: 'float32' | 'int32';
  readonly dims: readonly number[];
}

export interface TrainingProgram {
  readonly bytes: Uint8Array;
  /** Where each parameter lies in state `theta` (and in `m` and `v`). */
  readonly layout: ParameterLayout;
  /** Where each running average lies in state `running`; empty with frozen normalisation. */
  readonly runningLayout: ParameterLayout;
  /** For `OpenSession`: the state and its first values. State names are stable, so a checkpoint may replace `initial`. */
  readonly sessionOptions: SessionOptions;
  readonly inputs: {
    /** float32 [N,C,H,W], scaled as the network wants it. */
    readonly image: InputSpec;
    /** int32 [N,1,H,W], class index 0…K−1; any other value counts as weight 0. */
    readonly target: InputSpec;
    /** float32 [N,1,H,W], how much each pixel counts; 0 = ignore. */
    readonly weight: InputSpec;
    /** float32 [n], see `stepHyper`. */
    readonly hyper: InputSpec;
  };
  /** K of the logits; a network with one logit is trained as two classes (0, logit). */
  readonly classes: number;
  /** The run's output `loss` is float32 [1]. */
  readonly outputs: { readonly loss: string };
}

/**
 * Builds the training step of a segmentation network.
 * Errors: `model-unusable` (an operator without gradient, no [N,C,H,W] input, no [N,K,H,W] logits), `bad-input` (options).
 */
export function buildTrainingProgram(_model: OnnxModel, _options: TrainingOptions): TrainingProgram {
  throw new Error('bug: not built yet');
}

/** The `hyper` input of one step; `step` counts from 1, so schedules need no rebuild. */
export function stepHyper(_step: number, _learningRate: number, _optimiser: Optimiser): Tensor {
  throw new Error('bug: not built yet');
}

/**
 * The inference network with learned weights (and running averages). `state` is what `Session.readState` returned;
 * `model` the network the program was built from.
 * Errors: `model-output-invalid` where a weight is not finite.
 */
export function writeParameters(
  _model: OnnxModel,
  _program: TrainingProgram,
  _state: Readonly<Record<string, Tensor>>,
): OnnxModel {
  throw new Error('bug: not built yet');
}
