/** What an operator's row says: how many inputs and outputs it has and which attributes of which kind. */
import type { Attribute } from './graph.ts';

type Kind = Attribute['kind'];

export interface OpRow {
  /** Fewest and most inputs. */
  readonly inputs: readonly [number, number];
  readonly outputs: readonly [number, number];
  readonly attributes: Readonly<Record<string, Kind>>;
}

export type OpRows = Readonly<Record<string, OpRow>>;

/** Any number of inputs or outputs. */
export const MANY = Number.POSITIVE_INFINITY;
export const UNARY = { inputs: [1, 1], outputs: [1, 1], attributes: {} } as const;
export const BINARY = { inputs: [2, 2], outputs: [1, 1], attributes: {} } as const;
