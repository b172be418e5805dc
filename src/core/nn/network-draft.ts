/**
 * A network being written as an ordinary ONNX graph whose picture sizes stay open (the `GraphBuilder` wants numbers).
 * Only the moves that networks of ours share; what a network consists of stands in its own file.
 */
import type { Random } from '../random.ts';
import { attributesOf, type PlainAttributes } from './builder.ts';
import type { Node, OnnxModel, ValueInfo } from './graph.ts';
import type { Tensor } from './session.ts';
import { sizeOf, tensorOf } from './tensor.ts';
import { IR_VERSION, OPSET, type Op } from './verify.ts';

export interface NetworkDraft {
  readonly nodes: Node[];
  readonly initialisers: Map<string, Tensor>;
  readonly random: Random;
}

/** Adds a node with one output, called as the node is. */
export function addNode<K extends Op>(
  draft: NetworkDraft,
  op: K,
  { name, inputs }: { readonly name: string; readonly inputs: readonly string[] },
  attributes: PlainAttributes<K> = {},
): string {
  draft.nodes.push({ name, op, domain: '', inputs, outputs: [name], attributes: attributesOf(op, attributes) });
  return name;
}

/** A constant of the network, never learned. The same name twice is the same constant. */
export function constant(draft: NetworkDraft, name: string, tensor: Tensor): string {
  draft.initialisers.set(name, tensor);
  return name;
}

export function scalar(draft: NetworkDraft, value: number): string {
  return constant(draft, `constant.${value}`, tensorOf('float32', [], [value]));
}

export function shapeOf(draft: NetworkDraft, dims: readonly number[]): string {
  return constant(draft, `shape.${dims.join('x')}`, tensorOf('int64', [dims.length], dims));
}

/** Uniform in ±1/√fan-in: PyTorch's default for convolutions, linear layers and their biases (Kaiming, a = √5). */
export function uniform(draft: NetworkDraft, name: string, dims: readonly number[], fanIn: number): string {
  const bound = 1 / Math.sqrt(fanIn);
  const data = Float32Array.from({ length: sizeOf(dims) }, () => (2 * draft.random.next() - 1) * bound);
  return constant(draft, name, { type: 'float32', dims, data });
}

export function filled(draft: NetworkDraft, name: string, dims: readonly number[], value: number): string {
  return constant(draft, name, { type: 'float32', dims, data: new Float32Array(sizeOf(dims)).fill(value) });
}

export interface NetworkPorts {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export function modelOf({ nodes, initialisers }: NetworkDraft, ports: NetworkPorts): OnnxModel {
  return {
    irVersion: IR_VERSION,
    opsets: new Map([['', OPSET]]),
    producer: 'histoloop',
    metadata: new Map(),
    graph: { ...ports, nodes, initialisers },
  };
}
