/** What a gradient rule is, which operators have one, and the small moves that many rules share. */
import type { GraphBuilder } from './builder.ts';
import type { Node } from './graph.ts';
import type { ShapeQuestion } from './shape-question.ts';

/** How gradients are spelled in operators; the numbers are the same. */
export interface Lowering {
  /** `conv3d` is fastest on a CPU, `shifted-matmul` on WebGPU. */
  readonly weightGradient: 'conv3d' | 'shifted-matmul';
  /**
   * Channels per block of onnxruntime's blocked layout (16 or 8), where a probe has proved it on this machine; CPU only. Left
   * out: standard operators alone.
   */
  readonly blocked?: number;
}

export interface RuleCall {
  readonly g: GraphBuilder;
  readonly node: Node;
  /** Input and output value names of the node. */
  readonly x: readonly string[];
  readonly y: readonly string[];
  /** Gradient of the loss by each output; undefined where the loss does not depend on it. */
  readonly dy: readonly (string | undefined)[];
  /** Which inputs' gradients are wanted; a rule need not give others. */
  readonly needs: readonly boolean[];
  readonly lowering: Lowering;
}

/** Adds the gradient's nodes and gives the gradient by each input, null where there is none or none is wanted. */
export type Rule = (call: RuleCall) => (string | null)[];

/**
 * What the table of rules holds for an operator: its rule; `flat` where the result does not change when an input changes a
 * little, so that the gradient ends there, rightly; or why nobody can train through it and what to do.
 */
export type Gradient = Rule | 'flat' | { readonly refused: string };

/** The question `shape.ts` was asked when the node was added. */
export function questionOf({ g, node }: Pick<RuleCall, 'g' | 'node'>): ShapeQuestion {
  const inputs = node.inputs.map((name) => {
    if (name === '') return undefined;
    const constant = g.constantOf(name);
    return { type: g.type(name), dims: g.dims(name), ...(constant ? { constant } : {}) };
  });
  return { inputs, attributes: node.attributes, outputs: node.outputs.length };
}

/** Sums a gradient down to the shape that was broadcast up. */
export function unbroadcast(g: GraphBuilder, dy: string, dims: readonly number[]): string {
  const from = g.dims(dy);
  const extra = from.length - dims.length;
  const axes = from.flatMap((size, axis) => (axis < extra || (dims[axis - extra] === 1 && size !== 1) ? [axis] : []));
  return g.reshape(g.sum(dy, axes), dims);
}

/** 1 where the value is positive, else 0. A HardSigmoid of a steep slope is quicker than a comparison. */
export function isPositive(g: GraphBuilder, value: string): string {
  return g.op('HardSigmoid', [value], { alpha: 1e30, beta: 0 });
}

/** 1 where the two are equal, else 0. */
export function isEqual(g: GraphBuilder, a: string, b: string): string {
  return g.op('Cast', [g.op('Equal', [a, b])], { to: 1 });
}

/** A per-channel vector as [1,C,1,…] beside a tensor of the rank. */
export function perChannel(g: GraphBuilder, vector: string, rank: number): string {
  return g.reshape(vector, [1, g.dims(vector)[0], ...new Array<number>(rank - 2).fill(1)]);
}

/** All axes but the channel's. */
export function allButChannel(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2)];
}
