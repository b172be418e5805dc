/**
 * Writes a graph node by node. Each node is checked and its shapes are inferred as it is added, so that whoever writes
 * gradients can ask for the shape of anything. Constants are shared, and what depends on constants alone is one.
 */
import { assert, HistoloopError } from '../errors.ts';
import { FoldingBudget, SMALL } from './folding.ts';
import type { Attribute, Attributes, Node, OnnxModel, ValueInfo } from './graph.ts';
import type { OpRow } from './op-row.ts';
import { usedInitialisers } from './prune.ts';
import { runNode } from './reference-node.ts';
import { tensorOfValue, type Value, valueOfTensor } from './reference-values.ts';
import type { Tensor, TensorType } from './session.ts';
import { inferShapes } from './shape.ts';
import type { KnownValue, Shape } from './shape-question.ts';
import { sameDims, sizeOf, tensorOf } from './tensor.ts';
import { IR_VERSION, nodeLabel, OPS, OPSET, type Op, verifyNode } from './verify.ts';

type Plain<Kind> = Kind extends 'int' | 'float'
  ? number
  : Kind extends 'ints' | 'floats'
    ? readonly number[]
    : Kind extends 'tensor'
      ? Tensor
      : string;

/** Attributes as plain values; their kinds come from the operator's row. */
export type PlainAttributes<K extends Op> = {
  readonly [A in keyof (typeof OPS)[K]['attributes']]?: Plain<(typeof OPS)[K]['attributes'][A]>;
};

export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly initialisers = new Map<string, Tensor>();
  readonly inputs: ValueInfo[] = [];
  /** Values through which no gradient flows. */
  readonly stopped = new Set<string>();
  private readonly outputs: ValueInfo[] = [];
  private readonly values = new Map<string, KnownValue>();
  private readonly shared = new Map<string, string>();
  private readonly nodeNames = new Set<string>();
  private readonly folding = new FoldingBudget();
  private count = 0;

  /** A name that nothing has yet. */
  private fresh(hint: string): string {
    let name: string;
    do name = `${hint}_${this.count++}`;
    while (this.values.has(name));
    return name;
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  private value(name: string): KnownValue {
    const value = this.values.get(name);
    assert(value !== undefined, `no value '${name}' in the graph`);
    return value;
  }

  dims(name: string): readonly number[] {
    return this.value(name).dims;
  }

  type(name: string): TensorType {
    return this.value(name).type;
  }

  /** The value's numbers where they are known before anything runs. */
  constantOf(name: string): Tensor | undefined {
    return this.value(name).constant;
  }

  input(name: string, type: TensorType, dims: readonly number[]): string {
    assert(!this.values.has(name), `two values called '${name}'`);
    this.inputs.push({ name, type, dims });
    this.values.set(name, { type, dims });
    return name;
  }

  /** A weight or constant under a name of the caller's. */
  initialiser(name: string, tensor: Tensor): string {
    assert(!this.values.has(name), `two values called '${name}'`);
    this.initialisers.set(name, tensor);
    this.values.set(name, { type: tensor.type, dims: tensor.dims, constant: tensor });
    return name;
  }

  constant(tensor: Tensor): string {
    const key =
      tensor.data.length <= SMALL
        ? `${tensor.type}|${tensor.dims.join()}|${Array.from(tensor.data, String).join()}`
        : null;
    const known = key === null ? undefined : this.shared.get(key);
    if (known !== undefined) return known;
    const name = this.initialiser(this.fresh('constant'), tensor);
    if (key !== null) this.shared.set(key, name);
    return name;
  }

  scalar(value: number, type: TensorType = 'float32'): string {
    return this.constant(tensorOf(type, [], [value]));
  }

  ints(values: readonly number[]): string {
    return this.constant(tensorOf('int64', [values.length], values));
  }

  floats(dims: readonly number[], values: ArrayLike<number>): string {
    return this.constant(tensorOf('float32', dims, values));
  }

  /** Adds a node as it is. Errors: `model-unusable`, naming the node. */
  append(node: Node): void {
    verifyNode(node);
    const inputs = node.inputs.map((name) => this.inputOf(node, name));
    const shapes = this.shapesOf(node, inputs);
    if (this.folding.take(node, inputs, shapes)) {
      this.fold(node, inputs);
      return;
    }
    node.outputs.forEach((name, i) => {
      assert(!this.values.has(name), `two values called '${name}'`);
      this.values.set(name, shapes[i]);
    });
    this.nodes.push({ ...node, name: this.uniqueNodeName(node.name) });
  }

  private inputOf(node: Node, name: string): KnownValue | undefined {
    const value = this.values.get(name);
    if (name === '' || value !== undefined) return value;
    throw new HistoloopError('model-unusable', `${nodeLabel(node)} needs '${name}', which nothing before it makes`);
  }

  /** The runtime refuses two nodes of one name, and imported ones may be called as ours are. */
  private uniqueNodeName(wanted: string): string {
    let name = wanted;
    for (let again = 2; name !== '' && this.nodeNames.has(name); again++) name = `${wanted}/${again}`;
    this.nodeNames.add(name);
    return name;
  }

  private shapesOf(node: Node, inputs: readonly (KnownValue | undefined)[]): Shape[] {
    try {
      return inferShapes(node.op as Op, { inputs, attributes: node.attributes, outputs: node.outputs.length });
    } catch (error) {
      if (error instanceof HistoloopError) throw new HistoloopError(error.code, `${nodeLabel(node)}: ${error.message}`);
      throw error;
    }
  }

  private fold(node: Node, inputs: readonly (KnownValue | undefined)[]): void {
    const values = inputs.map((input) => input && valueOfKnown(input));
    runNode(node, values, false).forEach((value, i) => {
      this.initialiser(node.outputs[i], tensorOfValue(value));
    });
  }

  /** Adds a node with fresh output names. */
  many<K extends Op>(op: K, inputs: readonly string[], attributes: PlainAttributes<K>, outputs: number): string[] {
    const names = Array.from({ length: outputs }, () => this.fresh(op));
    this.append({ name: names[0], op, domain: '', inputs, outputs: names, attributes: attributesOf(op, attributes) });
    return names;
  }

  op<K extends Op>(op: K, inputs: readonly string[], attributes: PlainAttributes<K> = {}): string {
    return this.many(op, inputs, attributes, 1)[0];
  }

  add(a: string, b: string): string {
    return this.op('Add', [a, b]);
  }

  sub(a: string, b: string): string {
    return this.op('Sub', [a, b]);
  }

  mul(a: string, b: string): string {
    return this.op('Mul', [a, b]);
  }

  div(a: string, b: string): string {
    return this.op('Div', [a, b]);
  }

  scale(a: string, factor: number): string {
    return factor === 1 ? a : this.mul(a, this.scalar(factor));
  }

  reshape(a: string, dims: readonly number[]): string {
    if (sameDims(this.dims(a), dims)) return a;
    // A 0 means "as before" in ONNX unless it is told otherwise.
    return this.op('Reshape', [a, this.ints(dims)], dims.includes(0) ? { allowzero: 1 } : {});
  }

  transpose(a: string, perm: readonly number[]): string {
    return perm.every((axis, i) => axis === i) ? a : this.op('Transpose', [a], { perm });
  }

  sum(a: string, axes: readonly number[], keepdims = true): string {
    if (axes.length === 0) return a;
    return this.op('ReduceSum', [a, this.ints(axes)], { keepdims: keepdims ? 1 : 0 });
  }

  mean(a: string, axes: readonly number[]): string {
    return this.op('ReduceMean', [a, this.ints(axes)], { keepdims: 1 });
  }

  /** Elements start…end−1 along one axis. */
  slice(a: string, axis: number, start: number, end: number): string {
    if (start === 0 && end === this.dims(a)[axis]) return a;
    return this.op('Slice', [a, this.ints([start]), this.ints([end]), this.ints([axis])]);
  }

  concat(parts: readonly string[], axis: number): string {
    return parts.length === 1 ? parts[0] : this.op('Concat', parts, { axis });
  }

  expand(a: string, dims: readonly number[]): string {
    return sameDims(this.dims(a), dims) ? a : this.op('Expand', [a, this.ints(dims)]);
  }

  /** All elements the same; costs no bytes in the file. */
  filled(dims: readonly number[], value: number): string {
    if (sizeOf(dims) <= SMALL) return this.floats(dims, new Float32Array(sizeOf(dims)).fill(value));
    return this.op('ConstantOfShape', [this.ints(dims)], { value: tensorOf('float32', [1], [value]) });
  }

  /** Marks a value as one that no gradient flows through. */
  stop(a: string): string {
    this.stopped.add(a);
    return a;
  }

  /** Declares a value as the graph's output, under the name given. */
  output(name: string, value: string): void {
    const named = value === name ? name : this.named(name, value);
    this.outputs.push({ name: named, type: this.type(named), dims: this.dims(named) });
  }

  private named(name: string, value: string): string {
    this.append({ name, op: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {} });
    return name;
  }

  /** Type and shape of every value. */
  shapes(): ReadonlyMap<string, Shape> {
    return this.values;
  }

  /** The model; constants that only served to compute others stay behind. */
  finish(name: string): OnnxModel {
    const initialisers = usedInitialisers(this.nodes, this.initialisers, this.outputs);
    return {
      irVersion: IR_VERSION,
      opsets: new Map([['', OPSET]]),
      producer: 'histoloop',
      metadata: new Map(),
      graph: { name, nodes: this.nodes, initialisers, inputs: this.inputs, outputs: this.outputs },
    };
  }
}

/** A Shape node may be asked of a value whose numbers are unknown; only its size matters then. */
function valueOfKnown({ constant, type, dims }: KnownValue): Value {
  return constant ? valueOfTensor(constant) : { type, dims, data: new Float64Array(0) };
}

/** Plain values → attributes of the kinds that the operator's row says. */
export function attributesOf<K extends Op>(op: K, plain: PlainAttributes<K>): Attributes {
  const row: OpRow = OPS[op];
  const entries = Object.entries(plain).map(([name, value]) => [
    name,
    { kind: row.attributes[name], value } as Attribute,
  ]);
  return Object.fromEntries(entries);
}
