/**
 * What happens to a written step before it becomes bytes: passes that rewrite the whole graph (recomputation, blocked
 * layout), one after another. A pass keeps what the graph computes; it may use operators that only one provider has.
 */
import type { Node, ValueInfo } from './graph.ts';
import type { Tensor } from './session.ts';
import type { Shape } from './shape-question.ts';

export interface WrittenGraph {
  /** In executable order. onnxruntime runs nodes nearly in this order, so it decides how long values must be kept. */
  readonly nodes: readonly Node[];
  readonly initialisers: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Type and shape of every value; a pass enters what it adds. */
  readonly values: ReadonlyMap<string, Shape>;
  /** The node that makes this value is the last of the forward part; everything after it is backward and update. */
  readonly loss: string;
}

export type GraphPass = (graph: WrittenGraph) => WrittenGraph;
