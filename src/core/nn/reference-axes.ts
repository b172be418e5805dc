/** Reference kernels that work along axes: reductions, softmax, and everything that only moves values about. */
import { intOf } from './attributes.ts';
import { INDEX_KERNELS } from './reference-index.ts';
import {
  asQuestion,
  broadcastStrides,
  type Kernel,
  type KernelCall,
  lines,
  offsets,
  type Value,
  valueOfTensor,
} from './reference-values.ts';
import { padAmounts, permutation, shapeRange, sliceAxes, splitSizes } from './shape-axes.ts';
import { axisOf, sizeOf, stridesOf } from './tensor.ts';

function reducedAxes({ inputs, attributes }: KernelCall): Set<number> {
  const rank = inputs[0]!.dims.length;
  const named = inputs[1] ? Array.from(inputs[1].data) : [];
  if (named.length > 0) return new Set(named.map((axis) => axisOf(axis, rank)));
  if (intOf(attributes, 'noop_with_empty_axes', 0) === 1) return new Set();
  return new Set(Array.from({ length: rank }, (_, axis) => axis));
}

function reduce(start: number, join: (a: number, b: number) => number, mean = false): Kernel {
  return (call) => {
    const x = call.inputs[0]!;
    const axes = reducedAxes(call);
    const kept = x.dims.map((dim, axis) => (axes.has(axis) ? 1 : dim));
    const into = offsets(x.dims, broadcastStrides(kept, x.dims));
    const result = new Float64Array(sizeOf(kept)).fill(start);
    x.data.forEach((value, i) => {
      result[into[i]] = join(result[into[i]], value);
    });
    return [mean ? result.map((sum) => (sum * result.length) / x.data.length) : result];
  };
}

const sumOfExp: Kernel = (call) => {
  const [top] = reduce(Number.NEGATIVE_INFINITY, Math.max)(call);
  const x = call.inputs[0]!;
  const axes = reducedAxes(call);
  const kept = x.dims.map((dim, axis) => (axes.has(axis) ? 1 : dim));
  const into = offsets(x.dims, broadcastStrides(kept, x.dims));
  const sums = new Float64Array(top.length);
  x.data.forEach((value, i) => {
    sums[into[i]] += Math.exp(value - top[into[i]]);
  });
  return [sums.map((sum, i) => Math.log(sum) + top[i])];
};

const norm: Kernel = (call) => {
  const x = call.inputs[0]!;
  const squared = { ...x, data: x.data.map((value) => value * value) };
  const [sums] = reduce(0, (a, b) => a + b)({ ...call, inputs: [squared, call.inputs[1]] });
  return [sums.map(Math.sqrt)];
};

function softmax(logarithm: boolean): Kernel {
  return ({ inputs, attributes }) => {
    const x = inputs[0]!;
    const result = new Float64Array(x.data.length);
    for (const { at, stride, length } of lines(x.dims, axisOf(intOf(attributes, 'axis', -1), x.dims.length))) {
      let top = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < length; i++) top = Math.max(top, x.data[at + i * stride]);
      let sum = 0;
      for (let i = 0; i < length; i++) sum += Math.exp(x.data[at + i * stride] - top);
      for (let i = 0; i < length; i++) {
        const log = x.data[at + i * stride] - top - Math.log(sum);
        result[at + i * stride] = logarithm ? log : Math.exp(log);
      }
    }
    return [result];
  };
}

/** Output i is input `from[i]`. */
function pick(x: Value, from: Int32Array): Float64Array {
  return Float64Array.from(from, (at) => x.data[at]);
}

const copy: Kernel = ({ inputs }) => [inputs[0]!.data.slice()];

const expand: Kernel = ({ inputs, outputs }) => {
  const x = inputs[0]!;
  return [pick(x, offsets(outputs[0].dims, broadcastStrides(x.dims, outputs[0].dims)))];
};

const transpose: Kernel = (call) => {
  const x = call.inputs[0]!;
  const strides = stridesOf(x.dims);
  const turned = permutation(asQuestion(call)).map((axis) => strides[axis]);
  return [pick(x, offsets(call.outputs[0].dims, turned))];
};

const slice: Kernel = (call) => {
  const x = call.inputs[0]!;
  const strides = stridesOf(x.dims);
  let base = 0;
  for (const { axis, start, step } of sliceAxes(asQuestion(call))) {
    base += start * strides[axis];
    strides[axis] *= step;
  }
  return [pick(x, offsets(call.outputs[0].dims, strides, base))];
};

const pad: Kernel = (call) => {
  const x = call.inputs[0]!;
  const { before } = padAmounts(asQuestion(call));
  const { dims } = call.outputs[0];
  const mode = call.attributes.mode?.kind === 'string' ? call.attributes.mode.value : 'constant';
  const result = new Float64Array(sizeOf(dims)).fill(call.inputs[2]?.data[0] ?? 0);
  const [own, outer] = [stridesOf(x.dims), stridesOf(dims)];
  for (let i = 0; i < result.length; i++) {
    let from = 0;
    for (let axis = 0; axis < dims.length && from >= 0; axis++) {
      const at = foldIn((((i / outer[axis]) | 0) % dims[axis]) - before[axis], x.dims[axis], mode);
      from = at < 0 ? -1 : from + at * own[axis];
    }
    if (from >= 0) result[i] = x.data[from];
  }
  return [result];
};

/** Where a padded position reads from; −1 for the constant. */
function foldIn(at: number, size: number, mode: string): number {
  if (at >= 0 && at < size) return at;
  if (mode === 'edge') return Math.min(size - 1, Math.max(0, at));
  if (mode === 'reflect') return at < 0 ? -at : 2 * (size - 1) - at;
  return -1;
}

const concat: Kernel = ({ inputs, attributes, outputs }) => {
  const { dims } = outputs[0];
  const axis = axisOf(intOf(attributes, 'axis', 0), dims.length);
  const result = new Float64Array(sizeOf(dims));
  let start = 0;
  for (const input of inputs) {
    const into = offsets(input!.dims, stridesOf(dims), start * stridesOf(dims)[axis]);
    input!.data.forEach((value, i) => {
      result[into[i]] = value;
    });
    start += input!.dims[axis];
  }
  return [result];
};

const split: Kernel = (call) => {
  const x = call.inputs[0]!;
  const strides = stridesOf(x.dims);
  const axis = axisOf(intOf(call.attributes, 'axis', 0), x.dims.length);
  let start = 0;
  return splitSizes(asQuestion(call)).map((size, part) => {
    const data = pick(x, offsets(call.outputs[part].dims, strides, start * strides[axis]));
    start += size;
    return data;
  });
};

const cumSum: Kernel = ({ inputs, attributes }) => {
  const [x, axis] = [inputs[0]!, inputs[1]!.data[0]];
  const backwards = intOf(attributes, 'reverse', 0) === 1;
  const without = intOf(attributes, 'exclusive', 0) === 1;
  const result = new Float64Array(x.data.length);
  for (const { at, stride, length } of lines(x.dims, axisOf(axis, x.dims.length))) {
    let sum = 0;
    for (let step = 0; step < length; step++) {
      const i = at + (backwards ? length - 1 - step : step) * stride;
      result[i] = without ? sum : sum + x.data[i];
      sum += x.data[i];
    }
  }
  return [result];
};

const tile: Kernel = ({ inputs, outputs }) => {
  const [x, { dims }] = [inputs[0]!, outputs[0]];
  const [own, outer] = [stridesOf(x.dims), stridesOf(dims)];
  const from = Int32Array.from({ length: sizeOf(dims) }, (_, i) =>
    dims.reduce((sum, _dim, axis) => sum + ((Math.floor(i / outer[axis]) % dims[axis]) % x.dims[axis]) * own[axis], 0),
  );
  return [pick(x, from)];
};

const constantOfShape: Kernel = ({ attributes, outputs }) => {
  const fill = attributes.value?.kind === 'tensor' ? valueOfTensor(attributes.value.value).data[0] : 0;
  return [new Float64Array(sizeOf(outputs[0].dims)).fill(fill)];
};

export const AXES = {
  Concat: concat,
  ConstantOfShape: constantOfShape,
  CumSum: cumSum,
  Expand: expand,
  LogSoftmax: softmax(true),
  Pad: pad,
  ReduceL2: norm,
  ReduceLogSumExp: sumOfExp,
  ReduceMax: reduce(Number.NEGATIVE_INFINITY, Math.max),
  ReduceMean: reduce(0, (a, b) => a + b, true),
  ReduceMin: reduce(Number.POSITIVE_INFINITY, Math.min),
  ReduceProd: reduce(1, (a, b) => a * b),
  ReduceSum: reduce(0, (a, b) => a + b),
  Reshape: copy,
  Shape: (call) => [Float64Array.from(shapeRange(asQuestion(call)))],
  Slice: slice,
  Softmax: softmax(false),
  Split: split,
  Squeeze: copy,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: copy,
  ...INDEX_KERNELS,
} satisfies Record<string, Kernel>;
