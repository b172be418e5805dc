/** Rows of the layers: convolution, pooling, resizing, normalisation, matrix products. */
import { BINARY, type OpRows, UNARY } from './op-row.ts';

const WINDOW = { auto_pad: 'string', kernel_shape: 'ints', pads: 'ints', strides: 'ints' } as const;

export const LAYER_OPS = {
  AveragePool: { ...UNARY, attributes: { ...WINDOW, count_include_pad: 'int' } },
  BatchNormalization: {
    inputs: [5, 5],
    outputs: [1, 1],
    attributes: { epsilon: 'float', momentum: 'float', training_mode: 'int' },
  },
  Conv: { inputs: [2, 3], outputs: [1, 1], attributes: { ...WINDOW, dilations: 'ints', group: 'int' } },
  ConvTranspose: {
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: { ...WINDOW, dilations: 'ints', group: 'int', output_padding: 'ints', output_shape: 'ints' },
  },
  Gemm: {
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: { alpha: 'float', beta: 'float', transA: 'int', transB: 'int' },
  },
  GlobalAveragePool: UNARY,
  GlobalMaxPool: UNARY,
  InstanceNormalization: { inputs: [3, 3], outputs: [1, 1], attributes: { epsilon: 'float' } },
  LayerNormalization: {
    inputs: [2, 3],
    outputs: [1, 1],
    attributes: { axis: 'int', epsilon: 'float', stash_type: 'int' },
  },
  MatMul: BINARY,
  MaxPool: { ...UNARY, attributes: { ...WINDOW, dilations: 'ints' } },
  Resize: {
    inputs: [1, 4],
    outputs: [1, 1],
    attributes: {
      coordinate_transformation_mode: 'string',
      cubic_coeff_a: 'float',
      exclude_outside: 'int',
      extrapolation_value: 'float',
      mode: 'string',
      nearest_mode: 'string',
    },
  },
} as const satisfies OpRows;
