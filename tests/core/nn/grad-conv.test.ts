import { describe, it } from 'vitest';
import type { GraphBuilder } from '../../../src/core/nn/builder.ts';
import type { Lowering } from '../../../src/core/nn/grad-rule.ts';
import { createRandom } from '../../../src/core/random.ts';
import type { FedInput } from '../../fixtures/operator-case.ts';
import { CONV_CASES } from '../../fixtures/operator-cases-conv.ts';
import { checkGradient, checkOp } from './gradient-check.ts';

const LOWERINGS: readonly Lowering[] = [{ weightGradient: 'conv3d' }, { weightGradient: 'shifted-matmul' }];

const CONVS = {
  'a plain 3×3': [[2, 3, 5, 6], [4, 3, 3, 3], { pads: [1, 1, 1, 1] }],
  'one with fewer output than input channels': [[2, 5, 5, 4], [2, 5, 3, 3], { pads: [1, 1, 1, 1] }],
  'one without padding': [[1, 2, 6, 5], [3, 2, 3, 2], {}],
  'a 1×1': [[2, 3, 4, 3], [2, 3, 1, 1], {}],
  'a 1×1 of stride 2': [[2, 3, 5, 4], [4, 3, 1, 1], { strides: [2, 2] }],
  'stride 2 that leaves a row over': [[1, 2, 6, 7], [3, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }],
  'stride 2 of a 7×7': [[1, 3, 9, 8], [2, 3, 7, 7], { strides: [2, 2], pads: [3, 3, 3, 3] }],
  'stride 3 with kernel 2': [[1, 2, 8, 7], [2, 2, 2, 2], { strides: [3, 3] }],
  'dilation 2': [[1, 2, 7, 8], [3, 2, 3, 3], { dilations: [2, 2], pads: [2, 2, 2, 2] }],
  'dilation 2 with stride 2': [[1, 2, 8, 9], [3, 2, 3, 3], { dilations: [2, 2], strides: [2, 2], pads: [2, 2, 2, 2] }],
  'uneven padding': [[1, 2, 5, 5], [4, 2, 3, 3], { pads: [0, 1, 2, 0] }],
  'more padding than kernel': [[1, 2, 4, 4], [3, 2, 2, 2], { pads: [2, 2, 2, 2] }],
  'different strides per axis': [[1, 2, 6, 6], [2, 2, 3, 3], { strides: [1, 2], pads: [1, 1, 1, 1] }],
  'two groups': [[2, 4, 5, 4], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }],
  'two groups with fewer outputs': [[2, 6, 5, 4], [2, 3, 3, 3], { group: 2, pads: [1, 1, 1, 1] }],
  depthwise: [[2, 3, 5, 6], [3, 1, 3, 3], { group: 3, pads: [1, 1, 1, 1] }],
  'depthwise of stride 2': [[2, 3, 6, 5], [3, 1, 3, 3], { group: 3, strides: [2, 2], pads: [1, 1, 1, 1] }],
  'automatic padding': [[1, 2, 5, 6], [3, 2, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }],
} as const;

const TRANSPOSED = {
  'kernel = stride': [[2, 3, 3, 4], [3, 2, 2, 2], { strides: [2, 2] }],
  '4×4 of stride 2': [[1, 3, 3, 4], [3, 2, 4, 4], { strides: [2, 2], pads: [1, 1, 1, 1] }],
  'output padding': [[1, 2, 3, 3], [2, 3, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] }],
  'uneven cropping': [[1, 2, 3, 4], [2, 2, 3, 3], { strides: [2, 2], pads: [0, 0, 1, 1] }],
  'stride 1': [[1, 2, 4, 4], [2, 3, 3, 3], { pads: [1, 1, 1, 1] }],
  'two groups': [[1, 4, 3, 3], [4, 3, 3, 3], { group: 2, strides: [2, 2] }],
  dilation: [[1, 2, 3, 3], [2, 2, 3, 3], { dilations: [2, 2], strides: [2, 2] }],
} as const;

for (const lowering of LOWERINGS) {
  describe(`the gradient of a convolution (${lowering.weightGradient})`, () => {
    for (const [name, [image, weights, attributes]] of Object.entries(CONVS)) {
      it(`agrees with differences for ${name}`, async () => {
        await checkOp('Conv', [{ dims: image }, { dims: weights }, { dims: [weights[0]] }], attributes, lowering);
      });
    }
  });

  describe(`the gradient of a transposed convolution (${lowering.weightGradient})`, () => {
    for (const [name, [image, weights, attributes]] of Object.entries(TRANSPOSED)) {
      it(`agrees with differences for ${name}`, async () => {
        const group = 'group' in attributes ? attributes.group : 1;
        const bias = { dims: [weights[1] * group] };
        await checkOp('ConvTranspose', [{ dims: image }, { dims: weights }, bias], attributes, lowering);
      });
    }
  });
}

/** The property cases ask for one spelling of the weight gradient only. */
describe('the gradient of a convolution, a matrix product per tap', () => {
  for (const { op, claim, draw } of CONV_CASES.filter(({ claim }) => claim !== 'one axis')) {
    it(`agrees with differences for a ${op}, ${claim}`, async () => {
      for (let seed = 0; seed < 6; seed++) {
        const { inputs, attributes = {} } = draw(createRandom(seed));
        const fed = (inputs as readonly FedInput[]).map(({ dims }) => ({ dims }));
        const build = (g: GraphBuilder, names: string[]) => {
          g.append({ name: 'node', op, domain: '', inputs: names, outputs: ['y'], attributes });
          return ['y'];
        };
        await checkGradient(fed, build, { weightGradient: 'shifted-matmul' }, seed);
      }
    });
  }
});
