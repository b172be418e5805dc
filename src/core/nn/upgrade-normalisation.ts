/** Upgrades of normalisation: frozen statistics, groups, and the fused forms that optimised exports hold. */
import { floatOf, intOf, intsOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import type { Node } from './graph.ts';
import { axisOf, sizeOf } from './tensor.ts';
import { asItIs, finish, type Upgrade, unusable } from './upgrade-rule.ts';

/** Whatever a node says of training, it is used with its running averages; `batch-norm.ts` decides otherwise before. */
const batchNormalization: Upgrade = (g, node) => {
  if (intOf(node.attributes, 'spatial', 1) === 0) {
    throw unusable(node, 'normalises every pixel by statistics of its own; export it by channel (spatial 1)');
  }
  const epsilon = floatOf(node.attributes, 'epsilon', 1e-5);
  finish(g, node, { op: 'BatchNormalization', inputs: node.inputs, attributes: { epsilon } });
};

/** The axes from one to the last. */
function lastAxes(g: GraphBuilder, node: Node): number[] {
  const rank = g.dims(node.inputs[0]).length;
  const axis = axisOf(intOf(node.attributes, 'axis', -1), rank);
  return Array.from({ length: rank - axis }, (_, i) => axis + i);
}

/** Scale and bias may be said shorter than what is normalised; they are repeated to its shape. */
const layerNormalization: Upgrade = (g, node) => {
  const [x, ...factors] = node.inputs;
  const axes = lastAxes(g, node);
  const normalised = axes.map((axis) => g.dims(x)[axis]);
  const inputs = factors.map((name) => (name === '' ? '' : g.expand(name, normalised)));
  asItIs(g, { ...node, inputs: [x, ...inputs] });
};

/** Groups of channels are rows of an instance normalisation; scale and bias by group before opset 21, then by channel. */
const groupNormalization: Upgrade = (g, node, opset) => {
  const [x, scale, bias] = node.inputs;
  const dims = g.dims(x);
  const groups = intOf(node.attributes, 'num_groups', 1);
  if (!(groups >= 1) || dims[1] % groups !== 0) {
    throw unusable(node, `has ${dims[1]} channels, which are not ${groups} equal groups`);
  }
  const rows = g.reshape(x, [dims[0], groups, sizeOf(dims) / dims[0] / groups]);
  const unit = g.op('InstanceNormalization', [rows, g.filled([groups], 1), g.filled([groups], 0)], {
    epsilon: floatOf(node.attributes, 'epsilon', 1e-5),
  });
  const wide = (vector: string) => {
    const perGroup = opset < 21 && groups !== dims[1];
    const repeated = perGroup ? g.expand(g.reshape(vector, [groups, 1]), [groups, dims[1] / groups]) : vector;
    return g.reshape(repeated, [1, dims[1], ...dims.slice(2).map(() => 1)]);
  };
  finish(g, node, { op: 'Add', inputs: [g.mul(g.reshape(unit, dims), wide(scale)), wide(bias)] });
};

/** x/√(mean(x²) + ε) (Zhang & Sennrich 2019, equation 4). */
function rootMeanSquare(g: GraphBuilder, x: string, axes: readonly number[], epsilon: number): string {
  const variance = g.add(g.mean(g.mul(x, x), axes), g.scalar(epsilon));
  return g.div(x, g.op('Sqrt', [variance]));
}

const rmsNormalization: Upgrade = (g, node) => {
  const [x, scale] = node.inputs;
  const unit = rootMeanSquare(g, x, lastAxes(g, node), floatOf(node.attributes, 'epsilon', 1e-5));
  finish(g, node, { op: 'Mul', inputs: [unit, scale] });
};

/** x + skip (+ bias) → the normalised sum; the sum itself is the fourth output. */
function skipThen(simplified: boolean): Upgrade {
  return (g, node) => {
    const [x, skip, scale, ...rest] = node.inputs;
    const [shift, bias] = simplified ? ['', rest[0] ?? ''] : [rest[0] ?? '', rest[1] ?? ''];
    const both = g.add(x, skip);
    const sum = bias === '' ? both : g.add(both, bias);
    const epsilon = floatOf(node.attributes, 'epsilon', 1e-5);
    const last = [g.dims(sum).length - 1];
    if (simplified) finish(g, node, { op: 'Mul', inputs: [rootMeanSquare(g, sum, last, epsilon), scale] });
    else {
      const inputs = shift === '' ? [sum, scale] : [sum, scale, shift];
      finish(g, node, { op: 'LayerNormalization', inputs, attributes: { axis: -1, epsilon } });
    }
    const total = node.outputs[3] ?? '';
    if (total !== '') finish(g, { ...node, name: total, outputs: [total] }, { op: 'Identity', inputs: [sum] });
  };
}

/** Less than any square of a float that matters; keeps a vector of zeros, and its gradient, finite. */
const TINY = 1e-24;

const lpNormalization: Upgrade = (g, node) => {
  const [x] = node.inputs;
  const axis = axisOf(intOf(node.attributes, 'axis', -1), g.dims(x).length);
  const squared = intOf(node.attributes, 'p', 2) === 2;
  const sum = g.add(g.sum(squared ? g.mul(x, x) : g.op('Abs', [x]), [axis]), g.scalar(TINY));
  finish(g, node, { op: 'Div', inputs: [x, squared ? g.op('Sqrt', [sum]) : sum] });
};

const meanVarianceNormalization: Upgrade = (g, node) => {
  const [x] = node.inputs;
  const axes = intsOf(node.attributes, 'axes') ?? [0, 2, 3];
  const centred = g.sub(x, g.mean(x, axes));
  const deviation = g.op('Sqrt', [g.mean(g.mul(centred, centred), axes)]);
  finish(g, node, { op: 'Div', inputs: [centred, g.add(deviation, g.scalar(1e-9))] });
};

/** x / (k + α · mean of squares over `size` neighbouring channels)^β (Krizhevsky 2012, section 3.3). */
const localResponse: Upgrade = (g, node) => {
  const [x] = node.inputs;
  const dims = g.dims(x);
  const size = intOf(node.attributes, 'size', 1);
  if (!(size >= 1 && size <= 2 * dims[1])) throw unusable(node, `sums over ${size} of ${dims[1]} channels`);
  const before = Math.floor((size - 1) / 2);
  const planes = g.reshape(g.mul(x, x), [dims[0], 1, dims[1], sizeOf(dims.slice(2))]);
  const mean = g.op('AveragePool', [planes], {
    kernel_shape: [size, 1],
    pads: [before, 0, size - 1 - before, 0],
    count_include_pad: 1,
  });
  const [alpha, beta, bias] = [
    floatOf(node.attributes, 'alpha', 1e-4),
    floatOf(node.attributes, 'beta', 0.75),
    floatOf(node.attributes, 'bias', 1),
  ];
  const base = g.add(g.scale(g.reshape(mean, dims), alpha), g.scalar(bias));
  finish(g, node, { op: 'Div', inputs: [x, g.op('Pow', [base, g.scalar(beta)])] });
};

export const NORMALISATION_UPGRADES: Readonly<Record<string, Upgrade>> = {
  BatchNormalization: batchNormalization,
  GroupNormalization: groupNormalization,
  LRN: localResponse,
  LayerNormalization: layerNormalization,
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
  RMSNormalization: rmsNormalization,
  SimplifiedLayerNormalization: rmsNormalization,
  'com.microsoft.SkipLayerNormalization': skipThen(false),
  'com.microsoft.SkipSimplifiedLayerNormalization': skipThen(true),
};
