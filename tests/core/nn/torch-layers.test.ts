/** Layers whose conventions differ between libraries give PyTorch's results and gradients. */
import { describe, expect, it } from 'vitest';
import { batchNormStep } from '../../../src/core/nn/batch-norm.ts';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { differentiate } from '../../../src/core/nn/grad.ts';
import type { Attribute, Attributes } from '../../../src/core/nn/graph.ts';
import { openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { appendUpgraded } from '../../../src/core/nn/upgrade.ts';
import { float, int, ints, text } from '../../fixtures/operator-case.ts';
import { type TorchCase, torchCases } from '../../fixtures/torch-values.ts';
import { CONV3D } from './gradient-check.ts';
import { checkTorch, type TorchBuild } from './torch-check.ts';

/** A node as an exporter would write it. */
function node(g: GraphBuilder, op: string, inputs: readonly string[], attributes: Attributes = {}) {
  const name = `made/${g.nodes.length}`;
  appendUpgraded(g, { name, op, domain: '', inputs, outputs: [name], attributes }, 20);
  return name;
}

/** All inputs in the case's order. */
const all =
  (op: string, attributes: Record<string, Attribute> = {}): TorchBuild =>
  (g, inputs) => [node(g, op, Object.values(inputs), attributes)];

const BILINEAR = { mode: text('linear'), coordinate_transformation_mode: text('pytorch_half_pixel') };
const CORNERS = { coordinate_transformation_mode: text('align_corners') };
const NEAREST = {
  mode: text('nearest'),
  coordinate_transformation_mode: text('asymmetric'),
  nearest_mode: text('floor'),
};
const BICUBIC = { ...BILINEAR, mode: text('cubic'), cubic_coeff_a: float(-0.75) };

/** As PyTorch's exporter writes `scale_factor`. */
const scaled =
  (attributes: Attributes, rows: number, columns = rows): TorchBuild =>
  (g, { x }) => [node(g, 'Resize', [x!, '', g.floats([4], [1, 1, rows, columns])], attributes)];

/** As PyTorch's exporter writes `size`. */
const sized =
  (attributes: Attributes, rows: number, columns: number): TorchBuild =>
  (g, { x }) => [node(g, 'Resize', [x!, '', '', g.ints([1, 1, rows, columns])], attributes)];

const padded =
  (mode: string): TorchBuild =>
  (g, { x, w, b }) => {
    const image = node(g, 'Pad', [x!, g.ints([0, 0, 2, 1, 0, 0, 1, 2])], { mode: text(mode) });
    return [node(g, 'Conv', [image, w!, b!])];
  };

const standardised: TorchBuild = (g, { x, w, b }) => {
  const centred = g.sub(w!, g.mean(w!, [1, 2, 3]));
  const variance = g.add(g.mean(g.mul(centred, centred), [1, 2, 3]), g.scalar(1e-5));
  return [node(g, 'Conv', [x!, g.div(centred, g.op('Sqrt', [variance])), b!], { pads: ints([1, 1, 1, 1]) })];
};

const POOL = { kernel_shape: ints([3, 3]), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) };
const CEIL = { ...POOL, ceil_mode: int(1) };

/** Two heads of four over five tokens, as the exporter spells nn.MultiheadAttention. */
const attention: TorchBuild = (g, { x, qkv, qkv_bias, out, out_bias }) => {
  const [tokens, batch, width, heads] = [5, 2, 8, 2];
  const projected = g.add(g.op('MatMul', [x!, g.transpose(qkv!, [1, 0])]), qkv_bias!);
  const parts = g.many('Split', [projected], { axis: 2, num_outputs: 3 }, 3);
  const [q, k, v] = parts.map((part) => {
    return g.transpose(g.reshape(part, [tokens, batch * heads, width / heads]), [1, 0, 2]);
  });
  const scores = g.op('MatMul', [g.scale(q!, Math.sqrt(heads / width)), g.transpose(k!, [0, 2, 1])]);
  const mixed = g.op('MatMul', [g.op('Softmax', [scores], { axis: -1 }), v!]);
  const rows = g.reshape(g.transpose(mixed, [1, 0, 2]), [tokens * batch, width]);
  const result = node(g, 'Gemm', [rows, out!, out_bias!], { transB: int(1) });
  return [g.reshape(result, [tokens, batch, width])];
};

const BUILDS: Readonly<Record<string, TorchBuild>> = {
  'Resize bilinear ×2': scaled(BILINEAR, 2),
  'Resize bilinear ×2, corners aligned': scaled({ ...BILINEAR, ...CORNERS }, 2),
  'Resize bilinear ×1.5 ×0.75': scaled(BILINEAR, 1.5, 0.75),
  'Resize bilinear to 7×3': sized(BILINEAR, 7, 3),
  'Resize bilinear to 7×3, corners aligned': sized({ ...BILINEAR, ...CORNERS }, 7, 3),
  // With one pixel left, the exporter's convention reads the corner, and PyTorch itself the middle.
  'Resize bilinear to one pixel': sized({ ...BILINEAR, coordinate_transformation_mode: text('half_pixel') }, 1, 1),
  'Resize nearest ×2': scaled(NEAREST, 2),
  'Resize nearest ×1.5 ×0.6': scaled(NEAREST, 1.5, 0.6),
  'Resize nearest to 5×4': sized(NEAREST, 5, 4),
  'Resize bicubic ×2': scaled(BICUBIC, 2),
  'Resize bicubic ×2, corners aligned': scaled({ ...BICUBIC, ...CORNERS }, 2),
  'Resize bicubic to 3×9': sized(BICUBIC, 3, 9),
  'Conv padded': all('Conv', { pads: ints([1, 1, 1, 1]) }),
  'Conv stride 2 of a 7×7': all('Conv', { strides: ints([2, 2]), pads: ints([3, 3, 3, 3]) }),
  'Conv dilated, padding same': all('Conv', { dilations: ints([1, 2]), pads: ints([1, 2, 2, 2]) }),
  'Conv groups of two': all('Conv', { group: int(2), pads: ints([1, 1, 1, 1]) }),
  'Conv depthwise': all('Conv', { group: int(3), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) }),
  'Conv padded by reflect': padded('reflect'),
  'Conv padded by replicate': padded('edge'),
  'Conv with standardised weights': standardised,
  'ConvTranspose 2×2 of stride 2': all('ConvTranspose', { strides: ints([2, 2]) }),
  'ConvTranspose with output padding': all('ConvTranspose', {
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
    output_padding: ints([1, 1]),
  }),
  'ConvTranspose in groups, uneven': all('ConvTranspose', {
    strides: ints([2, 3]),
    pads: ints([1, 0, 1, 0]),
    output_padding: ints([0, 2]),
    group: int(2),
  }),
  'ConvTranspose dilated': all('ConvTranspose', {
    strides: ints([2, 2]),
    dilations: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
  }),
  'MaxPool 3×3 of stride 2': all('MaxPool', POOL),
  'MaxPool 3×3 of stride 2, rounded up': all('MaxPool', CEIL),
  'MaxPool of equal pixels': all('MaxPool', POOL),
  'MaxPool dilated': all('MaxPool', { kernel_shape: ints([2, 2]), dilations: ints([2, 2]), pads: ints([1, 1, 1, 1]) }),
  AveragePool: all('AveragePool', POOL),
  'AveragePool rounded up': all('AveragePool', CEIL),
  'AveragePool, padding counted': all('AveragePool', { ...POOL, count_include_pad: int(1) }),
  'AveragePool rounded up, padding counted': all('AveragePool', { ...CEIL, count_include_pad: int(1) }),
  GroupNorm: (g, { x, scale, bias }) => {
    const name = 'groups';
    const made = { name, op: 'GroupNormalization', domain: '', inputs: [x!, scale!, bias!], outputs: [name] };
    appendUpgraded(g, { ...made, attributes: { num_groups: int(2) } }, 21);
    return [name];
  },
  InstanceNorm: all('InstanceNormalization'),
  LayerNorm: all('LayerNormalization'),
  'LayerNorm over two axes': all('LayerNormalization', { axis: int(-2) }),
  'BatchNorm frozen': all('BatchNormalization'),
  'Attention of two heads': attention,
};

const CASES = torchCases('layers');
const TRAINING = 'BatchNorm while training';

describe('PyTorch gives the same result and gradient for', () => {
  for (const one of CASES.filter(({ name }) => name !== TRAINING)) {
    it(one.name, () => checkTorch(one, BUILDS[one.name]!));
  }

  it('every case there is a spelling for', () => {
    expect(Object.keys(BUILDS).sort()).toEqual(
      CASES.map(({ name }) => name)
        .filter((name) => name !== TRAINING)
        .sort(),
    );
  });
});

describe('batch normalisation while training', () => {
  const one = CASES.find(({ name }) => name === TRAINING)!;
  const results = runTraining(one);

  it('normalises by the batch as PyTorch does', async () => near((await results).y!, one.outputs.y0!));

  for (const name of ['x', 'scale', 'bias']) {
    it(`has PyTorch's gradient by ${name}`, async () => near((await results)[`d_${name}`]!, one.gradients[name]!));
  }

  it("moves the running mean by PyTorch's momentum", async () => near((await results).mean!, one.outputs.y1!));

  it('moves the running variance as ONNX says, by the population variance, where PyTorch takes the sample variance', async () => {
    const before = one.inputs.variance!.data as Float64Array;
    const count = 3 * 3 * 2;
    const population = (one.outputs.y2!.data as Float64Array).map((after, c) => {
      const step = after - 0.9 * before[c]!;
      return 0.9 * before[c]! + (step * (count - 1)) / count;
    });
    near((await results).variance!, { ...one.outputs.y2!, data: population });
  });
});

async function runTraining(one: TorchCase): Promise<Record<string, Tensor>> {
  const g = new GraphBuilder();
  const names = ['x', 'scale', 'bias', 'mean', 'variance'];
  const inputs = names.map((name) => g.input(`in_${name}`, 'float32', one.inputs[name]!.dims));
  const made = { name: 'norm', op: 'BatchNormalization', domain: '', inputs, outputs: ['y'], attributes: {} };
  const step = batchNormStep(g, made, 'y');
  const weights = g.input('weights', 'float32', g.dims('y'));
  const loss = g.op('ReduceSum', [g.mul('y', weights)], { keepdims: 0 });
  const overrides = new Map([[step.output, step.rule]]);
  const slopes = differentiate(g, { of: loss, by: inputs.slice(0, 3), lowering: CONV3D, overrides });
  g.output('y', 'y');
  g.output('mean', step.mean);
  g.output('variance', step.variance);
  for (const name of ['x', 'scale', 'bias']) g.output(`d_${name}`, slopes.get(`in_${name}`)!);
  const feeds = Object.fromEntries(names.map((name) => [`in_${name}`, one.inputs[name]!]));
  const session = openReferenceModel(g.finish('training'), { precision: 'float64' });
  return session.run({ ...feeds, weights: one.weights.y0! });
}

function near(found: Tensor, expected: Tensor): void {
  expect(found.dims).toEqual(expected.dims);
  const largest = Math.max(...Array.from(expected.data as Float64Array, Math.abs));
  expected.data.forEach((value, i) => {
    expect(Math.abs(Number(found.data[i]) - Number(value)) / largest, `[${i}]`).toBeLessThan(1e-7);
  });
}
