/**
 * A network as plain data: model, graph, node, attribute. What ONNX calls ModelProto, without the bytes (`onnx.ts`)
 * and without any knowledge of what an operator means (`verify.ts`, `shape.ts`, `reference.ts`, `grad.ts`).
 */
import type { Tensor, TensorType } from './session.ts';

/** A named dimension is bound later (`bindDims`); null is one the file says nothing about. */
export type Dim = number | string | null;

export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  /** A branch or body. It may use values of the graph around it by name (`valuesUsed` in `rename.ts`). */
  | { readonly kind: 'graph'; readonly value: Graph }
  /** Types, lists of graphs and the like: kept as they came so that a model survives a round trip, never looked into. */
  | { readonly kind: 'opaque'; readonly bytes: Uint8Array };

export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
  readonly name: string;
  /** ONNX operator name, such as `Conv`. */
  readonly op: string;
  /** Empty for the standard operators. */
  readonly domain: string;
  /** Value names; an empty string is an optional input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

export interface ValueInfo {
  readonly name: string;
  readonly type: TensorType;
  /** Null where even the rank is unknown. */
  readonly dims: readonly Dim[] | null;
}

export interface Graph {
  readonly name: string;
  /** In an order that can be executed once `topologicalOrder` has seen it. */
  readonly nodes: readonly Node[];
  readonly initialisers: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export interface OnnxModel {
  readonly irVersion: number;
  /** Domain → version; the standard operators' domain is ''. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly producer: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: Graph;
}
