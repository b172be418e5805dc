/** The flat vector that all learning weights of a network lie in: where each lies, in and out. */
import { HistoloopError } from '../errors.ts';
import type { GraphBuilder } from './builder.ts';
import type { OnnxModel } from './graph.ts';
import type { Tensor } from './session.ts';
import { sizeOf } from './tensor.ts';

/** A weight that learns. */
export interface Parameter {
  readonly name: string;
  readonly dims: readonly number[];
  /** Its learning rate as a multiple of the step's. */
  readonly rate: number;
}

export interface ParameterEntry extends Parameter {
  /** Where the parameter starts in the flat vector, in elements. */
  readonly offset: number;
}

export interface ParameterLayout {
  readonly entries: readonly ParameterEntry[];
  /** Elements of the flat vector. */
  readonly length: number;
}

/** Matrices and kernels are decayed; biases, scales and slopes are not. */
export function decays(dims: readonly number[]): boolean {
  return dims.filter((dim) => dim > 1).length >= 2;
}

/** Lays weights out by learning rate, and the decayed ones first, so that masks are a few long runs. */
export function layOut(parameters: readonly Parameter[]): ParameterLayout {
  const rates = [...new Set(parameters.map((parameter) => parameter.rate))];
  const ordered = rates.flatMap((rate) => {
    const alike = parameters.filter((parameter) => parameter.rate === rate);
    return [...alike.filter(({ dims }) => decays(dims)), ...alike.filter(({ dims }) => !decays(dims))];
  });
  let length = 0;
  const entries = ordered.map(({ name, dims, rate }) => {
    const entry = { name, dims, rate, offset: length };
    length += sizeOf(dims);
    return entry;
  });
  return { entries, length };
}

/** A constant vector [L] of one number per parameter, made of runs of equal numbers. */
export function runsOf(g: GraphBuilder, layout: ParameterLayout, numberOf: (entry: ParameterEntry) => number): string {
  const runs: { value: number; size: number }[] = [];
  for (const entry of layout.entries) {
    const value = numberOf(entry);
    const last = runs.at(-1);
    if (last?.value === value) last.size += sizeOf(entry.dims);
    else runs.push({ value, size: sizeOf(entry.dims) });
  }
  const parts = runs.map(({ value, size }) => g.filled([size], value));
  return g.concat(parts, 0);
}

/** The model's weights as one flat vector. */
export function gatherParameters(model: OnnxModel, layout: ParameterLayout): Tensor {
  const data = new Float32Array(layout.length);
  for (const { name, offset } of layout.entries)
    data.set(model.graph.initialisers.get(name)!.data as Float32Array, offset);
  return { type: 'float32', dims: [layout.length], data };
}

/** Adds a view of each parameter to the graph: name → value. */
export function sliceParameters(g: GraphBuilder, flat: string, layout: ParameterLayout): Map<string, string> {
  return new Map(
    layout.entries.map(({ name, dims, offset }) => {
      return [name, g.reshape(g.slice(flat, 0, offset, offset + sizeOf(dims)), dims)] as const;
    }),
  );
}

/**
 * Joins per-parameter values back into one flat vector; zeros where a parameter has none. onnxruntime runs the makers of a
 * node's inputs from the one written last to the one written first. So each value gets a last node of its own, and those
 * are written latest that can be done first: a bias gradient is summed beside its weights' and not at the very end, which
 * would keep the gradients of all layers alive.
 */
export function joinParameters(g: GraphBuilder, layout: ParameterLayout, values: ReadonlyMap<string, string>): string {
  const made = new Map(g.nodes.flatMap((node, at) => node.outputs.map((name) => [name, at] as const)));
  const readyAt = ({ name }: ParameterEntry) => made.get(values.get(name) ?? '') ?? -1;
  const parts = new Map<string, string>();
  for (const entry of [...layout.entries].sort((a, b) => readyAt(b) - readyAt(a))) {
    const size = sizeOf(entry.dims);
    const value = values.get(entry.name);
    parts.set(entry.name, value === undefined ? g.filled([size], 0) : g.op('Reshape', [value, g.ints([size])]));
  }
  return g.concat(
    layout.entries.map(({ name }) => parts.get(name)!),
    0,
  );
}

/** Puts a flat vector's values back into the model. Error: `model-output-invalid` where one is not finite. */
export function scatterParameters(model: OnnxModel, layout: ParameterLayout, flat: Tensor | undefined): OnnxModel {
  if (flat === undefined || flat.data.length !== layout.length) {
    throw new HistoloopError(
      'bad-input',
      `${flat?.data.length ?? 'no'} values do not fill the ${layout.length} weights of this network`,
    );
  }
  const initialisers = new Map(model.graph.initialisers);
  for (const { name, dims, offset } of layout.entries) {
    const data = Float32Array.from(flat.data.subarray(offset, offset + sizeOf(dims)) as Float32Array);
    if (!data.every(Number.isFinite)) {
      throw new HistoloopError(
        'model-output-invalid',
        `the learned weight '${name}' is not finite; train again with a lower learning rate`,
      );
    }
    initialisers.set(name, { type: 'float32', dims, data });
  }
  return { ...model, graph: { ...model.graph, initialisers } };
}
