/**
 * Putting gradients back to where values came from along axes: Slice and Pad, and the moves that other rules share. Only
 * Slice, Pad, Reshape, Gather and Add are used, which every provider runs.
 */
import { stringOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { type Gradient, questionOf, type Rule, type RuleCall } from './grad-rule.ts';
import { padAmounts, type SliceAxis, sliceAxes } from './shape-axes.ts';
import { sizeOf } from './tensor.ts';

/** Zeros added before and after each axis; a negative number takes elements away. */
function refit(g: GraphBuilder, value: string, before: readonly number[], after: readonly number[]): string {
  let cut = value;
  g.dims(value).forEach((size, axis) => {
    cut = g.slice(cut, axis, Math.max(0, -before[axis]), size - Math.max(0, -after[axis]));
  });
  const added = [...before, ...after].map((amount) => Math.max(0, amount));
  return added.every((amount) => amount === 0) ? cut : g.op('Pad', [cut, g.ints(added)]);
}

/** `amount` at one axis, 0 at the others. */
function only(rank: number, axis: number, amount: number): number[] {
  return Array.from({ length: rank }, (_, i) => (i === axis ? amount : 0));
}

function backwardsAlong(g: GraphBuilder, value: string, axis: number): string {
  const size = g.dims(value)[axis];
  if (size === 1) return value;
  const order = Array.from({ length: size }, (_, i) => size - 1 - i);
  return g.op('Gather', [value, g.ints(order)], { axis });
}

/** step − 1 zeros after each element along the axis. */
function spreadAlong(g: GraphBuilder, value: string, axis: number, step: number): string {
  const dims = g.dims(value);
  const apart = g.reshape(value, [...dims.slice(0, axis + 1), 1, ...dims.slice(axis + 1)]);
  const rank = dims.length + 1;
  const padded = refit(g, apart, only(rank, rank, 0), only(rank, axis + 1, step - 1));
  return g.reshape(
    padded,
    dims.map((size, i) => (i === axis ? size * step : size)),
  );
}

/** An axis of `size` zeros with the values at start, start + step, …, from where they were taken. */
export function putBack(g: GraphBuilder, value: string, { axis, start, step, count }: SliceAxis, size: number): string {
  if (step < 0) {
    const last = start + (count - 1) * step;
    return putBack(g, backwardsAlong(g, value, axis), { axis, start: last, step: -step, count }, size);
  }
  const wide = step === 1 || count === 1 ? value : spreadAlong(g, value, axis, step);
  const dims = g.dims(wide);
  return refit(g, wide, only(dims.length, axis, start), only(dims.length, axis, size - start - dims[axis]));
}

const slice: Rule = (call) => {
  const { g, x, y, dy } = call;
  const dims = g.dims(x[0]);
  if (sizeOf(g.dims(y[0])) === 0) return [g.filled(dims, 0)];
  const before = dims.map(() => 0);
  const after = dims.map(() => 0);
  let slope = dy[0]!;
  for (const taken of sliceAxes(questionOf(call))) {
    const { axis, start, step, count } = taken;
    if (step === 1) {
      before[axis] = start;
      after[axis] = dims[axis] - start - count;
    } else slope = putBack(g, slope, taken, dims[axis]);
  }
  return [refit(g, slope, before, after)];
};

const pad: Rule = (call) => {
  const { g, node, x, dy, needs } = call;
  const { before, after } = padAmounts(questionOf(call));
  const mode = stringOf(node.attributes, 'mode', 'constant');
  if (mode !== 'constant') return [foldedBorders(call, mode), ...x.slice(1).map(() => null)];
  const minus = (amounts: readonly number[]) => amounts.map((amount) => -amount);
  const core = refit(g, dy[0]!, minus(before), minus(after));
  const everything = (value: string) => g.op('ReduceSum', [value], { keepdims: 0 });
  const border = () => g.reshape(g.sub(everything(dy[0]!), everything(core)), g.dims(x[2]));
  return [core, null, needs[2] ? border() : null, null];
};

interface Border {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
  /** Length of the axis between its borders. */
  readonly size: number;
  readonly mode: string;
}

/** Borders that repeat the picture give their gradient to the pixels that they repeat. */
function foldedBorders({ g, node, x, dy }: RuleCall, mode: string): string {
  const dims = g.dims(x[0]);
  const { before, after } = padAmounts(questionOf({ g, node }));
  let slope = dy[0]!;
  dims.forEach((full, axis) => {
    const size = full + Math.min(0, before[axis]) + Math.min(0, after[axis]);
    const border = { axis, before: Math.max(0, before[axis]), after: Math.max(0, after[axis]), size, mode };
    slope = foldedAxis(g, slope, border);
  });
  const taken = (amounts: readonly number[]) => amounts.map((amount) => Math.max(0, -amount));
  return refit(g, slope, taken(before), taken(after));
}

function foldedAxis(g: GraphBuilder, slope: string, { axis, before, after, size, mode }: Border): string {
  const end = before + size;
  let core = g.slice(slope, axis, before, end);
  const give = (part: string, taken: Omit<SliceAxis, 'axis'>) => {
    core = g.add(core, putBack(g, part, { axis, ...taken }, size));
  };
  const sides = [
    { part: () => g.slice(slope, axis, 0, before), count: before, edge: 0, mirror: before },
    { part: () => g.slice(slope, axis, end, end + after), count: after, edge: size - 1, mirror: size - 2 },
  ];
  for (const { part, count, edge, mirror } of sides) {
    if (count === 0) continue;
    if (mode === 'edge') give(g.sum(part(), [axis]), { start: edge, step: 1, count: 1 });
    else give(part(), { start: mirror, step: -1, count });
  }
  return core;
}

export const PLACE_RULES = { Pad: pad, Slice: slice } satisfies Record<string, Gradient>;
