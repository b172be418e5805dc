/** Rows of the operators that work along axes or only move values about. */
import { BINARY, MANY, type OpRows, UNARY } from './op-row.ts';

const REDUCE = {
  inputs: [1, 2],
  outputs: [1, 1],
  attributes: { keepdims: 'int', noop_with_empty_axes: 'int' },
} as const;

export const AXES_OPS = {
  // along axes
  ArgMax: { ...UNARY, attributes: { axis: 'int', keepdims: 'int', select_last_index: 'int' } },
  LogSoftmax: { ...UNARY, attributes: { axis: 'int' } },
  ReduceMax: REDUCE,
  ReduceMean: REDUCE,
  ReduceMin: REDUCE,
  ReduceProd: REDUCE,
  ReduceSum: REDUCE,
  Softmax: { ...UNARY, attributes: { axis: 'int' } },
  // moving values about
  Concat: { inputs: [1, MANY], outputs: [1, 1], attributes: { axis: 'int' } },
  ConstantOfShape: { ...UNARY, attributes: { value: 'tensor' } },
  Expand: BINARY,
  Gather: { ...BINARY, attributes: { axis: 'int' } },
  Pad: { inputs: [2, 4], outputs: [1, 1], attributes: { mode: 'string' } },
  Reshape: { ...BINARY, attributes: { allowzero: 'int' } },
  Shape: { ...UNARY, attributes: { start: 'int', end: 'int' } },
  Slice: { inputs: [3, 5], outputs: [1, 1], attributes: {} },
  Split: { inputs: [1, 2], outputs: [1, MANY], attributes: { axis: 'int', num_outputs: 'int' } },
  Squeeze: { inputs: [1, 2], outputs: [1, 1], attributes: {} },
  Transpose: { ...UNARY, attributes: { perm: 'ints' } },
  Unsqueeze: BINARY,
} as const satisfies OpRows;
