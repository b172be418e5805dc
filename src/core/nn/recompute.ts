/**
 * Gradient checkpointing (Chen et al. 2016, arXiv 1604.06174, section 3) on a written step: the forward part is cut into
 * segments; what a segment computed is thrown away and computed again just before the backward part needs it. The
 * numbers stay the same to the last bit; a segment's time is spent twice.
 */
import { assert } from '../errors.ts';
import type { Node } from './graph.ts';
import type { WrittenGraph } from './graph-pass.ts';
import { bytesOf } from './memory.ts';
import type { Tensor } from './session.ts';
import type { Shape } from './shape-question.ts';
import { isFloat, sizeOf, tensorOf } from './tensor.ts';

/** Values smaller than this share of the largest are kept: recomputing them saves nothing. */
const SMALL_SHARE = 1 / 256;

interface Segment {
  /** Positions of the forward nodes start…end−1. */
  readonly start: number;
  readonly end: number;
}

/** Nodes and values under construction. */
interface Draft {
  readonly graph: WrittenGraph;
  readonly lossAt: number;
  /** Position of the node that makes each value. */
  readonly madeAt: ReadonlyMap<string, number>;
  readonly keptBytes: number;
  readonly values: Map<string, Shape>;
  readonly initialisers: Map<string, Tensor>;
  /** Nodes to put before the node at a position. */
  readonly inserted: Map<number, Node[]>;
  /** What backward nodes read instead of a value that was thrown away. */
  readonly again: Map<string, string>;
}

/** The graph with its forward part in `segments` pieces, all but the last computed twice. 1 changes nothing. */
export function recompute(graph: WrittenGraph, segments: number): WrittenGraph {
  const draft = beginDraft(graph);
  for (const segment of cutForward(draft, segments).slice(0, -1)) addSegment(draft, segment);
  const nodes = graph.nodes.flatMap((node, at) => {
    const renamed = at <= draft.lossAt ? node : { ...node, inputs: node.inputs.map((x) => draft.again.get(x) ?? x) };
    return [...(draft.inserted.get(at) ?? []), renamed];
  });
  return { ...graph, nodes, values: draft.values, initialisers: draft.initialisers };
}

function beginDraft(graph: WrittenGraph): Draft {
  const madeAt = new Map(graph.nodes.flatMap((node, at) => node.outputs.map((name) => [name, at] as const)));
  const lossAt = madeAt.get(graph.loss);
  assert(lossAt !== undefined, `no node makes '${graph.loss}'`);
  const largest = graph.nodes.reduce((most, { outputs }) => Math.max(most, bytesOf(graph, outputs[0])), 0);
  return {
    graph,
    lossAt,
    madeAt,
    keptBytes: largest * SMALL_SHARE,
    values: new Map(graph.values),
    initialisers: new Map(graph.initialisers),
    inserted: new Map(),
    again: new Map(),
  };
}

/** How far a cut may lie from its even place, in shares of a segment. */
const LEEWAY = 0.4;

/** Pieces that stash about equally many bytes for the backward part, each cut where least crosses over. */
function cutForward(draft: Draft, segments: number): Segment[] {
  const stashed = stashedBytes(draft);
  const crossing = crossingBytes(draft);
  const total = stashed.at(-1)!;
  const cuts = Array.from({ length: segments - 1 }, (_, i) => {
    const share = (at: number) => (stashed[at] / total) * segments - (i + 1);
    const near = stashed.flatMap((_, at) => (Math.abs(share(at)) <= LEEWAY ? [at] : []));
    return near.length === 0 ? 0 : near.reduce((a, b) => (crossing[b] < crossing[a] ? b : a));
  });
  const edges = [...new Set([0, ...cuts.filter((cut) => cut > 0), draft.lossAt + 1])];
  return edges.slice(1).map((end, i) => ({ start: edges[i], end }));
}

/** Bytes that the forward nodes before each position leave for the backward part. */
function stashedBytes({ graph, lossAt }: Draft): number[] {
  const wanted = new Set(graph.nodes.slice(lossAt + 1).flatMap((node) => node.inputs));
  const stashed = [0];
  for (const { outputs } of graph.nodes.slice(0, lossAt + 1)) {
    const own = outputs.reduce((sum, name) => sum + (wanted.has(name) ? bytesOf(graph, name) : 0), 0);
    stashed.push(stashed.at(-1)! + own);
  }
  return stashed;
}

/** Bytes made before each position and read at or after it by the forward part. */
function crossingBytes({ graph, lossAt, madeAt }: Draft): number[] {
  const change = new Array<number>(lossAt + 2).fill(0);
  const lastRead = new Map<string, number>();
  graph.nodes.slice(0, lossAt + 1).forEach((node, at) => {
    for (const name of node.inputs) if (madeAt.has(name)) lastRead.set(name, at);
  });
  for (const [name, last] of lastRead) {
    change[madeAt.get(name)! + 1] += bytesOf(graph, name);
    change[last + 1] -= bytesOf(graph, name);
  }
  let sum = 0;
  return change.map((bytes) => {
    sum += bytes;
    return sum;
  });
}

/** Throws a segment's inner values away and computes them again before the first backward node that reads one. */
function addSegment(draft: Draft, segment: Segment): void {
  const { graph, lossAt } = draft;
  const lost = lostValues(draft, segment);
  const first = graph.nodes.findIndex((node, at) => at > lossAt && node.inputs.some((name) => lost.has(name)));
  if (first < 0) return;
  const repeated = nodesFor(draft, segment, lost);
  const fresh = new Map(repeated.flatMap((node) => node.outputs).map((name) => [name, addAgain(draft, name)]));
  const barrier = makeBarrier(draft, first);
  const nodes = repeated.map((node) => ({
    ...node,
    name: againName(node.name),
    inputs: node.inputs.map((name) => fresh.get(name) ?? barrier.pass(name)),
    outputs: node.outputs.map((name) => fresh.get(name)!),
  }));
  for (const name of lost) draft.again.set(name, fresh.get(name)!);
  const before = draft.inserted.get(first) ?? [];
  draft.inserted.set(first, [...before, ...barrier.nodes, ...nodes]);
}

/** Values that only the segment itself and the backward part read. */
function lostValues({ graph, lossAt, madeAt, keptBytes }: Draft, { start, end }: Segment): Set<string> {
  const later = new Set(graph.nodes.slice(end, lossAt + 1).flatMap((node) => node.inputs));
  const results = new Set(graph.outputs.map(({ name }) => name));
  const wanted = graph.nodes.slice(lossAt + 1).flatMap((node) => node.inputs);
  return new Set(
    wanted.filter((name) => {
      const at = madeAt.get(name) ?? -1;
      const inside = at >= start && at < end;
      return inside && !later.has(name) && !results.has(name) && bytesOf(graph, name) > keptBytes;
    }),
  );
}

/** The segment's nodes that it takes to make the lost values from what is kept, in order. */
function nodesFor({ graph, madeAt }: Draft, { start, end }: Segment, lost: ReadonlySet<string>): Node[] {
  const later = new Set(graph.nodes.slice(end).flatMap((node) => node.inputs));
  const wanted = new Set(lost);
  const nodes: Node[] = [];
  for (let at = end - 1; at >= start; at--) {
    const node = graph.nodes[at];
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    nodes.unshift(node);
    for (const name of node.inputs) {
      const kept = later.has(name) && !lost.has(name);
      if (!kept && (madeAt.get(name) ?? -1) >= start) wanted.add(name);
    }
  }
  return nodes;
}

function againName(name: string): string {
  return `${name}/again`;
}

function addAgain(draft: Draft, name: string): string {
  if (name === '') return '';
  draft.values.set(againName(name), draft.graph.values.get(name)!);
  return againName(name);
}

interface Barrier {
  readonly nodes: Node[];
  /** The same value, but not before the backward part has come this far; small values pass as they are. */
  pass(name: string): string;
}

/**
 * onnxruntime merges nodes that compute the same from the same, and runs a node as soon as it can. So what is computed again
 * starts from views of the kept values whose shapes depend on the newest gradient: shape + (g > g), which is the shape.
 */
function makeBarrier(draft: Draft, at: number): Barrier {
  const { graph, values, initialisers } = draft;
  const nodes: Node[] = [];
  const passed = new Map<string, string>();
  const add = (op: string, inputs: readonly string[], shape: Shape, attributes: Node['attributes'] = {}) => {
    const name = `again/${at}/${op}${nodes.length}`;
    nodes.push({ name, op, domain: '', inputs, outputs: [name], attributes });
    values.set(name, shape);
    return name;
  };
  const constant = (numbers: readonly number[]) => {
    const name = `again/${numbers.join('x')}`;
    const tensor = tensorOf('int64', [numbers.length], numbers);
    initialisers.set(name, tensor);
    values.set(name, tensor);
    return name;
  };
  const zero = () => {
    const newest = newestGradient(draft, at);
    const { type, dims } = values.get(newest)!;
    const corner = [dims.map(() => 0), dims.map(() => 1)].map(constant);
    const one = sizeOf(dims) === 1 ? newest : add('Slice', [newest, ...corner], { type, dims: dims.map(() => 1) });
    const scalar = add('Reshape', [one, constant([1])], { type, dims: [1] });
    const never = add('Greater', [scalar, scalar], { type: 'bool', dims: [1] });
    return add('Cast', [never], { type: 'int64', dims: [1] }, { to: { kind: 'int', value: 7 } });
  };
  let late: string | null = null;
  const pass = (name: string) => {
    if (!values.has(name) || initialisers.has(name) || bytesOf(graph, name) <= draft.keptBytes) return name;
    const known = passed.get(name);
    if (known !== undefined) return known;
    const shape = values.get(name)!;
    late ??= zero();
    const dims = add('Add', [constant(shape.dims), late], { type: 'int64', dims: [shape.dims.length] });
    const view = add('Reshape', [name, dims], shape);
    passed.set(name, view);
    return view;
  };
  return { nodes, pass };
}

/** The last float value that the backward part made before a position; the loss where there is none. */
function newestGradient({ graph, lossAt }: Draft, at: number): string {
  for (let before = at - 1; before > lossAt; before--) {
    const [name] = graph.nodes[before].outputs;
    const value = graph.values.get(name);
    if (value && isFloat(value.type) && sizeOf(value.dims) > 0) return name;
  }
  return graph.loss;
}
