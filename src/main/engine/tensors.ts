/** Tensors of the border (core/nn/session) to and from onnxruntime's, without copying. */
import { Tensor as RuntimeTensor } from 'onnxruntime-node';
import { HistoloopError } from '../../core/errors.ts';
import type { Tensor, TensorType } from '../../core/nn/session.ts';

const TYPES: readonly string[] = ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'] satisfies TensorType[];

/** Errors: `model-unusable` where dims and data do not fit together. */
export function toRuntime(name: string, tensor: Tensor): RuntimeTensor {
  const { type, dims, data } = tensor;
  try {
    return new RuntimeTensor(type, data as never, dims) as RuntimeTensor;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HistoloopError('model-unusable', `tensor "${name}" (${type} [${dims}]) is not sound: ${reason}`, {
      cause,
    });
  }
}

/** Errors: `model-unusable` for a type that we have no use for (text, float16, …). */
export function fromRuntime(name: string, tensor: RuntimeTensor): Tensor {
  if (!TYPES.includes(tensor.type)) {
    throw new HistoloopError('model-unusable', `output "${name}" is ${tensor.type}; cast it to float32 in the model`);
  }
  return { type: tensor.type as TensorType, dims: tensor.dims, data: tensor.data as Tensor['data'] };
}
