/** ONNX bytes ↔ `OnnxModel`: our own small codec, the only place that knows the field numbers of onnx.proto. */
import type { OnnxModel } from './graph.ts';

/** Errors: `model-unusable` where the bytes are not a model we can hold. */
export function decodeModel(_bytes: Uint8Array): OnnxModel {
  throw new Error('bug: not built yet');
}

/** The same model always gives the same bytes. */
export function encodeModel(_model: OnnxModel): Uint8Array {
  throw new Error('bug: not built yet');
}
