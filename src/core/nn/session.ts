/**
 * How core runs a network without knowing what runs it: the slow reference (`reference.ts`) and the engine's process
 * (`main/engine`) are its two makers.
 */

export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;
export type TensorType = 'float32' | 'float64' | 'int32' | 'int64' | 'uint8' | 'bool';

export interface Tensor {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

export interface SessionOptions {
  /**
   * State that stays with the session between runs: input name → the output that becomes that input of the next run.
   * State outputs are not returned by `run`; `readState` fetches them.
   */
  readonly state?: Readonly<Record<string, string>>;
  /** First values of the state inputs. */
  readonly initial?: Readonly<Record<string, Tensor>>;
  /** `training` trades start-up optimisation for memory (no memory pattern); `inference` folds constants fully. */
  readonly purpose?: 'training' | 'inference';
}

export interface Session {
  /** Runs the graph once. Errors: `model-unusable` (inputs do not fit), `engine-died`, `cancelled` (session closed). */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  /** Current values of the state, by input name. */
  readState(): Promise<Record<string, Tensor>>;
  close(): Promise<void>;
}

/** Opens ONNX bytes. Errors: `model-unusable` with the runtime's own reason. */
export type OpenSession = (model: Uint8Array, options?: SessionOptions) => Promise<Session>;
