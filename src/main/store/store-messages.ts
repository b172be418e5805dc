/** What passes between the store's front and the database thread. */
import type { PlainError } from '../../core/errors.ts';
import type { OpenOptions } from './open-database.ts';
import type { StoreMethods } from './store-methods.ts';

export interface WorkerStart {
  readonly folder: string;
  readonly options: OpenOptions;
}

export interface Call {
  readonly id: number;
  readonly method: keyof StoreMethods | 'close';
  readonly args: readonly unknown[];
}

/** Id 0 answers the opening: its result says whether the project is read-only. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: PlainError };
