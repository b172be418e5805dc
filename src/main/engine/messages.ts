/** What crosses the border between the engine and its child. Plain data only: both ends may be structured clones apart. */
import type { PlainError } from '../../core/errors.ts';
import type { SessionOptions, Tensor } from '../../core/nn/session.ts';
import type { EngineStatus, EngineSurroundings, ModelInspection, NodePlaces, ProviderName } from './engine-facts.ts';
import type { ExamineWish, ModelFacts } from './examine-facts.ts';

export type Tensors = Readonly<Record<string, Tensor>>;

/** Each request's fields and answer. `configure` comes first and once. */
export interface Protocol {
  configure: {
    ask: { asked: ProviderName | 'auto'; threads: number; fallbackReason: string | null };
    answer: EngineStatus;
  };
  status: { ask: Record<never, never>; answer: EngineStatus };
  open: { ask: { session: number; model: Uint8Array; options: SessionOptions }; answer: null };
  run: { ask: { session: number; feeds: Tensors }; answer: Record<string, Tensor> };
  readState: { ask: { session: number }; answer: Record<string, Tensor> };
  /** Taken out of turn: the session's waiting requests are answered `cancelled` at once. */
  close: { ask: { session: number }; answer: null };
  /** Runs a graph once under the profiler, apart from all sessions. */
  places: { ask: { model: Uint8Array; feeds: Tensors }; answer: NodePlaces };
  surroundings: { ask: Record<never, never>; answer: EngineSurroundings };
  inspect: { ask: { model: Uint8Array; threads: number }; answer: ModelInspection };
  /** These two, too, are asked of a process that is thrown away afterwards. */
  examine: { ask: { path: string; wish: ExamineWish; threads: number }; answer: ModelFacts };
  tryOut: { ask: { model: Uint8Array; feeds: Tensors; threads: number }; answer: Record<string, Tensor> };
}

export type Kind = keyof Protocol;
export type Ask<K extends Kind = Kind> = { [P in K]: { readonly kind: P } & Readonly<Protocol[P]['ask']> }[K];
export type Answer<K extends Kind> = Protocol[K]['answer'];

export interface ToChild {
  readonly id: number;
  readonly ask: Ask;
}

export type FromChild =
  | { readonly id: number; readonly value: Answer<Kind> }
  | { readonly id: number; readonly error: PlainError };
