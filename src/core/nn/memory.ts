/**
 * How much memory a written step needs at its worst moment: the values that are alive at each node, run in the graph's own
 * order as onnxruntime does on a CPU (buffers are freed after their last use, views share their source's, elementwise
 * results take over a buffer that nobody needs any more). It runs nothing and knows no machine.
 */
import type { WrittenGraph } from './graph-pass.ts';
import type { TensorType } from './session.ts';
import { sizeOf } from './tensor.ts';

const BYTES: { readonly [T in TensorType]: number } = { float32: 4, float64: 8, int32: 4, int64: 8, uint8: 1, bool: 1 };

/** Operators whose result is the same buffer seen in another shape. */
const VIEWS: ReadonlySet<string> = new Set(['Flatten', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze']);

/** Operators that onnxruntime lets write over an input of the same size. */
const IN_PLACE: ReadonlySet<string> = new Set(
  'Abs Add Clip Div Elu Erf Exp HardSigmoid LeakyRelu Log Mul Neg Relu Sigmoid Sqrt Sub Tanh'.split(' '),
);

/** Bytes of a value; 0 for names that are no value. */
export function bytesOf(graph: WrittenGraph, name: string): number {
  const value = graph.values.get(name);
  return value === undefined ? 0 : sizeOf(value.dims) * BYTES[value.type];
}

/** Bytes of all tensors alive at the worst moment of one run: inputs, constants, activations, gradients, results. */
export function peakMemory(graph: WrittenGraph): number {
  const buffers = buffersOf(graph);
  const lastUse = lastUses(graph, buffers);
  let alive = fixedBytes(graph);
  let peak = alive;
  const sizes = new Map<string, number>();
  graph.nodes.forEach((node, at) => {
    const taken = IN_PLACE.has(node.op) ? takenOver(graph, { node, at, lastUse, buffers, sizes }) : null;
    for (const name of node.outputs) {
      if (name === '' || buffers.get(name) !== name) continue;
      const bytes = bytesOf(graph, name);
      sizes.set(name, bytes);
      alive += bytes;
    }
    if (taken !== null) {
      alive -= sizes.get(taken)!;
      sizes.delete(taken);
    }
    peak = Math.max(peak, alive);
    for (const name of [...node.inputs, ...node.outputs]) {
      const buffer = buffers.get(name);
      if (buffer === undefined || !sizes.has(buffer) || lastUse.get(buffer)! > at) continue;
      alive -= sizes.get(buffer)!;
      sizes.delete(buffer);
    }
  });
  return peak;
}

/** Inputs and constants stay; results are copied once more on their way out. */
function fixedBytes(graph: WrittenGraph): number {
  const names = [...graph.inputs, ...graph.outputs].map((info) => info.name).concat([...graph.initialisers.keys()]);
  return names.reduce((sum, name) => sum + bytesOf(graph, name), 0);
}

/** For each value that a node makes, the value whose buffer it lies in. */
function buffersOf(graph: WrittenGraph): Map<string, string> {
  const buffers = new Map<string, string>();
  for (const node of graph.nodes) {
    for (const name of node.outputs) {
      if (name === '') continue;
      const source = VIEWS.has(node.op) ? buffers.get(node.inputs[0]) : undefined;
      buffers.set(name, source ?? name);
    }
  }
  return buffers;
}

/** The position of the last node that reads each buffer; results of the graph are read at the very end. */
function lastUses(graph: WrittenGraph, buffers: ReadonlyMap<string, string>): Map<string, number> {
  const last = new Map<string, number>();
  const use = (name: string, at: number) => {
    const buffer = buffers.get(name);
    if (buffer !== undefined) last.set(buffer, at);
  };
  graph.nodes.forEach((node, at) => {
    for (const name of [...node.outputs, ...node.inputs]) use(name, at);
  });
  for (const { name } of graph.outputs) use(name, graph.nodes.length);
  return last;
}

interface Moment {
  readonly node: WrittenGraph['nodes'][number];
  readonly at: number;
  readonly lastUse: ReadonlyMap<string, number>;
  readonly buffers: ReadonlyMap<string, string>;
  readonly sizes: ReadonlyMap<string, number>;
}

/** The buffer that the node's result is written over, or null. */
function takenOver(graph: WrittenGraph, { node, at, lastUse, buffers, sizes }: Moment): string | null {
  const bytes = bytesOf(graph, node.outputs[0]);
  for (const name of node.inputs) {
    const buffer = buffers.get(name);
    if (buffer !== undefined && sizes.get(buffer) === bytes && lastUse.get(buffer) === at) return buffer;
  }
  return null;
}
