/** Reference kernels of normalisation. */
import { floatOf } from './attributes.ts';
import type { Kernel } from './reference-values.ts';
import { sizeOf } from './tensor.ts';

const batchNormalization: Kernel = ({ inputs, attributes }) => {
  const [x, scale, bias, mean, variance] = inputs.map((input) => input!);
  const epsilon = floatOf(attributes, 'epsilon', 1e-5);
  const size = sizeOf(x.dims.slice(2));
  return [
    x.data.map((value, i) => {
      const c = Math.floor(i / size) % x.dims[1];
      return ((value - mean.data[c]) / Math.sqrt(variance.data[c] + epsilon)) * scale.data[c] + bias.data[c];
    }),
  ];
};

const instanceNormalization: Kernel = ({ inputs, attributes }) => {
  const [x, scale, bias] = inputs.map((input) => input!);
  const epsilon = floatOf(attributes, 'epsilon', 1e-5);
  const size = sizeOf(x.dims.slice(2));
  const y = new Float64Array(x.data.length);
  for (let at = 0; at < y.length; at += size) {
    const plane = x.data.subarray(at, at + size);
    const mean = plane.reduce((sum, value) => sum + value, 0) / size;
    const variance = plane.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size;
    const c = (at / size) % x.dims[1];
    y.set(
      plane.map((value) => ((value - mean) / Math.sqrt(variance + epsilon)) * scale.data[c] + bias.data[c]),
      at,
    );
  }
  return [y];
};

const layerNormalization: Kernel = ({ inputs, attributes }) => {
  const [x, scale, bias] = [inputs[0]!, inputs[1]!, inputs[2]];
  const epsilon = floatOf(attributes, 'epsilon', 1e-5);
  const size = scale.data.length;
  const y = new Float64Array(x.data.length);
  for (let at = 0; at < y.length; at += size) {
    const row = x.data.subarray(at, at + size);
    const mean = row.reduce((sum, value) => sum + value, 0) / size;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size;
    const unit = row.map((value) => (value - mean) / Math.sqrt(variance + epsilon));
    y.set(
      unit.map((value, i) => value * scale.data[i] + (bias ? bias.data[i] : 0)),
      at,
    );
  }
  return [y];
};

export const NORMALISATION = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
} satisfies Record<string, Kernel>;
