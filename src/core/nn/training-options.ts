/** What a training step is asked for, and what it is once built. Types and the check of them; nothing is built here. */
import { HistoloopError } from '../errors.ts';
import type { MemoryNeeds } from './fit-memory.ts';
import type { Lowering } from './grad-rule.ts';
import type { Adapter, AdapterOptions } from './lora.ts';
import { type LossTerm, lossKind } from './loss-terms.ts';
import type { Optimiser } from './optimisers.ts';
import type { ParameterLayout } from './parameters.ts';
import type { SessionOptions } from './session.ts';

export interface TrainingOptions {
  readonly batch: number;
  readonly heightPx: number;
  readonly widthPx: number;
  /** Terms that are added up, such as `[{ kind: 'cross-entropy' }, { kind: 'dice', factor: 0.5 }]`. */
  readonly loss: readonly LossTerm[];
  /** The network's output that `loss` is about; default: the likeliest class map (`rankOutputs`). */
  readonly output?: string;
  /** Further outputs to train on; each brings its own inputs (`TrainingProgram.heads`). */
  readonly heads?: readonly HeadOptions[];
  /** `frozen` keeps the running averages as they are (fine-tuning); `batch` normalises by the batch and learns them. */
  readonly batchNorm: 'frozen' | 'batch';
  readonly optimiser: Optimiser;
  /** Longest gradient (global L2 norm), or null for no clipping. */
  readonly clipNorm: number | null;
  /** Which parameters may change, by name; all where left out. A BatchNormalization whose scale may not stays frozen. */
  readonly trainable?: (name: string) => boolean;
  /** Learning rates by name, as multiples of the step's: the first group that takes a name counts; 0 freezes. */
  readonly groups?: readonly RateGroup[];
  /** Thin matrices learn in place of the weights they are on (LoRA); nothing else learns unless `trainable` names it. */
  readonly adapters?: AdapterOptions;
  /** Runs whose gradients are averaged before one update (`stepHyper`'s `apply`); default 1. Keeps state `accumulated`. */
  readonly accumulate?: number;
  /** Keeps a moving average of the weights as state `ema` (`stepHyper`'s `emaKeep`; `writeParameters` can write it). */
  readonly averageWeights?: boolean;
  /** The picture comes as bytes 0…255 and class targets as uint8; the step normalises: (byte / 255 − mean) / deviation. */
  readonly bytes?: ByteInputs;
  readonly lowering?: Lowering;
  /** Bytes that the process which runs the step may take: parts are computed twice where it would take more. */
  readonly memoryBudgetBytes?: number | undefined;
  /** Adds the flat gradient, before clipping, as output `gradient`; for tests. */
  readonly exposeGradient?: boolean;
}

export interface HeadOptions {
  readonly output: string;
  readonly loss: readonly LossTerm[];
}

export interface RateGroup {
  readonly on: (name: string) => boolean;
  readonly rate: number;
}

export interface ByteInputs {
  /** Per channel. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

export interface InputSpec {
  readonly name: string;
  readonly type: 'float32' | 'int32' | 'uint8';
  readonly dims: readonly number[];
}

/** What one head is told. */
export interface HeadInputs {
  /** Class index 0…K−1 [N,1,H,W] (any other value counts as weight 0), or values float32 [N,C,H,W]. */
  readonly target: InputSpec;
  /** float32 [N,1,H,W], how much each pixel counts; 0 = ignore. */
  readonly weight: InputSpec;
}

export interface TrainingProgram {
  readonly bytes: Uint8Array;
  /** What a run is expected to take on a CPU. */
  readonly memory: MemoryNeeds;
  /** Where each parameter that learns lies in state `theta` (and in `m` and `v`). Frozen ones are constants of the graph. */
  readonly layout: ParameterLayout;
  /** Where each running average lies in state `running`; empty with frozen normalisation. */
  readonly runningLayout: ParameterLayout;
  /** What `writeParameters` merges into the weights; empty without adapters. */
  readonly adapters: readonly Adapter[];
  /** Runs per update. */
  readonly accumulate: number;
  /** For `OpenSession`: the state and its first values. State names are stable, so a checkpoint may replace `initial`. */
  readonly sessionOptions: SessionOptions;
  readonly inputs: HeadInputs & {
    /** float32 [N,C,H,W], scaled as the network wants it; or uint8, 0…255. */
    readonly image: InputSpec;
    /** float32, see `stepHyper`. */
    readonly hyper: InputSpec;
  };
  /** K of the logits; a network with one logit is trained as two classes (0, logit). For values: their channels. */
  readonly classes: number;
  /** The further heads, in the order of the options. Inputs are called `target/OUTPUT` and `weight/OUTPUT`. */
  readonly heads: readonly (HeadInputs & { readonly output: string; readonly classes: number })[];
  /** The run's output `loss` is float32 [1]. */
  readonly outputs: { readonly loss: string };
}

/** Error: `bad-input`, naming the option. */
export function checkOptions(options: TrainingOptions): void {
  const { batch, heightPx, widthPx, clipNorm, loss, heads = [], groups = [], accumulate = 1 } = options;
  const sizes = [batch, heightPx, widthPx];
  if (!sizes.every((size) => Number.isInteger(size) && size > 0 && size <= 65536)) {
    throw new HistoloopError(
      'bad-input',
      `a batch of ${sizes.join('×')} is no batch of pictures; use whole positive numbers`,
    );
  }
  if (!(Number.isInteger(accumulate) && accumulate > 0))
    throw new HistoloopError('bad-input', `accumulate ${accumulate} must be a whole number of runs, 1 or more`);
  for (const terms of [loss, ...heads.map((head) => head.loss)]) lossKind(terms);
  if (clipNorm !== null && !(clipNorm > 0))
    throw new HistoloopError('bad-input', `clipNorm ${clipNorm} must be positive, or null`);
  const rates = groups.map((group) => group.rate);
  if (!rates.every((rate) => rate >= 0 && Number.isFinite(rate)))
    throw new HistoloopError('bad-input', `learning rates ${rates.join(', ')} must be 0 or more`);
}
