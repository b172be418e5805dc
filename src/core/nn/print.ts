/**
 * A graph as text, one line per node: for people, and for tests that look at what was built. The same model, the same text,
 * on every machine. Long tensors show their size, range and a hash instead of their numbers.
 */
import type { Attribute, Graph, Node, OnnxModel, ValueInfo } from './graph.ts';
import type { Tensor } from './session.ts';
import { numbersOf } from './tensor.ts';

/** Tensors longer than this show no numbers. */
const SHOWN = 8;

export interface PrintOptions {
  /** Most lines of weights and of nodes, each; the rest is counted. All where left out. */
  readonly max?: number;
  /** Values as %0, %1 … in the order of their making: two networks that differ in names only print alike. */
  readonly numbered?: boolean;
}

export function printModel(model: OnnxModel, options: PrintOptions = {}): string {
  const { graph } = model;
  const named = options.numbered ? numbering(graph) : (name: string) => name;
  const opsets = [...model.opsets].map(([domain, version]) => `${domain || 'standard'} ${version}`).join(', ');
  const weights = [...graph.initialisers].map(([name, tensor]) => `  ${named(name)} = ${printTensor(tensor)}`);
  const nodes = graph.nodes.flatMap((node) => printNode(node, named, '  '));
  const max = options.max ?? Number.POSITIVE_INFINITY;
  return [
    `${graph.name} (opset ${opsets})`,
    ...[...model.metadata].map(([key, value]) => `says    ${key} = ${value}`),
    `inputs  ${graph.inputs.map((value) => printValue(value, named)).join(', ')}`,
    `outputs ${graph.outputs.map((value) => printValue(value, named)).join(', ')}`,
    `weights ${graph.initialisers.size}`,
    ...firstOf(weights, max),
    `nodes   ${graph.nodes.length}`,
    ...firstOf(nodes, max),
    '',
  ].join('\n');
}

type Named = (name: string) => string;

function firstOf(lines: readonly string[], max: number): string[] {
  return lines.length <= max ? [...lines] : [...lines.slice(0, max), `  … ${lines.length - max} more`];
}

function numbering(graph: Graph): Named {
  const numbers = new Map<string, number>();
  const made = [
    ...graph.inputs.map((input) => input.name),
    ...graph.nodes.flatMap((node) => [...node.inputs, ...node.outputs]),
    ...graph.initialisers.keys(),
  ];
  for (const name of made) if (name !== '' && !numbers.has(name)) numbers.set(name, numbers.size);
  return (name) => (numbers.has(name) ? `%${numbers.get(name)}` : name);
}

function printNode(node: Node, named: Named, indent: string): string[] {
  const attributes = Object.entries(node.attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  const settings = attributes
    .filter(([, attribute]) => attribute.kind !== 'graph')
    .map(([name, attribute]) => `${name}=${printAttribute(attribute)}`);
  const op = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
  const inputs = node.inputs.map((name) => (name === '' ? '_' : named(name))).join(', ');
  const said = settings.length > 0 ? ` {${settings.join(', ')}}` : '';
  const line = `${indent}${node.outputs.map(named).join(', ')} = ${op}(${inputs})${said}`;
  return [line, ...attributes.flatMap(([name, attribute]) => printBranch(name, attribute, { named, indent }))];
}

function printBranch(name: string, attribute: Attribute, { named, indent }: { named: Named; indent: string }) {
  if (attribute.kind !== 'graph') return [];
  const { nodes, outputs, initialisers } = attribute.value;
  const inner = `${indent}    `;
  return [
    `${indent}  ${name}:`,
    ...[...initialisers].map(([weight, tensor]) => `${inner}${named(weight)} = ${printTensor(tensor)}`),
    ...nodes.flatMap((node) => printNode(node, named, inner)),
    `${inner}gives ${outputs.map((output) => named(output.name)).join(', ')}`,
  ];
}

function printValue({ name, type, dims }: ValueInfo, named: Named): string {
  return `${named(name)}: ${type}[${dims === null ? '…' : dims.map((dim) => dim ?? '?').join(', ')}]`;
}

function printTensor(tensor: Tensor): string {
  const { type, dims, data } = tensor;
  const shape = `${type}[${dims.join(', ')}]`;
  if (data.length <= SHOWN) return `${shape} ${Array.from(data, String).join(' ')}`.trimEnd();
  return `${shape} ${rangeOf(tensor)} #${hashOf(tensor)}`;
}

/** Smallest … largest, and how many are no numbers. */
function rangeOf(tensor: Tensor): string {
  let [least, most, bad] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of tensor.data instanceof BigInt64Array ? numbersOf(tensor) : tensor.data) {
    if (Number.isNaN(value)) bad++;
    else {
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  const range = bad === tensor.data.length ? 'NaN' : `${Number(least.toPrecision(4))}…${Number(most.toPrecision(4))}`;
  return bad > 0 ? `${range} (${bad} NaN)` : range;
}

/** FNV-1a of the bytes, 32 bits: tells two tensors apart, proves nothing. Source: draft-eastlake-fnv, section 5. */
function hashOf({ data }: Tensor): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

function printAttribute(attribute: Attribute): string {
  switch (attribute.kind) {
    case 'tensor':
      return printTensor(attribute.value);
    case 'graph':
      return `(${attribute.value.nodes.length} nodes)`;
    case 'opaque':
      return `(${attribute.bytes.length} bytes)`;
    case 'ints':
    case 'floats':
    case 'strings':
      return `[${attribute.value.join(' ')}]`;
    case 'int':
    case 'float':
    case 'string':
      return String(attribute.value);
  }
}
