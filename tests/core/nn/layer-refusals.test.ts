/** Damaged and hostile layers are refused at once in a sentence that names the node, and nothing large is made first. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { differentiate } from '../../../src/core/nn/grad.ts';
import type { Attributes } from '../../../src/core/nn/graph.ts';
import { appendUpgraded } from '../../../src/core/nn/upgrade.ts';
import { float, int, ints, text } from '../../fixtures/operator-case.ts';
import { CONV3D } from './gradient-check.ts';

interface Hostile {
  readonly op: string;
  readonly domain?: string;
  readonly opset?: number;
  /** Shapes of further inputs that are fed, or the numbers of one that is in the file. */
  readonly more?: readonly (
    | readonly number[]
    | { readonly scales: readonly number[] }
    | { readonly sizes: number[] }
  )[];
  readonly image?: readonly number[];
  readonly attributes?: Attributes;
}

function append(g: GraphBuilder, { op, domain = '', opset = 18, more = [], image, attributes = {} }: Hostile): void {
  const x = g.input('x', 'float32', image ?? [1, 4, 8, 8]);
  const others = more.map((input, i) => {
    if ('scales' in input) return g.floats([input.scales.length], input.scales);
    if ('sizes' in input) return g.ints(input.sizes);
    return g.input(`input${i}`, 'float32', input);
  });
  const inputs =
    op === 'Resize' ? [x, '', ...(others.length === 1 ? others : ['', ...others.slice(1)])] : [x, ...others];
  appendUpgraded(g, { name: 'culprit', op, domain, inputs, outputs: ['y'], attributes }, opset);
}

const HUGE = 2 ** 40;
const window = (kernel: number, rest: Attributes = {}): Attributes => ({
  kernel_shape: ints([kernel, kernel]),
  ...rest,
});
const resized = (...scales: number[]): Hostile => ({ op: 'Resize', more: [{ scales }] });
const toSizes = (...sizes: number[]): Hostile => ({ op: 'Resize', more: [{ scales: [] }, { sizes }] });
const equation = (value: string, more: Hostile['more'] = []): Hostile => {
  return { op: 'Einsum', image: [2, 3], more, attributes: { equation: text(value) } };
};

const HOSTILE: Readonly<Record<string, Hostile>> = {
  'a kernel larger than the padded picture': {
    op: 'Conv',
    more: [[2, 4, 11, 3]],
    attributes: { pads: ints([1, 1, 1, 1]) },
  },
  'strides of zero': { op: 'Conv', more: [[2, 4, 3, 3]], attributes: { strides: ints([0, 1]) } },
  'strides backwards': { op: 'MaxPool', attributes: window(2, { strides: ints([-1, 1]) }) },
  'dilation of zero': { op: 'Conv', more: [[2, 4, 3, 3]], attributes: { dilations: ints([1, 0]) } },
  'a kernel of nothing': { op: 'AveragePool', attributes: window(0) },
  'a kernel of billions': { op: 'MaxPool', attributes: window(HUGE, { pads: ints([0, 0, HUGE - 1, HUGE - 1]) }) },
  'padding of billions': { op: 'Conv', more: [[2, 4, 3, 3]], attributes: { pads: ints([0, 0, HUGE, HUGE]) } },
  'padding as wide as the pool': { op: 'MaxPool', attributes: window(2, { pads: ints([2, 0, 0, 0]) }) },
  'an average of padding': {
    op: 'AveragePool',
    attributes: window(3, { pads: ints([3, 3, 0, 0]), ceil_mode: int(1) }),
  },
  'a pool without a kernel': { op: 'MaxPool' },
  'a window over a list': { op: 'MaxPool', image: [2, 3], attributes: { kernel_shape: ints([]) } },
  'a window of other axes than the picture': { op: 'AveragePool', attributes: { kernel_shape: ints([2]) } },
  'groups that do not divide the channels': { op: 'Conv', more: [[6, 4, 3, 3]], attributes: { group: int(3) } },
  'groups that do not divide the results': { op: 'Conv', more: [[3, 2, 3, 3]], attributes: { group: int(2) } },
  'no group at all': { op: 'Conv', more: [[2, 4, 3, 3]], attributes: { group: int(0) } },
  'groups below zero': { op: 'ConvTranspose', more: [[4, 2, 3, 3]], attributes: { group: int(-2) } },
  'weights of other axes': { op: 'Conv', more: [[2, 4, 3]] },
  'a bias for other channels': { op: 'Conv', more: [[2, 4, 3, 3], [3]] },
  'weights that are not the kernel': { op: 'Conv', more: [[2, 4, 3, 3]], attributes: window(5) },
  'a transposed convolution cropped to nothing': {
    op: 'ConvTranspose',
    more: [[4, 2, 2, 2]],
    attributes: { pads: ints([5, 5, 5, 5]) },
  },
  'output padding of billions': {
    op: 'ConvTranspose',
    more: [[4, 2, 2, 2]],
    attributes: { output_padding: ints([HUGE, 0]) },
  },
  'an output shape below zero': {
    op: 'ConvTranspose',
    more: [[4, 2, 2, 2]],
    attributes: { output_shape: ints([-4, 4]) },
  },
  'a scale of zero': resized(1, 1, 0, 2),
  'a scale that is no number': resized(1, 1, Number.NaN, 2),
  'a scale below zero': resized(1, 1, 2, -2),
  'an endless scale': resized(1, 1, Number.POSITIVE_INFINITY, 1),
  'a huge scale': resized(1, 1, 1e9, 1e9),
  'a scale that leaves no pixel': resized(1, 1, 1e-3, 1),
  'scales of other axes': resized(2, 2),
  'a size of zero': toSizes(1, 4, 0, 8),
  'a size below zero': toSizes(1, 4, -8, 8),
  'sizes of billions': toSizes(1, 4, HUGE, HUGE),
  'regions cut out': {
    ...resized(1, 1, 2, 2),
    attributes: { coordinate_transformation_mode: text('tf_crop_and_resize') },
  },
  'a mode that nobody knows': { ...resized(1, 1, 2, 2), opset: 18, attributes: { mode: text('lanczos') } },
  'an Upsample to nothing': { op: 'Upsample', opset: 9, more: [{ scales: [1, 1, 0, 0] }] },
  'groups that do not divide': { op: 'GroupNormalization', more: [[3], [3]], attributes: { num_groups: int(3) } },
  'no groups to normalise': { op: 'GroupNormalization', more: [[4], [4]], attributes: { num_groups: int(0) } },
  'statistics of other channels': { op: 'BatchNormalization', more: [[4], [4], [3], [4]] },
  'a scale of other channels': { op: 'InstanceNormalization', more: [[3], [4]] },
  'an axis beyond the last': { op: 'LayerNormalization', more: [[8], [8]], attributes: { axis: int(7) } },
  'a scale of other lengths': { op: 'LayerNormalization', more: [[5]] },
  'neighbours of billions': { op: 'LRN', attributes: { size: int(HUGE), alpha: float(1) } },
  'blocks that do not divide': { op: 'SpaceToDepth', attributes: { blocksize: int(3) } },
  'blocks of nothing': { op: 'DepthToSpace', attributes: { blocksize: int(0) } },
  'blocks of billions': { op: 'DepthToSpace', attributes: { blocksize: int(HUGE) } },
  'matrices that do not fit': { op: 'MatMul', image: [2, 3], more: [[2, 3]] },
  'vectors that do not fit': { op: 'MatMul', image: [3], more: [[2]] },
  'a sum that does not fit its product': { op: 'Gemm', image: [2, 3], more: [[3, 4], [3]] },
  'an equation that is none': equation('ij->->j'),
  'an equation of strange signs': equation('i;->i'),
  'an equation for other tensors': equation('ij,jk->ik'),
  'a diagonal': { op: 'Einsum', image: [3, 3], attributes: { equation: text('ii->i') } },
  'an axis out of nothing': equation('ij->k'),
  'axes of two lengths': equation('ij,ij->i', [[2, 4]]),
  'classes that pixel values count': { op: 'OneHot', image: [4], more: [[1], [2]] },
  'classes by the billion': { op: 'OneHot', image: [4], more: [{ sizes: [HUGE] }, [2]] },
  'fewer classes than none': { op: 'OneHot', image: [4], more: [{ sizes: [-3] }, [2]] },
  'classes along an axis beyond the last': {
    op: 'OneHot',
    image: [4],
    more: [{ sizes: [3] }, [2]],
    attributes: { axis: int(5) },
  },
  'batches of more axes than there are': { op: 'GatherND', more: [[1, 1]], attributes: { batch_dims: int(HUGE) } },
  'sampling along a grid': { op: 'GridSample', more: [[1, 8, 8, 2]] },
  unpooling: { op: 'MaxUnpool', more: [[1, 4, 8, 8]] },
  'attention as one node': {
    op: 'Attention',
    opset: 23,
    more: [
      [1, 4, 8, 8],
      [1, 4, 8, 8],
    ],
  },
  'attention fused by the runtime': { op: 'MultiHeadAttention', domain: 'com.microsoft' },
};

describe('is refused in a sentence that names the node:', () => {
  for (const [name, hostile] of Object.entries(HOSTILE)) {
    it(name, () => {
      const run = () => append(new GraphBuilder(), hostile);
      expect(run).toThrow(expect.objectContaining({ code: 'model-unusable' }));
      expect(run).toThrow(new RegExp(`${hostile.op} node 'culprit'`));
    });
  }

  it('a convolution in three axes, once it should learn', () => {
    const g = new GraphBuilder();
    append(g, { op: 'Conv', image: [1, 2, 4, 4, 4], more: [[2, 2, 3, 3, 3]] });
    const loss = g.op('ReduceSum', ['y'], { keepdims: 0 });
    const walk = () => differentiate(g, { of: loss, by: ['x'], lowering: CONV3D });
    expect(walk).toThrow(/Conv node 'culprit' works on 3 spatial axes; only pictures/);
  });
});
