/** Reference kernels that pick or place values by index. */
import { HistoloopError } from '../errors.ts';
import { intOf, stringOf } from './attributes.ts';
import { asQuestion, type Kernel, type KernelCall, lines, type Value } from './reference-values.ts';
import { rangeOf } from './shape-index.ts';
import { axisOf, sizeOf, stridesOf } from './tensor.ts';

/** An index as 0…size−1; it may count from the end. */
function inside(index: number, size: number): number {
  const positive = index < 0 ? index + size : index;
  if (positive >= 0 && positive < size) return positive;
  throw new HistoloopError('model-unusable', `index ${index} lies outside an axis of ${size}`);
}

function argument(better: (value: number, best: number) => boolean): Kernel {
  return ({ inputs, attributes }) => {
    const x = inputs[0]!;
    const result: number[] = [];
    const lastWins = intOf(attributes, 'select_last_index', 0) === 1;
    for (const { at, stride, length } of lines(x.dims, axisOf(intOf(attributes, 'axis', 0), x.dims.length))) {
      let best = 0;
      for (let i = 1; i < length; i++) {
        const [value, top] = [x.data[at + i * stride], x.data[at + best * stride]];
        if (better(value, top) || (lastWins && value === top)) best = i;
      }
      result.push(best);
    }
    return [Float64Array.from(result)];
  };
}

const gather: Kernel = ({ inputs, attributes, outputs }) => {
  const [x, indices] = [inputs[0]!, inputs[1]!];
  const axis = axisOf(intOf(attributes, 'axis', 0), x.dims.length);
  const inner = sizeOf(x.dims.slice(axis + 1));
  const result = new Float64Array(sizeOf(outputs[0].dims));
  const perOuter = indices.data.length * inner;
  for (let i = 0; i < result.length; i++) {
    const index = inside(indices.data[Math.floor((i % perOuter) / inner)], x.dims[axis]);
    result[i] = x.data[(Math.floor(i / perOuter) * x.dims[axis] + index) * inner + (i % inner)];
  }
  return [result];
};

/** For each element of the indices, where in the data it points: its own position, but for the axis that it names. */
function elementOffsets({ inputs, attributes }: KernelCall): Int32Array {
  const [data, indices] = [inputs[0]!, inputs[1]!];
  const axis = axisOf(intOf(attributes, 'axis', 0), data.dims.length);
  const [own, outer] = [stridesOf(data.dims), stridesOf(indices.dims)];
  return Int32Array.from(indices.data, (index, i) =>
    indices.dims.reduce((sum, size, at) => {
      const position = at === axis ? inside(index, data.dims[axis]) : Math.floor(i / outer[at]) % size;
      return sum + position * own[at];
    }, 0),
  );
}

/** For each row of the indices, where in the data the block that it names starts. */
function blockOffsets(data: Value, indices: Value): Int32Array {
  const deep = indices.dims.at(-1)!;
  const strides = stridesOf(data.dims);
  return Int32Array.from({ length: sizeOf(indices.dims.slice(0, -1)) }, (_, row) => {
    let offset = 0;
    for (let axis = 0; axis < deep; axis++) {
      offset += inside(indices.data[row * deep + axis], data.dims[axis]) * strides[axis];
    }
    return offset;
  });
}

const gatherNd: Kernel = ({ inputs, outputs }) => {
  const [data, indices] = [inputs[0]!, inputs[1]!];
  const block = sizeOf(data.dims.slice(indices.dims.at(-1)!));
  const starts = blockOffsets(data, indices);
  const size = sizeOf(outputs[0].dims);
  return [Float64Array.from({ length: size }, (_, i) => data.data[starts[Math.floor(i / block)] + (i % block)])];
};

const JOINS: Readonly<Record<string, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  max: Math.max,
  min: Math.min,
};

function placed(call: KernelCall, target: (i: number) => number): Float64Array[] {
  const join = JOINS[stringOf(call.attributes, 'reduction', 'none')];
  const result = call.inputs[0]!.data.slice();
  call.inputs[2]!.data.forEach((update, i) => {
    const at = target(i);
    result[at] = join(result[at], update);
  });
  return [result];
}

const scatterElements: Kernel = (call) => {
  const into = elementOffsets(call);
  return placed(call, (i) => into[i]);
};

const scatterNd: Kernel = (call) => {
  const [data, indices] = [call.inputs[0]!, call.inputs[1]!];
  const block = sizeOf(data.dims.slice(indices.dims.at(-1)!));
  const starts = blockOffsets(data, indices);
  return placed(call, (i) => starts[Math.floor(i / block)] + (i % block));
};

const topK: Kernel = ({ inputs, attributes, outputs }) => {
  const x = inputs[0]!;
  const axis = axisOf(intOf(attributes, 'axis', -1), x.dims.length);
  const sign = intOf(attributes, 'largest', 1) === 1 ? -1 : 1;
  const kept = outputs[0].dims;
  const [values, indices] = [new Float64Array(sizeOf(kept)), new Float64Array(sizeOf(kept))];
  const targets = [...lines(kept, axis)];
  [...lines(x.dims, axis)].forEach(({ at, stride, length }, line) => {
    const order = Array.from({ length }, (_, i) => i);
    order.sort((a, b) => sign * (x.data[at + a * stride] - x.data[at + b * stride]) || a - b);
    for (let i = 0; i < kept[axis]; i++) {
      const target = targets[line].at + i * targets[line].stride;
      values[target] = x.data[at + order[i] * stride];
      indices[target] = order[i];
    }
  });
  return [values, indices];
};

const nonZero: Kernel = ({ inputs, outputs }) => {
  const x = inputs[0]!;
  const [rank, found] = outputs[0].dims;
  const strides = x.dims.length === 0 ? [1] : stridesOf(x.dims);
  const result = new Float64Array(rank * found);
  let column = 0;
  x.data.forEach((value, i) => {
    if (value === 0) return;
    for (let axis = 0; axis < rank; axis++) {
      result[axis * found + column] = Math.floor(i / strides[axis]) % (x.dims[axis] ?? 1);
    }
    column++;
  });
  return [result];
};

const range: Kernel = (call) => {
  const { start, step, count } = rangeOf(asQuestion(call));
  return [Float64Array.from({ length: count }, (_, i) => start + i * step)];
};

export const INDEX_KERNELS = {
  ArgMax: argument((value, best) => value > best),
  ArgMin: argument((value, best) => value < best),
  Gather: gather,
  GatherElements: (call) => [Float64Array.from(elementOffsets(call), (at) => call.inputs[0]!.data[at])],
  GatherND: gatherNd,
  NonZero: nonZero,
  Range: range,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  TopK: topK,
} satisfies Record<string, Kernel>;
