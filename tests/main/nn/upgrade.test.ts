/** Operators of older and newer opsets: what our rewriting computes against onnxruntime on the original. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { appendForward } from '../../../src/core/nn/forward.ts';
import type { Attribute, Node, OnnxModel } from '../../../src/core/nn/graph.ts';
import { encodeModel } from '../../../src/core/nn/onnx.ts';
import { prepareModel } from '../../../src/core/nn/prepare.ts';
import { openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { createRandom } from '../../../src/core/random.ts';
import { openOnnxRuntime } from './onnxruntime-session.ts';

const ints = (...value: number[]): Attribute => ({ kind: 'ints', value });
const int = (value: number): Attribute => ({ kind: 'int', value });
const float = (value: number): Attribute => ({ kind: 'float', value });
const text = (value: string): Attribute => ({ kind: 'string', value });
const vector = (...values: number[]) => tensorOf('float32', [values.length], values);
const whole = (...values: number[]) => tensorOf('int64', [values.length], values);

type Step = readonly [
  op: string,
  inputs: readonly string[],
  attributes?: Node['attributes'],
  outputs?: readonly string[],
];

/** A chain of nodes; each without named outputs makes `v0`, `v1`, …; the last value is the output. */
function chain(opset: number, steps: readonly Step[], weights: Readonly<Record<string, Tensor>> = {}): OnnxModel {
  const nodes = steps.map(([op, inputs, attributes = {}, outputs = []], i) => {
    return { name: '', op, domain: '', inputs, outputs: outputs.length > 0 ? outputs : [`v${i}`], attributes };
  });
  return {
    irVersion: 7,
    opsets: new Map([['', opset]]),
    producer: '',
    metadata: new Map(),
    graph: {
      name: 'chain',
      nodes,
      initialisers: new Map(Object.entries(weights)),
      inputs: [{ name: 'x', type: 'float32', dims: [2, 4, 6, 6] }],
      outputs: [{ name: nodes.at(-1)!.outputs[0], type: 'float32', dims: null }],
    },
  };
}

async function agree(original: OnnxModel): Promise<void> {
  const random = createRandom(8);
  const x = tensorOf(
    'float32',
    [2, 4, 6, 6],
    Float32Array.from({ length: 288 }, () => random.normal()),
  );
  const model = prepareModel(original);
  const g = new GraphBuilder();
  const image = g.input('image', 'float32', x.dims);
  const logits = original.graph.outputs[0].name;
  const network = {
    image: { name: 'x', type: 'float32', dims: x.dims },
    logits,
    nodes: model.graph.nodes,
    parameters: [],
  } as const;
  const forward = appendForward(g, {
    model,
    network,
    image,
    weights: new Map(),
    results: [logits],
    usesBatch: () => false,
  });
  g.output('result', forward.results[0]);
  const { result } = await openReferenceModel(g.finish('upgraded')).run({ image: x });
  const session = await openOnnxRuntime(encodeModel(original));
  const expected = (await session.run({ x }))[logits];
  await session.close();
  expect(result.dims).toEqual(expected.dims);
  result.data.forEach((value, i) => {
    expect(Math.abs(Number(value) - Number(expected.data[i])), `[${i}]`).toBeLessThan(1e-4);
  });
}

const CASES: Readonly<Record<string, OnnxModel>> = {
  'Clip with limits as attributes': chain(10, [['Clip', ['x'], { min: float(-0.5), max: float(0.8) }]]),
  'Clip without an upper limit': chain(10, [['Clip', ['x'], { min: float(0) }]]),
  'Upsample, nearest': chain(9, [['Upsample', ['x', 's'], { mode: text('nearest') }]], { s: vector(1, 1, 2, 2) }),
  'Upsample, linear': chain(9, [['Upsample', ['x', 's'], { mode: text('linear') }]], { s: vector(1, 1, 2, 2) }),
  'Upsample with scales as an attribute': chain(8, [
    ['Upsample', ['x'], { mode: text('nearest'), scales: { kind: 'floats', value: [1, 1, 3, 2] } }],
  ]),
  'Resize of opset 10': chain(10, [['Resize', ['x', 's'], { mode: text('linear') }]], { s: vector(1, 1, 1.5, 2) }),
  'Resize of opset 11': chain(11, [['Resize', ['x', 'roi', 's'], { mode: text('linear') }]], {
    roi: tensorOf('float32', [0], []),
    s: vector(1, 1, 2, 2),
  }),
  'Softmax over channels and all that follows': chain(11, [['Softmax', ['x'], { axis: int(1) }]]),
  'Softmax over the last axis': chain(11, [['Softmax', ['x'], { axis: int(3) }]]),
  'LogSoftmax with its old default': chain(9, [['LogSoftmax', ['x']]]),
  'ReduceMean with axes as an attribute': chain(13, [['ReduceMean', ['x'], { axes: ints(2, 3), keepdims: int(0) }]]),
  'ReduceSum with axes as an attribute': chain(11, [['ReduceSum', ['x'], { axes: ints(-1) }]]),
  'Squeeze and Unsqueeze with axes as attributes': chain(11, [
    ['Unsqueeze', ['x'], { axes: ints(0, 3) }],
    ['Squeeze', ['v0'], { axes: ints(0) }],
  ]),
  'Split with sizes as an attribute': chain(11, [
    ['Split', ['x'], { axis: int(1), split: ints(1, 3) }, ['a', 'b']],
    ['Mul', ['a', 'b']],
  ]),
  'Split into equal parts': chain(13, [
    ['Split', ['x'], { axis: int(1) }, ['a', 'b']],
    ['Sub', ['a', 'b']],
  ]),
  'Slice with limits as attributes': chain(9, [
    ['Slice', ['x'], { axes: ints(2, 3), starts: ints(1, -3), ends: ints(100, -1) }],
  ]),
  'Pad with amounts as an attribute': chain(10, [
    ['Pad', ['x'], { pads: ints(0, 0, 1, 2, 0, 0, 3, 0), value: float(0.5) }],
  ]),
  Flatten: chain(13, [['Flatten', ['x'], { axis: int(2) }]]),
  'arithmetic in doubles': chain(
    13,
    [
      ['Cast', ['x'], { to: int(11) }],
      ['Mul', ['v0', 'w']],
      ['Cast', ['v1'], { to: int(1) }],
    ],
    { w: tensorOf('float64', [6], [1.5, -2, 0.25, 3, 1, 0]) },
  ),
  'Mean of two': chain(13, [['Mean', ['x', 'w']]], { w: vector(1) }),
  'wrapped borders': chain(19, [['Pad', ['x', 'p'], { mode: text('wrap') }]], { p: whole(0, 0, 2, -1, 0, 1, 3, 2) }),
  Dropout: chain(12, [['Dropout', ['x']]]),
  'Sum of three': chain(13, [['Sum', ['x', 'w', 'x']]], { w: tensorOf('float32', [4, 1, 1], [1, 2, 3, 4]) }),
  'Max of one': chain(13, [['Max', ['x']]]),
  'Max of three': chain(13, [['Max', ['x', 'w', 'w2']]], { w: vector(0.1), w2: vector(0, 1, 0, 1, 0, 1) }),
  HardSwish: chain(14, [['HardSwish', ['x']]]),
  Reciprocal: chain(13, [['Reciprocal', ['x']]]),
  Gelu: chain(20, [['Gelu', ['x']]]),
  LayerNormalization: chain(17, [['LayerNormalization', ['x', 's', 'b'], { axis: int(-1) }]], {
    s: vector(1, 2, 3, 4, 5, 6),
    b: vector(6, 5, 4, 3, 2, 1),
  }),
  'DepthToSpace by depth': chain(13, [['DepthToSpace', ['x'], { blocksize: int(2) }]]),
  'DepthToSpace by column': chain(13, [['DepthToSpace', ['x'], { blocksize: int(2), mode: text('CRD') }]]),
  SpaceToDepth: chain(13, [['SpaceToDepth', ['x'], { blocksize: int(2) }]]),
  'BatchNormalization of old': chain(
    8,
    [['BatchNormalization', ['x', 's', 's', 's', 's'], { spatial: int(1), epsilon: float(1e-3) }]],
    { s: vector(1, 2, 3, 4) },
  ),
  'Conv and BatchNormalization together': chain(
    13,
    [
      ['Conv', ['x', 'w', 'b']],
      ['BatchNormalization', ['v0', 's', 's', 'b', 's']],
    ],
    { w: tensorOf('float32', [2, 4, 1, 1], [1, 2, 3, 4, -1, 2, -3, 4]), b: vector(0.5, -0.5), s: vector(0.7, 1.3) },
  ),
  'sizes computed by the network itself': chain(
    13,
    [
      ['Shape', ['x']],
      ['Gather', ['v0', 'zero'], { axis: int(0) }],
      ['Unsqueeze', ['v1', 'first']],
      ['Concat', ['v2', 'rest'], { axis: int(0) }],
      ['Reshape', ['x', 'v3']],
    ],
    { zero: tensorOf('int64', [], [0]), first: whole(0), rest: whole(2, -1) },
  ),
};

describe('rewriting to one opset keeps the meaning of', () => {
  for (const [name, model] of Object.entries(CASES)) it(name, () => agree(model));
});
