/** Reference kernels of layers: convolution in any number of axes, pooling, normalisation, resizing, matrix products. */
import { intOf } from './attributes.ts';
import { MATRIX } from './reference-matrix.ts';
import { NORMALISATION } from './reference-normalisation.ts';
import { asQuestion, type Kernel } from './reference-values.ts';
import { resizeQuestion } from './resize.ts';
import { resizeTaps } from './resize-taps.ts';
import { sizeOf } from './tensor.ts';
import { poolShares, transposedWindow, type Window, windowOf } from './window.ts';

/**
 * Every (window position, tap) pair of one axis that reads a real pixel: `[out, tap, in]` triples.
 */
function contacts(window: Window, axis: number, sizes: { input: number; output: number }): number[] {
  const triples: number[] = [];
  for (let out = 0; out < sizes.output; out++) {
    const start = out * window.strides[axis] - window.padBegin[axis];
    const dilation = window.dilations[axis];
    const last = Math.min(window.kernel[axis] - 1, Math.ceil((sizes.input - start) / dilation) - 1);
    for (let tap = Math.max(0, Math.ceil(-start / dilation)); tap <= last; tap++) {
      triples.push(out, tap, start + tap * dilation);
    }
  }
  return triples;
}

/** All contacts of up to three axes as flat offsets into output, kernel and input. */
function allContacts(window: Window, input: readonly number[], output: readonly number[]): Int32Array {
  let list = [0, 0, 0];
  for (let axis = 0; axis < input.length; axis++) {
    const along = contacts(window, axis, { input: input[axis], output: output[axis] });
    const next: number[] = [];
    for (let i = 0; i < list.length; i += 3) {
      for (let j = 0; j < along.length; j += 3) {
        next.push(
          list[i] * output[axis] + along[j],
          list[i + 1] * window.kernel[axis] + along[j + 1],
          list[i + 2] * input[axis] + along[j + 2],
        );
      }
    }
    list = next;
  }
  return Int32Array.from(list);
}

const conv: Kernel = ({ inputs, attributes, outputs }) => {
  const [x, w, bias] = [inputs[0]!, inputs[1]!, inputs[2]];
  const { dims } = outputs[0];
  const group = intOf(attributes, 'group', 1);
  const window = windowOf(attributes, x.dims.slice(2), w.dims.slice(2));
  const triples = allContacts(window, x.dims.slice(2), dims.slice(2));
  const [inSize, outSize, taps] = [sizeOf(x.dims.slice(2)), sizeOf(dims.slice(2)), sizeOf(w.dims.slice(2))];
  const perGroup = dims[1] / group;
  const y = new Float64Array(sizeOf(dims));
  for (let n = 0; n < dims[0]; n++) {
    for (let out = 0; out < dims[1]; out++) {
      const toY = (n * dims[1] + out) * outSize;
      if (bias) y.fill(bias.data[out], toY, toY + outSize);
      for (let c = 0; c < w.dims[1]; c++) {
        const fromX = (n * x.dims[1] + Math.floor(out / perGroup) * w.dims[1] + c) * inSize;
        const fromW = (out * w.dims[1] + c) * taps;
        for (let i = 0; i < triples.length; i += 3) {
          y[toY + triples[i]] += w.data[fromW + triples[i + 1]] * x.data[fromX + triples[i + 2]];
        }
      }
    }
  }
  return [y];
};

const convTranspose: Kernel = ({ inputs, attributes, outputs }) => {
  const [x, w, bias] = [inputs[0]!, inputs[1]!, inputs[2]];
  const { dims } = outputs[0];
  const group = intOf(attributes, 'group', 1);
  const { window } = transposedWindow(attributes, x.dims.slice(2), w.dims.slice(2));
  // The same contacts as the convolution that goes the other way.
  const triples = allContacts(window, dims.slice(2), x.dims.slice(2));
  const [inSize, outSize, taps] = [sizeOf(x.dims.slice(2)), sizeOf(dims.slice(2)), sizeOf(w.dims.slice(2))];
  const perGroup = x.dims[1] / group;
  const y = new Float64Array(sizeOf(dims));
  for (let n = 0; n < dims[0]; n++) {
    for (let c = 0; c < dims[1] && bias; c++)
      y.fill(bias.data[c], (n * dims[1] + c) * outSize, (n * dims[1] + c + 1) * outSize);
    for (let c = 0; c < x.dims[1]; c++) {
      const fromX = (n * x.dims[1] + c) * inSize;
      for (let out = 0; out < w.dims[1]; out++) {
        const toY = (n * dims[1] + Math.floor(c / perGroup) * w.dims[1] + out) * outSize;
        const fromW = (c * w.dims[1] + out) * taps;
        for (let i = 0; i < triples.length; i += 3) {
          y[toY + triples[i + 2]] += w.data[fromW + triples[i + 1]] * x.data[fromX + triples[i]];
        }
      }
    }
  }
  return [y];
};

function pool(kind: 'max' | 'average'): Kernel {
  return ({ inputs, attributes, outputs }) => {
    const x = inputs[0]!;
    const { dims } = outputs[0];
    const window = windowOf(attributes, x.dims.slice(2));
    const triples = allContacts(window, x.dims.slice(2), dims.slice(2));
    const [inSize, outSize] = [sizeOf(x.dims.slice(2)), sizeOf(dims.slice(2))];
    const padding = intOf(attributes, 'count_include_pad', 0) === 1;
    const along = dims
      .slice(2)
      .map((output, axis) => poolShares(window, axis, { input: x.dims[axis + 2], output, padding }));
    const shares = along.reduce((before, values) => before.flatMap((a) => values.map((b) => a * b)), [1]);
    const y = new Float64Array(sizeOf(dims)).fill(kind === 'max' ? Number.NEGATIVE_INFINITY : 0);
    for (let plane = 0; plane < dims[0] * dims[1]; plane++) {
      for (let i = 0; i < triples.length; i += 3) {
        const [to, value] = [plane * outSize + triples[i], x.data[plane * inSize + triples[i + 2]]];
        y[to] = kind === 'max' ? Math.max(y[to], value) : y[to] + value;
      }
    }
    if (kind === 'max') return [y];
    return [y.map((sum, i) => sum * shares[i % outSize])];
  };
}

function globalPool(kind: 'max' | 'average'): Kernel {
  return ({ inputs }) => {
    const x = inputs[0]!;
    const size = sizeOf(x.dims.slice(2));
    const y = new Float64Array(x.data.length / size).fill(kind === 'max' ? Number.NEGATIVE_INFINITY : 0);
    x.data.forEach((value, i) => {
      const to = Math.floor(i / size);
      y[to] = kind === 'max' ? Math.max(y[to], value) : y[to] + value / size;
    });
    return [y];
  };
}

const resize: Kernel = (call) => {
  let { data, dims } = call.inputs[0]!;
  resizeQuestion(asQuestion(call)).forEach((axis, number) => {
    const taps = resizeTaps(axis, call.attributes);
    const inner = sizeOf(dims.slice(number + 1));
    const outer = sizeOf(dims.slice(0, number));
    const next = new Float64Array(outer * axis.outputSize * inner);
    for (let i = 0; i < next.length; i++) {
      const { from, weights } = taps[Math.floor(i / inner) % axis.outputSize];
      const base = Math.floor(i / inner / axis.outputSize) * axis.inputSize * inner + (i % inner);
      for (let tap = 0; tap < from.length; tap++) next[i] += weights[tap] * data[base + from[tap] * inner];
    }
    data = next;
    dims = dims.map((dim, at) => (at === number ? axis.outputSize : dim));
  });
  return [data];
};

export const LAYERS = {
  ...MATRIX,
  ...NORMALISATION,
  AveragePool: pool('average'),
  Conv: conv,
  ConvTranspose: convTranspose,
  GlobalAveragePool: globalPool('average'),
  GlobalMaxPool: globalPool('max'),
  MaxPool: pool('max'),
  Resize: resize,
} satisfies Record<string, Kernel>;
