/** Shapes of operators along axes: reductions, and everything that only moves values about. */
import { intOf, intsOf } from './attributes.ts';
import { INDEX_SHAPES } from './shape-index.ts';
import { constantNumbers, dropAxes, first, refuse, type ShapeQuestion, type ShapeRule } from './shape-question.ts';
import { axisOf, broadcastDims, sizeOf } from './tensor.ts';

const same: ShapeRule = (q) => [{ type: first(q).type, dims: first(q).dims }];

const reduce: ShapeRule = (q) => {
  const { type, dims } = first(q);
  const named = constantNumbers(q, 1) ?? [];
  if (named.length === 0 && intOf(q.attributes, 'noop_with_empty_axes', 0) === 1) return same(q);
  const axes = new Set(
    (named.length > 0 ? named : dims.map((_, axis) => axis)).map((axis) => axisOf(axis, dims.length)),
  );
  return [{ type, dims: dropAxes(dims, axes, intOf(q.attributes, 'keepdims', 1) === 1) }];
};

const reshape: ShapeRule = (q) => {
  const { type, dims } = first(q);
  const wanted = constantNumbers(q, 1)!;
  const keepZero = intOf(q.attributes, 'allowzero', 0) === 1;
  const filled = wanted.map((dim, axis) => (dim === 0 && !keepZero ? dims[axis] : dim));
  const rest = filled.filter((dim) => dim !== -1).reduce((product, dim) => product * dim, 1);
  const result = filled.map((dim) => (dim === -1 ? sizeOf(dims) / rest : dim));
  if (sizeOf(result) !== sizeOf(dims) || !result.every((dim) => Number.isInteger(dim) && dim >= 0)) {
    throw refuse(
      `a tensor of ${dims.join('×')} cannot become ${wanted.join('×')}; the network may be fixed to one batch or tile size`,
    );
  }
  return [{ type, dims: result }];
};

const concat: ShapeRule = (q) => {
  const { type, dims } = first(q);
  const axis = axisOf(intOf(q.attributes, 'axis', 0), dims.length);
  let total = 0;
  for (const input of q.inputs) {
    if (
      input === undefined ||
      input.dims.length !== dims.length ||
      input.dims.some((d, i) => i !== axis && d !== dims[i])
    ) {
      throw refuse(
        `${dims.join('×')} and ${input?.dims.join('×')} cannot be joined along axis ${axis}; choose a tile size that can be halved as often as the network does`,
      );
    }
    total += input.dims[axis];
  }
  return [{ type, dims: dims.map((dim, i) => (i === axis ? total : dim)) }];
};

/** Sizes of the parts of a Split. */
export function splitSizes(q: ShapeQuestion): number[] {
  const { dims } = first(q);
  const axis = axisOf(intOf(q.attributes, 'axis', 0), dims.length);
  const part = Math.ceil(dims[axis] / q.outputs);
  const even = Array.from({ length: q.outputs }, (_, i) => Math.max(0, Math.min(part, dims[axis] - i * part)));
  const sizes = constantNumbers(q, 1) ?? even;
  if (sizes.length !== q.outputs || sizes.reduce((sum, size) => sum + size, 0) !== dims[axis]) {
    throw refuse(`an axis of ${dims[axis]} cannot be split into ${sizes.join(', ')}`);
  }
  return sizes;
}

const split: ShapeRule = (q) => {
  const { type, dims } = first(q);
  const axis = axisOf(intOf(q.attributes, 'axis', 0), dims.length);
  return splitSizes(q).map((size) => ({ type, dims: dims.map((dim, i) => (i === axis ? size : dim)) }));
};

export interface SliceAxis {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** What a Slice takes along each axis it names, limits clamped. */
export function sliceAxes(q: ShapeQuestion): SliceAxis[] {
  const { dims } = first(q);
  const [starts, ends] = [constantNumbers(q, 1)!, constantNumbers(q, 2)!];
  const axes = constantNumbers(q, 3) ?? starts.map((_, axis) => axis);
  const steps = constantNumbers(q, 4) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    throw refuse('starts, ends, axes and steps of a Slice differ in length');
  }
  return axes.map((named, i) => {
    const axis = axisOf(named, dims.length);
    const [size, step] = [dims[axis], steps[i]];
    if (step === 0) throw refuse('a Slice cannot step by 0');
    const clamp = (at: number, low: number, high: number) => Math.min(high, Math.max(low, at < 0 ? at + size : at));
    const start = step > 0 ? clamp(starts[i], 0, size) : clamp(starts[i], 0, size - 1);
    const end = step > 0 ? clamp(ends[i], 0, size) : clamp(ends[i], -1, size - 1);
    return { axis, start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  });
}

const slice: ShapeRule = (q) => {
  const dims = [...first(q).dims];
  for (const { axis, count } of sliceAxes(q)) dims[axis] = count;
  return [{ type: first(q).type, dims }];
};

/** Values added before and after each axis by a Pad. */
export function padAmounts(q: ShapeQuestion): { before: number[]; after: number[] } {
  const rank = first(q).dims.length;
  const pads = constantNumbers(q, 1)!;
  const axes = (constantNumbers(q, 3) ?? Array.from({ length: rank }, (_, axis) => axis)).map((axis) =>
    axisOf(axis, rank),
  );
  if (pads.length !== 2 * axes.length) throw refuse(`${pads.length} padding amounts do not fit ${axes.length} axes`);
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  axes.forEach((axis, i) => {
    before[axis] = pads[i];
    after[axis] = pads[i + axes.length];
  });
  return { before, after };
}

const pad: ShapeRule = (q) => {
  const { before, after } = padAmounts(q);
  return [{ type: first(q).type, dims: first(q).dims.map((dim, axis) => dim + before[axis] + after[axis]) }];
};

const squeeze: ShapeRule = (q) => {
  const { type, dims } = first(q);
  const named = constantNumbers(q, 1)?.map((axis) => axisOf(axis, dims.length));
  const axes = new Set(named ?? dims.flatMap((dim, axis) => (dim === 1 ? [axis] : [])));
  if (dims.some((dim, axis) => axes.has(axis) && dim !== 1))
    throw refuse(`${dims.join('×')} cannot lose an axis that is not 1`);
  return [{ type, dims: dims.filter((_, axis) => !axes.has(axis)) }];
};

const unsqueeze: ShapeRule = (q) => {
  const { type, dims } = first(q);
  const named = constantNumbers(q, 1)!;
  const rank = dims.length + named.length;
  const axes = new Set(named.map((axis) => axisOf(axis, rank)));
  const rest = [...dims];
  return [{ type, dims: Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : rest.shift()!)) }];
};

const transpose: ShapeRule = (q) => {
  const { type, dims } = first(q);
  return [{ type, dims: permutation(q).map((axis) => dims[axis]) }];
};

/** The axes of a Transpose; reversed where it does not say. */
export function permutation(q: Pick<ShapeQuestion, 'inputs' | 'attributes'>): readonly number[] {
  const rank = q.inputs[0]!.dims.length;
  const perm = intsOf(q.attributes, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  if (perm.length !== rank || new Set(perm).size !== rank || perm.some((axis) => axis < 0 || axis >= rank)) {
    throw refuse(`axes ${perm.join(', ')} are no order of ${rank} axes`);
  }
  return perm;
}

const tile: ShapeRule = (q) => {
  const { type, dims } = first(q);
  const repeats = constantNumbers(q, 1)!;
  if (repeats.length !== dims.length) throw refuse(`${repeats.length} repeats do not fit ${dims.length} axes`);
  return [{ type, dims: dims.map((dim, axis) => dim * repeats[axis]) }];
};

const constantOfShape: ShapeRule = (q) => {
  const value = q.attributes.value;
  return [{ type: value?.kind === 'tensor' ? value.value.type : 'float32', dims: constantNumbers(q, 0)! }];
};

/** The sizes that a Shape node reports. */
export function shapeRange(q: Pick<ShapeQuestion, 'inputs' | 'attributes'>): readonly number[] {
  const { dims } = q.inputs[0]!;
  return dims.slice(intOf(q.attributes, 'start', 0), intOf(q.attributes, 'end', dims.length));
}

export const AXES_SHAPES = {
  Concat: concat,
  ConstantOfShape: constantOfShape,
  CumSum: same,
  Expand: (q) => [{ type: first(q).type, dims: broadcastDims(first(q).dims, constantNumbers(q, 1)!) }],
  LogSoftmax: same,
  Pad: pad,
  ReduceL2: reduce,
  ReduceLogSumExp: reduce,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,
  Reshape: reshape,
  Shape: (q) => [{ type: 'int64', dims: [shapeRange(q).length] }],
  Slice: slice,
  Softmax: same,
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
  ...INDEX_SHAPES,
} satisfies Record<string, ShapeRule>;
