/** Rows of the operators that pick or place values by index. */
import { BINARY, type OpRows, UNARY } from './op-row.ts';

const ARGUMENT = { ...UNARY, attributes: { axis: 'int', keepdims: 'int', select_last_index: 'int' } } as const;

export const INDEX_OPS = {
  ArgMax: ARGUMENT,
  ArgMin: ARGUMENT,
  Gather: { ...BINARY, attributes: { axis: 'int' } },
  GatherElements: { ...BINARY, attributes: { axis: 'int' } },
  GatherND: BINARY,
  NonZero: UNARY,
  Range: { inputs: [3, 3], outputs: [1, 1], attributes: {} },
  ScatterElements: { inputs: [3, 3], outputs: [1, 1], attributes: { axis: 'int', reduction: 'string' } },
  ScatterND: { inputs: [3, 3], outputs: [1, 1], attributes: { reduction: 'string' } },
  TopK: { inputs: [2, 2], outputs: [2, 2], attributes: { axis: 'int', largest: 'int', sorted: 'int' } },
} as const satisfies OpRows;
