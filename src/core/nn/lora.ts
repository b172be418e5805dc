/**
 * Low-rank adapters: a frozen weight W plus a product of two thin matrices that learn (Hu et al. 2021, eq. 3). Only these
 * get moments, so that a large network learns with little memory; afterwards they are merged into W and nothing is left
 * of them. What learns besides is `training-plan.ts`'s.
 */
import { HistoloopError } from '../errors.ts';
import { createRandom } from '../random.ts';
import type { GraphBuilder } from './builder.ts';
import type { Graph, OnnxModel } from './graph.ts';
import { decays } from './parameters.ts';
import type { Tensor } from './session.ts';
import { sizeOf } from './tensor.ts';

export interface AdapterOptions {
  /** Width of the thin matrices. */
  readonly rank: number;
  /** The product counts alpha / rank times. */
  readonly alpha: number;
  /**
   * Which weights (of convolutions and matrix products) get adapters, by name. One that the thin matrices would not make
   * smaller gets none, and learns or not as `trainable` says.
   */
  readonly on: (name: string) => boolean;
  /** Draws the first values; default 1. */
  readonly seed?: number;
}

/** W [d0, …] becomes W + scale · up [d0, rank] · down [rank, …]. */
export interface Adapter {
  readonly weight: string;
  /** B of the paper; 0 at first, so that training starts from the network as it is. */
  readonly up: string;
  /** A of the paper; normal at first, with variance 1 / columns. */
  readonly down: string;
  readonly scale: number;
  readonly rank: number;
}

/** Errors: `bad-input` (rank or alpha), `model-unusable` where no weight can have an adapter. */
export function planAdapters(
  { graph }: OnnxModel,
  parameters: readonly string[],
  { rank, alpha, on }: AdapterOptions,
): Adapter[] {
  if (!(Number.isInteger(rank) && rank > 0 && alpha > 0 && Number.isFinite(alpha))) {
    throw new HistoloopError('bad-input', `adapters of rank ${rank} and alpha ${alpha}: both must be positive`);
  }
  const adapters = parameters.filter((name) => {
    const { dims } = graph.initialisers.get(name)!;
    const [rows, columns] = matrixOf(dims);
    return on(name) && decays(dims) && rank * (rows + columns) < rows * columns;
  });
  if (adapters.length === 0) {
    throw new HistoloopError(
      'model-unusable',
      `no weight is large enough for an adapter of rank ${rank}; lower the rank`,
    );
  }
  return adapters.map((weight) => ({
    weight,
    up: unused(graph, `${weight}/up`),
    down: unused(graph, `${weight}/down`),
    scale: alpha / rank,
    rank,
  }));
}

/** The name, or one like it that no weight of the network has. */
function unused(graph: Graph, name: string): string {
  return graph.initialisers.has(name) ? unused(graph, `${name}+`) : name;
}

function matrixOf(dims: readonly number[]): readonly [number, number] {
  return [dims[0], sizeOf(dims.slice(1))];
}

/** The model with the thin matrices' first values beside its weights, for the flat vector to be filled from. */
export function withAdapters(model: OnnxModel, adapters: readonly Adapter[], seed = 1): OnnxModel {
  const random = createRandom(seed);
  const initialisers = new Map(model.graph.initialisers);
  for (const { weight, up, down, rank } of adapters) {
    const [rows, columns] = matrixOf(initialisers.get(weight)!.dims);
    const first = Float32Array.from({ length: rank * columns }, () => random.normal() / Math.sqrt(columns));
    initialisers.set(up, { type: 'float32', dims: [rows, rank], data: new Float32Array(rows * rank) });
    initialisers.set(down, { type: 'float32', dims: [rank, columns], data: first });
  }
  return { ...model, graph: { ...model.graph, initialisers } };
}

/** Adds W + scale · up · down for each adapter: the weight's name → the value that takes its place. */
export function adaptedWeights(
  g: GraphBuilder,
  { graph }: OnnxModel,
  adapters: readonly Adapter[],
  views: ReadonlyMap<string, string>,
): Map<string, string> {
  return new Map(
    adapters.map(({ weight, up, down, scale }) => {
      const base = graph.initialisers.get(weight)!;
      const product = g.op('MatMul', [g.scale(views.get(up)!, scale), views.get(down)!]);
      return [weight, g.add(g.initialiser(`frozen/${weight}`, base), g.reshape(product, base.dims))] as const;
    }),
  );
}

/** The model with the products added to its weights and the thin matrices gone. */
export function mergeAdapters(model: OnnxModel, adapters: readonly Adapter[]): OnnxModel {
  const initialisers = new Map(model.graph.initialisers);
  for (const adapter of adapters) {
    initialisers.set(adapter.weight, merged(initialisers, adapter));
    initialisers.delete(adapter.up);
    initialisers.delete(adapter.down);
  }
  return { ...model, graph: { ...model.graph, initialisers } };
}

function merged(tensors: ReadonlyMap<string, Tensor>, { weight, up, down, scale, rank }: Adapter): Tensor {
  const base = tensors.get(weight)!;
  const [left, right] = [tensors.get(up)!.data as Float32Array, tensors.get(down)!.data as Float32Array];
  const [, columns] = matrixOf(base.dims);
  const data = (base.data as Float32Array).map((value, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    let product = 0;
    for (let r = 0; r < rank; r++) product += left[row * rank + r] * right[r * columns + column];
    return value + scale * product;
  });
  return { ...base, data };
}
