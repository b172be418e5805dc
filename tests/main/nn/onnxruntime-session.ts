/** onnxruntime as an `OpenSession`, straight from the package: what tests compare the reference with. */
import ort from 'onnxruntime-node';
import type { OpenSession, Tensor, TensorType } from '../../../src/core/nn/session.ts';

const BOOLEAN: Partial<Record<TensorType, string>> = {};

function toRuntime(tensor: Tensor): ort.Tensor {
  return new ort.Tensor((BOOLEAN[tensor.type] ?? tensor.type) as 'float32', tensor.data as Float32Array, [
    ...tensor.dims,
  ]);
}

function fromRuntime(tensor: ort.Tensor): Tensor {
  return { type: tensor.type as TensorType, dims: [...tensor.dims], data: tensor.data as Float32Array };
}

export const openOnnxRuntime: OpenSession = async (bytes, options = {}) => openWithThreads(bytes, options, 1);

/** Options as the engine sets them: no spinning, no memory pattern. */
export async function openWithThreads(
  bytes: Uint8Array,
  { state = {}, initial = {} }: NonNullable<Parameters<OpenSession>[1]>,
  threads: number,
): ReturnType<OpenSession> {
  const session = await ort.InferenceSession.create(bytes, {
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
    enableMemPattern: false,
    graphOptimizationLevel: 'extended',
    extra: { session: { force_spinning_stop: '1' } },
  });
  let current: Record<string, ort.Tensor> = Object.fromEntries(
    Object.entries(initial).map(([name, tensor]) => [name, toRuntime(tensor)]),
  );
  const kept = new Set(Object.values(state));
  return {
    async run(feeds) {
      const given = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toRuntime(tensor)]));
      const results = await session.run({ ...given, ...current });
      current = {
        ...current,
        ...Object.fromEntries(Object.entries(state).map(([name, output]) => [name, results[output]])),
      };
      const shown = Object.entries(results).filter(([name]) => !kept.has(name));
      return Object.fromEntries(shown.map(([name, tensor]) => [name, fromRuntime(tensor)]));
    },
    readState: async () =>
      Object.fromEntries(Object.entries(current).map(([name, tensor]) => [name, fromRuntime(tensor)])),
    close: () => session.release(),
  };
}
