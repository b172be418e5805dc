/** The shape of the workstation's answers: one function per call of the contract; the types force the tables to be complete. */
import type { InputOf, Noun, OutputOf, Verb } from '../../core/contract.ts';

export interface CallContext {
  readonly signal: AbortSignal | undefined;
}

type Answer<N extends Noun, V extends Verb<N>> =
  OutputOf<N, V> extends AsyncIterable<unknown> ? OutputOf<N, V> : Promise<OutputOf<N, V>>;

/** One function per call of the contract; the types force the table to be complete. */
export type Handlers = {
  readonly [N in Noun]: {
    readonly [V in Verb<N>]: (input: InputOf<N, V>, context: CallContext) => Answer<N, V>;
  };
};
