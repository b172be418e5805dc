/** Reference kernels of matrix products. */
import { floatOf, intOf } from './attributes.ts';
import { broadcastStrides, type Kernel, offsets } from './reference-values.ts';
import { sizeOf, stridesOf } from './tensor.ts';

const matMul: Kernel = ({ inputs, outputs }) => {
  const [a, b] = [inputs[0]!, inputs[1]!];
  const { dims } = outputs[0];
  const [rows, columns, inner] = [dims.at(-2)!, dims.at(-1)!, a.dims.at(-1)!];
  const batch = dims.slice(0, -2);
  const start = (matrixDims: readonly number[]) => offsets(batch, broadcastStrides(matrixDims.slice(0, -2), batch));
  const [startA, startB] = [start(a.dims), start(b.dims)];
  const y = new Float64Array(sizeOf(dims));
  for (let i = 0; i < y.length; i++) {
    const column = i % columns;
    const row = Math.floor(i / columns) % rows;
    const matrix = Math.floor(i / columns / rows);
    const [atA, atB] = [(startA[matrix] * rows + row) * inner, startB[matrix] * inner * columns + column];
    for (let k = 0; k < inner; k++) y[i] += a.data[atA + k] * b.data[atB + k * columns];
  }
  return [y];
};

const gemm: Kernel = ({ inputs, attributes, outputs }) => {
  const [a, b, c] = [inputs[0]!, inputs[1]!, inputs[2]];
  const { dims } = outputs[0];
  const walk = (own: readonly number[], turned: boolean) => (turned ? stridesOf(own).reverse() : stridesOf(own));
  const [stepA, stepB] = [
    walk(a.dims, intOf(attributes, 'transA', 0) === 1),
    walk(b.dims, intOf(attributes, 'transB', 0) === 1),
  ];
  const inner = a.data.length / dims[0];
  const [alpha, beta] = [floatOf(attributes, 'alpha', 1), floatOf(attributes, 'beta', 1)];
  const added = c ? offsets(dims, broadcastStrides(c.dims, dims)) : null;
  return [
    Float64Array.from({ length: sizeOf(dims) }, (_, i) => {
      const [row, column] = [Math.floor(i / dims[1]), i % dims[1]];
      let sum = 0;
      for (let k = 0; k < inner; k++)
        sum += a.data[row * stepA[0] + k * stepA[1]] * b.data[k * stepB[0] + column * stepB[1]];
      return alpha * sum + (added ? beta * c!.data[added[i]] : 0);
    }),
  ];
};

export const MATRIX = { Gemm: gemm, MatMul: matMul } satisfies Record<string, Kernel>;
