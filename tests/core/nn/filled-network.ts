/** Runs a network in doubles, filled and differentiated as seeds-spec D3 did to make its reference values. */
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { differentiate } from '../../../src/core/nn/grad.ts';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { sizeOf } from '../../../src/core/nn/tensor.ts';
import { CONV3D } from './gradient-check.ts';

/** The fill rule: s_j = sin(1 + k + 0.37 j) for parameter k, scaled by what the parameter is. */
function fill(name: string, dims: readonly number[], k: number): Tensor {
  const norm = /(?:^|\.)(?:n|on|n1|n2)\.w$/.test(name);
  const scale = (wave: number) => {
    if (norm) return 1 + 0.1 * wave;
    return dims.filter((dim) => dim > 1).length >= 2 ? wave / Math.sqrt(sizeOf(dims.slice(1))) : 0.05 * wave;
  };
  const data = Float64Array.from({ length: sizeOf(dims) }, (_, j) => scale(Math.sin(1 + k + 0.37 * j)));
  return { type: 'float64', dims, data };
}

export function doubles(dims: readonly number[], data: Float64Array): Tensor {
  return { type: 'float64', dims, data };
}

export interface Filled {
  readonly output: Float64Array;
  readonly loss: number;
  /** Gradient of mean((output − target)²) by each parameter and each input. */
  readonly gradients: ReadonlyMap<string, Float64Array>;
}

/** `parameters` in checkpoint order; `inputs` of the model by name. */
export async function runFilled(
  model: OnnxModel,
  parameters: readonly string[],
  { inputs, target }: { readonly inputs: Readonly<Record<string, Tensor>>; readonly target: Float64Array },
): Promise<Filled> {
  const g = new GraphBuilder();
  const filled = parameters.map((name, k) => [name, fill(name, model.graph.initialisers.get(name)!.dims, k)] as const);
  const feeds: Record<string, Tensor> = { ...inputs, ...Object.fromEntries(filled) };
  for (const [name, { dims }] of Object.entries(feeds)) g.input(name, 'float32', dims);
  for (const [name, tensor] of model.graph.initialisers) if (!g.has(name)) g.initialiser(name, tensor);
  for (const node of model.graph.nodes) g.append(node);
  const made = model.graph.outputs[0].name;
  feeds.wanted = doubles(g.dims(made), target);
  const miss = g.sub(made, g.input('wanted', 'float32', g.dims(made)));
  const loss = g.op('ReduceMean', [g.mul(miss, miss)], { keepdims: 0 });
  const by = Object.keys(feeds).filter((name) => name !== 'wanted' && name !== 'time');
  const slopes = differentiate(g, { of: loss, by, lowering: CONV3D });
  g.output('output', made);
  g.output('loss', loss);
  for (const [name, slope] of slopes) g.output(`slope/${name}`, slope);
  const results = await openReferenceModel(g.finish('filled'), { precision: 'float64' }).run(feeds);
  const gradients = new Map([...slopes.keys()].map((name) => [name, results[`slope/${name}`].data as Float64Array]));
  return { output: results.output.data as Float64Array, loss: Number(results.loss.data[0]), gradients };
}

export function norm(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}
