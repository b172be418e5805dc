/** Rows of the operators that work along axes or only move values about. */

import { BINARY, MANY, type OpRows, UNARY } from './op-row.ts';
import { INDEX_OPS } from './ops-index.ts';

const REDUCE = {
  inputs: [1, 2],
  outputs: [1, 1],
  attributes: { keepdims: 'int', noop_with_empty_axes: 'int' },
} as const;

export const AXES_OPS = {
  // along axes
  CumSum: { ...BINARY, attributes: { exclusive: 'int', reverse: 'int' } },
  LogSoftmax: { ...UNARY, attributes: { axis: 'int' } },
  ReduceL2: REDUCE,
  ReduceLogSumExp: REDUCE,
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
  Pad: { inputs: [2, 4], outputs: [1, 1], attributes: { mode: 'string' } },
  Reshape: { ...BINARY, attributes: { allowzero: 'int' } },
  Shape: { ...UNARY, attributes: { start: 'int', end: 'int' } },
  Slice: { inputs: [3, 5], outputs: [1, 1], attributes: {} },
  Split: { inputs: [1, 2], outputs: [1, MANY], attributes: { axis: 'int', num_outputs: 'int' } },
  Squeeze: { inputs: [1, 2], outputs: [1, 1], attributes: {} },
  Tile: BINARY,
  Transpose: { ...UNARY, attributes: { perm: 'ints' } },
  Unsqueeze: BINARY,
  ...INDEX_OPS,
} as const satisfies OpRows;
