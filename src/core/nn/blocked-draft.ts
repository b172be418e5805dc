/**
 * A graph while it is rewritten in the blocked layout: the nodes so far, the shape of every value, and who used what
 * before. Knows no operator's meaning.
 */
import type { Attribute, Node } from './graph.ts';
import type { WrittenGraph } from './graph-pass.ts';
import type { Tensor } from './session.ts';
import type { Shape } from './shape-question.ts';
import { numbersOf, sameDims, sizeOf, tensorOf } from './tensor.ts';

/** The domain of onnxruntime's own operators on blocked pictures; CPU only, version 1. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc';

type Plain = Readonly<Record<string, number | string | readonly number[]>>;

export interface NewNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly dims: readonly number[];
  readonly attributes?: Plain | undefined;
  readonly domain?: string;
  /** Name of the result; a fresh one where left out. */
  readonly result?: string;
}

export class BlockedDraft {
  readonly nodes: Node[] = [];
  readonly initialisers: Map<string, Tensor>;
  readonly values: Map<string, Shape>;
  /** The nodes of the graph as it was that use a value. */
  readonly users = new Map<string, Node[]>();
  readonly makers: ReadonlyMap<string, Node>;
  private readonly outputs: ReadonlySet<string>;
  private readonly constants = new Map<string, string>();
  private count = 0;

  constructor({ nodes, initialisers, values, outputs }: WrittenGraph) {
    this.initialisers = new Map(initialisers);
    this.values = new Map(values);
    this.outputs = new Set(outputs.map((output) => output.name));
    this.makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
    for (const node of nodes) {
      for (const name of new Set(node.inputs)) {
        const known = this.users.get(name);
        if (known) known.push(node);
        else this.users.set(name, [node]);
      }
    }
  }

  dims(name: string): readonly number[] {
    return this.values.get(name)?.dims ?? [];
  }

  /** Whether one node alone uses the value, and once. */
  usedOnce(name: string): boolean {
    const users = this.users.get(name) ?? [];
    return (
      !this.outputs.has(name) && users.length === 1 && users[0].inputs.filter((input) => input === name).length === 1
    );
  }

  /** Numbers of a small constant; undefined where the value is none. */
  numbers(name: string | undefined): number[] | undefined {
    const tensor = this.initialisers.get(name ?? '');
    return tensor && numbersOf(tensor);
  }

  add({ op, inputs, dims, attributes = {}, domain = '', result }: NewNode): string {
    const name = result ?? this.fresh(op);
    this.values.set(name, { type: 'float32', dims });
    const described = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)]));
    this.nodes.push({ name: `${name}/${op}`, op, domain, inputs, outputs: [name], attributes: described });
    return name;
  }

  /** A node as it was, with other inputs and another result. */
  again(node: Node, inputs: readonly string[], result: string): string {
    this.values.set(result, this.values.get(node.outputs[0])!);
    this.nodes.push({ ...node, inputs, outputs: [result] });
    return result;
  }

  reshape(value: string, dims: readonly number[]): string {
    if (sameDims(this.dims(value), dims)) return value;
    return this.add({ op: 'Reshape', inputs: [value, this.ints(dims)], dims });
  }

  transpose(value: string, perm: readonly number[]): string {
    if (perm.every((axis, i) => axis === i)) return value;
    const from = this.dims(value);
    return this.add({ op: 'Transpose', inputs: [value], dims: perm.map((axis) => from[axis]), attributes: { perm } });
  }

  slice(value: string, axis: number, [start, end]: readonly [number, number]): string {
    const dims = this.dims(value);
    if (start === 0 && end === dims[axis]) return value;
    const inputs = [value, this.ints([start]), this.ints([end]), this.ints([axis])];
    return this.add({ op: 'Slice', inputs, dims: dims.with(axis, end - start) });
  }

  sum(value: string, axis: number): string {
    const dims = this.dims(value).filter((_, at) => at !== axis);
    const inputs = [value, this.ints([axis])];
    return this.add({ op: 'ReduceSum', inputs, dims, attributes: { keepdims: 0 } });
  }

  ints(values: readonly number[]): string {
    return this.constant(`int64|${values.join()}`, () => tensorOf('int64', [values.length], values));
  }

  filled(dims: readonly number[], value: number): string {
    const data = () => tensorOf('float32', dims, new Float32Array(sizeOf(dims)).fill(value));
    return this.constant(`${value}|${dims.join()}`, data);
  }

  floats(dims: readonly number[], data: Float32Array): string {
    return this.constant(`${dims.join()}|${data.join()}`, () => tensorOf('float32', dims, data));
  }

  private constant(key: string, make: () => Tensor): string {
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const name = this.fresh('constant');
    const tensor = make();
    this.initialisers.set(name, tensor);
    this.values.set(name, { type: tensor.type, dims: tensor.dims });
    this.constants.set(key, name);
    return name;
  }

  private fresh(hint: string): string {
    let name: string;
    do name = `blocked/${hint}_${this.count++}`;
    while (this.values.has(name));
    return name;
  }
}

function attributeOf(value: number | string | readonly number[]): Attribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  return { kind: 'ints', value };
}
