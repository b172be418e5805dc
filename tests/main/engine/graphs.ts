/** Small graphs that the engine's tests run, with their truths known by hand. */
import type { Tensor } from '../../../src/core/nn/session.ts';
import { tinyOnnx, type Value } from '../../fixtures/tiny-onnx.ts';

export function floats(dims: readonly number[], data: readonly number[] | Float32Array): Tensor {
  return { type: 'float32', dims, data: Float32Array.from(data) };
}

/** y = conv(x, 3×3 of ones, no padding): every output is the sum of nine neighbours. */
export function sumOfNine(): Uint8Array {
  return tinyOnnx({
    inputs: [{ name: 'x', dims: [1, 1, 4, 4] }],
    outputs: [{ name: 'y', dims: [1, 1, 2, 2] }],
    nodes: [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }],
    weights: [{ name: 'w', dims: [1, 1, 3, 3], data: Array(9).fill(1) }],
  });
}

/** A step of "training": theta_o = theta + x, loss = sum of theta_o. */
export function addingStep(): Uint8Array {
  const three = (name: string): Value => ({ name, dims: [3] });
  return tinyOnnx({
    inputs: [three('x'), three('theta')],
    outputs: [{ name: 'loss', dims: [1] }, three('theta_o')],
    nodes: [
      { op: 'Add', inputs: ['theta', 'x'], outputs: ['theta_o'] },
      { op: 'ReduceSum', inputs: ['theta_o', 'axes'], outputs: ['loss'], int: { keepdims: 1 } },
    ],
    weights: [{ name: 'axes', dims: [1], data: [0], type: 'int64' }],
  });
}

const EDGE = 1024;

/** A chain of matrix products on two million numbers: about 10 to 20 ms each on one core. */
export function slowGraph(products: number): Uint8Array {
  const square = (name: string): Value => ({ name, dims: [EDGE, EDGE] });
  return tinyOnnx({
    inputs: [square('x')],
    outputs: [square('y')],
    nodes: Array.from({ length: products }, (_, i) => ({
      op: 'MatMul',
      inputs: [i === 0 ? 'x' : `a${i - 1}`, 'x'],
      outputs: [i === products - 1 ? 'y' : `a${i}`],
    })),
  });
}

export function slowFeed(): Record<string, Tensor> {
  return { x: { type: 'float32', dims: [EDGE, EDGE], data: new Float32Array(EDGE * EDGE) } };
}

export interface SegmenterShape {
  readonly input?: Value;
  readonly output?: Value;
  readonly classes?: number;
  /** Halves the picture this often before bringing it back: sizes must then be multiples of 2^halvings. */
  readonly halvings?: number;
  readonly weight?: number;
}

/** A model such as a user might bring: a 1×1 convolution to K classes, between that many poolings and upsamplings. */
export function segmenter({ input, output, classes = 4, halvings = 0, weight = 0.5 }: SegmenterShape = {}): Uint8Array {
  const half = (_: unknown, i: number) => ({
    op: 'MaxPool',
    inputs: [i === 0 ? 'image' : `down${i}`],
    outputs: [`down${i + 1}`],
    ints: { kernel_shape: [2, 2], strides: [2, 2] },
  });
  const double = (_: unknown, i: number) => ({
    op: 'Resize',
    inputs: [i === 0 ? 'scores' : `up${i}`, '', 'twice'],
    outputs: [i === halvings - 1 ? 'logits' : `up${i + 1}`],
    string: { mode: 'nearest' },
  });
  return tinyOnnx({
    inputs: [input ?? { name: 'image', dims: ['n', 3, 'h', 'w'] }],
    outputs: [output ?? { name: 'logits', dims: ['n', classes, 'oh', 'ow'] }],
    nodes: [
      ...Array.from({ length: halvings }, half),
      {
        op: 'Conv',
        inputs: [halvings === 0 ? 'image' : `down${halvings}`, 'kernel'],
        outputs: [halvings === 0 ? 'logits' : 'scores'],
      },
      ...Array.from({ length: halvings }, double),
    ],
    weights: [
      {
        name: 'kernel',
        dims: [classes, 3, 1, 1],
        data: Array.from({ length: classes * 3 }, (_, i) => weight * (i - 4)),
      },
      { name: 'twice', dims: [4], data: [1, 1, 2, 2] },
    ],
  });
}
