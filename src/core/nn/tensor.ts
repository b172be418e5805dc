/** Small helpers on plain tensors: sizes, strides, making and converting. No operator lives here. */
import { HistoloopError } from '../errors.ts';
import type { Tensor, TensorData, TensorType } from './session.ts';

export function sizeOf(dims: readonly number[]): number {
  let size = 1;
  for (const dim of dims) size *= dim;
  return size;
}

/** Row-major strides in elements. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let stride = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= dims[axis];
  }
  return strides;
}

export function isFloat(type: TensorType): boolean {
  return type === 'float32' || type === 'float64';
}

/** An empty array that holds `size` values of the type. */
export function allocate(type: TensorType, size: number): TensorData {
  switch (type) {
    case 'float32':
      return new Float32Array(size);
    case 'float64':
      return new Float64Array(size);
    case 'int32':
      return new Int32Array(size);
    case 'int64':
      return new BigInt64Array(size);
    case 'uint8':
    case 'bool':
      return new Uint8Array(size);
  }
}

/** Numbers → tensor; int64 values are rounded towards zero. */
export function tensorOf(type: TensorType, dims: readonly number[], values: ArrayLike<number>): Tensor {
  if (values.length !== sizeOf(dims)) {
    throw new HistoloopError('bad-input', `${values.length} values do not fill a tensor of ${dims.join('×')}`);
  }
  if (type === 'int64') {
    const data = new BigInt64Array(values.length);
    for (let i = 0; i < values.length; i++) data[i] = toInt64(values[i]);
    return { type, dims: [...dims], data };
  }
  const data = allocate(type, values.length) as Exclude<TensorData, BigInt64Array>;
  data.set(values);
  return { type, dims: [...dims], data };
}

/** The nearest int64; ONNX writes "to the end" as 2^63−1, which a double can only hold as 2^63. */
export function toInt64(value: number): bigint {
  if (value >= 2 ** 63) return 9223372036854775807n;
  if (value <= -(2 ** 63)) return -9223372036854775808n;
  return BigInt(Math.trunc(value));
}

/** The values as plain numbers; int64 beyond 2^53 loses its low bits. */
export function numbersOf(tensor: Tensor): number[] {
  return tensor.data instanceof BigInt64Array ? Array.from(tensor.data, Number) : Array.from(tensor.data);
}

/** A value that must be a single number. */
export function scalarOf(tensor: Tensor): number {
  return Number(tensor.data[0]);
}

/** The axis as 0…rank−1; ONNX lets it count from the end. */
export function axisOf(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= Math.max(rank, 1)) {
    throw new HistoloopError('model-unusable', `axis ${axis} does not exist in a tensor of rank ${rank}`);
  }
  return positive;
}

/** The shape that both broadcast to (numpy rules). */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new HistoloopError('model-unusable', `shapes ${a.join('×')} and ${b.join('×')} do not fit together`);
    }
    return left === 1 ? right : left;
  });
}

export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}
