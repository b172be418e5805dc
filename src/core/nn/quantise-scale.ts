/** Numbers of the 8-bit form: from ranges to scales, from weights to bytes. Knows no graph. */
import type { Node } from './graph.ts';
import { Writer } from './protobuf.ts';
import type { Tensor } from './session.ts';
import { sizeOf } from './tensor.ts';

/** What values of a tensor were seen, or should be representable. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** value = scale · (byte − zero) */
export interface ByteScale {
  readonly scale: number;
  readonly zero: number;
}

const BYTE = 255;
/** Weights use −127…127, so that a weight and its negative are equally exact. */
const WEIGHT_LIMIT = 127;
const SMALLEST_SCALE = 1e-12;

/** The scale that covers a range and holds 0 exactly (padding and Relu are 0). */
export function byteScale({ min, max }: Range): ByteScale {
  const low = Math.min(0, min);
  const scale = Math.fround(Math.max((Math.max(0, max) - low) / BYTE, SMALLEST_SCALE));
  return { scale, zero: Math.max(0, Math.min(BYTE, Math.round(-low / scale))) };
}

/** `NAME/scale` and `NAME/zero` of an activation. */
export function scaleTensors(name: string, { scale, zero }: ByteScale): [string, Tensor][] {
  return [
    [`${name}/scale`, { type: 'float32', dims: [], data: Float32Array.of(scale) }],
    [`${name}/zero`, { type: 'uint8', dims: [], data: Uint8Array.of(zero) }],
  ];
}

export interface ByteWeights {
  readonly bytes: Int8Array;
  /** Per output channel (the first dimension). */
  readonly scales: Float32Array;
}

/** Weights [O, …] as int8, symmetric around 0, each output channel with its own scale. */
export function byteWeights({ dims, data }: Tensor): ByteWeights {
  const perOutput = sizeOf(dims.slice(1));
  const scales = new Float32Array(dims[0]);
  const bytes = new Int8Array(data.length);
  for (let o = 0; o < scales.length; o++) {
    const own = (data as Float32Array).subarray(o * perOutput, (o + 1) * perOutput);
    const greatest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    scales[o] = Math.max(greatest / WEIGHT_LIMIT, SMALLEST_SCALE);
    own.forEach((value, i) => {
      bytes[o * perOutput + i] = Math.round(value / scales[o]);
    });
  }
  return { bytes, scales };
}

/** A bias as int32 in units of (input scale × weight scale), which is what the sum of products is counted in. */
export function wholeBias(bias: Tensor, units: Float32Array): Int32Array {
  const limit = 2 ** 31 - 1;
  return Int32Array.from(bias.data as Float32Array, (value, o) =>
    Math.max(-limit, Math.min(limit, Math.round(value / units[o]))),
  );
}

const INT8 = 3;
const TENSOR_ATTRIBUTE = 4;

/**
 * A Constant node that holds int8 values. Written as bytes here, because nothing else in Histoloop holds int8 and a model
 * that comes with it is refused (it cannot be trained).
 */
export function int8Constant(name: string, dims: readonly number[], values: Int8Array): Node {
  const writer = new Writer();
  writer.text(1, 'value');
  writer.message(5, (tensor) => {
    if (dims.length > 0) tensor.numbers(1, dims);
    tensor.number(2, INT8).bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.length));
  });
  writer.number(20, TENSOR_ATTRIBUTE);
  const value = { kind: 'opaque', bytes: writer.finish() } as const;
  return { name, op: 'Constant', domain: '', inputs: [], outputs: [name], attributes: { value } };
}
