/** The number format of the slow reference: every tensor, whole numbers too, is a Float64Array with a type beside it. */
import type { Attributes } from './graph.ts';
import type { Tensor, TensorType } from './session.ts';
import type { Shape, ShapeQuestion } from './shape-question.ts';
import { allocate, numbersOf, sizeOf, stridesOf, tensorOf } from './tensor.ts';

export interface Value {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

/** What a kernel is asked: inputs (undefined where left out) and, from `shape.ts`, the shapes of its outputs. */
export interface KernelCall {
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  readonly outputs: readonly Shape[];
}

/** Data of each output. */
export type Kernel = (call: KernelCall) => Float64Array[];

export function valueOfTensor(tensor: Tensor): Value {
  const data =
    tensor.data instanceof BigInt64Array ? Float64Array.from(numbersOf(tensor)) : Float64Array.from(tensor.data);
  return { type: tensor.type, dims: tensor.dims, data };
}

export function tensorOfValue(value: Value): Tensor {
  return tensorOf(value.type, value.dims, value.data);
}

/** Rounds to what the type can hold; `float32` keeps doubles where the run is in double precision. */
export function settle(data: Float64Array, type: TensorType, doubles: boolean): Float64Array {
  if (type === 'float64' || (type === 'float32' && doubles)) return data;
  if (type === 'int64') return data.map(Math.trunc);
  const narrow = allocate(type, data.length) as Float32Array;
  narrow.set(data);
  return Float64Array.from(narrow);
}

/** Strides that walk `dims` as if it were broadcast to `target`: 0 along repeated axes. */
export function broadcastStrides(dims: readonly number[], target: readonly number[]): number[] {
  const own = stridesOf(dims);
  return target.map((_, axis) => {
    const at = axis - target.length + dims.length;
    return at < 0 || dims[at] === 1 ? 0 : own[at];
  });
}

/** For each element of `dims` in row-major order, the offset that `strides` gives it (plus `base`). */
export function offsets(dims: readonly number[], strides: readonly number[], base = 0): Int32Array {
  const size = sizeOf(dims);
  const result = new Int32Array(size);
  if (size === 0) return result;
  const index = new Int32Array(dims.length);
  let at = base;
  for (let i = 0; i < size; i++) {
    result[i] = at;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < dims[axis]) break;
      at -= strides[axis] * dims[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/** Start offset, stride and length of every line along one axis. */
export function* lines(
  dims: readonly number[],
  axis: number,
): Generator<{ at: number; stride: number; length: number }> {
  const stride = stridesOf(dims)[axis];
  const length = dims[axis];
  for (let at = 0; at < sizeOf(dims); at += stride * length) {
    for (let inner = 0; inner < stride; inner++) yield { at: at + inner, stride, length };
  }
}

/** The same call as `shape.ts` asks it, with every input known. */
export function asQuestion(call: KernelCall): ShapeQuestion {
  const inputs = call.inputs.map((input) => {
    if (input === undefined) return undefined;
    const { dims, data } = input;
    return { type: input.type, dims, constant: { type: 'float64', dims, data } as const };
  });
  return { inputs, attributes: call.attributes, outputs: call.outputs.length };
}
