/** Shapes of operators that pick or place values by index. */
import { intOf, stringOf } from './attributes.ts';
import { constantNumbers, dropAxes, first, refuse, type ShapeQuestion, type ShapeRule } from './shape-question.ts';
import { axisOf } from './tensor.ts';

const argument: ShapeRule = (q) => {
  const { dims } = first(q);
  const axis = axisOf(intOf(q.attributes, 'axis', 0), dims.length);
  return [{ type: 'int64', dims: dropAxes(dims, new Set([axis]), intOf(q.attributes, 'keepdims', 1) === 1) }];
};

const gather: ShapeRule = (q) => {
  const { type, dims } = first(q);
  const axis = axisOf(intOf(q.attributes, 'axis', 0), dims.length);
  return [{ type, dims: [...dims.slice(0, axis), ...q.inputs[1]!.dims, ...dims.slice(axis + 1)] }];
};

const gatherElements: ShapeRule = (q) => {
  const [data, indices] = [first(q), q.inputs[1]!];
  axisOf(intOf(q.attributes, 'axis', 0), data.dims.length);
  if (data.dims.length !== indices.dims.length) {
    throw refuse(`indices ${indices.dims.join('×')} have another rank than ${data.dims.join('×')}`);
  }
  return [{ type: data.type, dims: indices.dims }];
};

/** [..., q] indices pick what is left after the first q axes. */
function pickedDims(q: ShapeQuestion): number[] {
  const [data, indices] = [first(q).dims, q.inputs[1]!.dims];
  const deep = indices.at(-1);
  if (deep === undefined || deep > data.length) {
    throw refuse(`indices ${indices.join('×')} reach deeper than the axes of ${data.join('×')}`);
  }
  return [...indices.slice(0, -1), ...data.slice(deep)];
}

const REDUCTIONS = ['none', 'add', 'mul', 'max', 'min'];

function requireReduction({ attributes }: ShapeQuestion): void {
  const reduction = stringOf(attributes, 'reduction', 'none');
  if (!REDUCTIONS.includes(reduction)) throw refuse(`values cannot be joined by '${reduction}'`);
}

const scatterNd: ShapeRule = (q) => {
  requireReduction(q);
  const [wanted, updates] = [pickedDims(q), q.inputs[2]!.dims];
  if (wanted.join() !== updates.join()) {
    throw refuse(`${updates.join('×')} values do not fill the ${wanted.join('×')} places that the indices name`);
  }
  return [{ type: first(q).type, dims: first(q).dims }];
};

const scatterElements: ShapeRule = (q) => {
  requireReduction(q);
  const [data, indices, updates] = q.inputs.map((input) => input!.dims);
  axisOf(intOf(q.attributes, 'axis', 0), data.length);
  if (indices.length !== data.length || indices.join() !== updates.join()) {
    throw refuse(`${updates.join('×')} values and indices ${indices.join('×')} do not fit ${data.join('×')}`);
  }
  return [{ type: first(q).type, dims: data }];
};

const topK: ShapeRule = (q) => {
  const { type, dims } = first(q);
  const axis = axisOf(intOf(q.attributes, 'axis', -1), dims.length);
  const count = constantNumbers(q, 1)![0];
  if (count > dims[axis]) throw refuse(`an axis of ${dims[axis]} has no ${count} largest values`);
  const kept = dims.map((dim, i) => (i === axis ? count : dim));
  return [
    { type, dims: kept },
    { type: 'int64', dims: kept },
  ];
};

/** Start, end and step of a Range, and how many values that makes. */
export function rangeOf(q: ShapeQuestion): { start: number; step: number; count: number } {
  const [start, end, step] = [0, 1, 2].map((index) => constantNumbers(q, index)![0]);
  if (step === 0) throw refuse('a Range cannot step by 0');
  return { start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
}

/** How many values are not 0 must be known when the graph is built. */
const nonZero: ShapeRule = (q) => {
  const found = constantNumbers(q, 0)!.filter((value) => value !== 0).length;
  return [{ type: 'int64', dims: [Math.max(1, first(q).dims.length), found] }];
};

export const INDEX_SHAPES = {
  ArgMax: argument,
  ArgMin: argument,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: (q) => [{ type: first(q).type, dims: pickedDims(q) }],
  NonZero: nonZero,
  Range: (q) => [{ type: first(q).type, dims: [rangeOf(q).count] }],
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  TopK: topK,
} satisfies Record<string, ShapeRule>;
