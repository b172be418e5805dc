/** What the engine tells of itself and of a model: plain data that crosses the process border. */
import type { ProviderStatus } from '../../core/contract.ts';
import type { Lowering } from '../../core/nn/training.ts';

export type ProviderName = 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';

export interface EngineStatus {
  /** The provider in use, and why it is not the one asked for. */
  readonly provider: ProviderName;
  readonly fallbackReason: string | null;
  readonly providers: readonly ProviderStatus[];
  /** What the provider runs on, in words ("AMD EPYC …, 2 threads"), as far as it is known. */
  readonly device: string;
  readonly threads: number;
  readonly runtimeVersion: string;
  /** The form of a training step that is quickest here, proved by a probe. */
  readonly lowering: Lowering;
}

/** Null: neither the runtime nor the system tells. */
export interface DeviceFacts {
  readonly device: string | null;
  readonly driver: string | null;
}

/** What the engine's process knows of its surroundings. */
export interface EngineSurroundings extends DeviceFacts {
  /** The most memory that the process held so far. */
  readonly peakMemoryMb: number;
}

/** Where the nodes of a graph ran. */
export interface NodePlaces {
  readonly nodes: number;
  readonly onCpu: number;
  /** Kinds of the nodes that ran on the CPU. */
  readonly cpuOperators: readonly string[];
  /** Copies between the CPU's and a device's memory that the runtime put in. */
  readonly copies: number;
}

/** What a user's model is, as its file says and as a trial run on random pixels showed. Sizes in pixels. */
export interface ModelInspection {
  readonly inputName: string;
  /** The output that holds one value per class and pixel, N,K,H,W. */
  readonly outputName: string;
  /** K. 1 means foreground against the rest. */
  readonly classes: number;
  readonly layout: 'NCHW';
  /** The only batch size it takes, or null where any will do. */
  readonly fixedBatch: number | null;
  readonly dynamicSize: boolean;
  /** The only height and width it takes; null where `dynamicSize`. */
  readonly fixedSize: { readonly heightPx: number; readonly widthPx: number } | null;
  /** Height and width must be multiples of this (found by trying 1, 2, 4 … 64). 1 where the size is fixed. */
  readonly sizeMultiple: number;
  /** 'probabilities' where the trial's outputs lay in 0…1 (and summed to 1 over the classes, K > 1); a guess from one run. */
  readonly values: 'probabilities' | 'logits';
  /** Numbers stored in the file's initialisers. */
  readonly parameters: number;
  readonly opset: number;
}
