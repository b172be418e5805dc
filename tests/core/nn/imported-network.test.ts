import { describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { openReference, openReferenceModel } from '../../../src/core/nn/reference.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { buildTrainingProgram, writeParameters } from '../../../src/core/nn/training.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { CONV, network, ramp } from './small-network.ts';
import { TINY, tinyBatch, trainTiny } from './tiny-training.ts';

const UNET = buildUnet({ inputChannels: 3, classes: 2, channels: [3, 4], seed: 1 });

function refuses(model: OnnxModel, message: RegExp, code = 'model-unusable', options = TINY): void {
  expect(() => buildTrainingProgram(model, options)).toThrow(message);
  expect(() => buildTrainingProgram(model, options)).toThrow(expect.objectContaining({ code }));
}

describe("somebody else's network", () => {
  it('is trained before its final softmax, which stays in the written model', async () => {
    const softmax = network({
      ...CONV,
      nodes: [...CONV.nodes, ['Softmax', ['y'], 'p', { axis: { kind: 'int', value: 1 } }]],
    });
    const [plain, ended] = await Promise.all(
      [network(CONV), softmax].map((m) => trainTiny(m, openReference, { steps: 3 })),
    );
    expect(ended.losses).toEqual(plain.losses);
    const learned = writeParameters(softmax, ended.program, ended.state);
    expect(learned.graph.nodes.map((node) => node.op)).toEqual(['Conv', 'Softmax']);
  });

  it('is trained before an argmax, and before a softmax between two transpositions', async () => {
    const axis = { kind: 'int', value: 1 } as const;
    const perm = { kind: 'ints', value: [0, 3, 2, 1] } as const;
    const best = network({ ...CONV, nodes: [...CONV.nodes, ['ArgMax', ['y'], 'a', { axis }]], output: ['N', 1, 8, 8] });
    const turned = network({
      ...CONV,
      nodes: [
        ...CONV.nodes,
        ['Transpose', ['y'], 't', { perm }],
        ['Softmax', ['t'], 's', { axis: { kind: 'int', value: 3 } }],
        ['Transpose', ['s'], 'p', { perm }],
      ],
    });
    const all = await Promise.all([network(CONV), best, turned].map((m) => trainTiny(m, openReference)));
    expect(all[1].losses).toEqual(all[0].losses);
    expect(all[2].losses).toEqual(all[0].losses);
  });

  it('with one sigmoid output is trained as two classes', async () => {
    const model = network({
      nodes: [...CONV.nodes, ['Sigmoid', ['y'], 'p']],
      weights: { w: ramp(1, 3, 1, 1), b: ramp(1) },
      output: ['N', 1, 8, 8],
    });
    const { losses, program, state } = await trainTiny(model, openReference, { steps: 30, learningRate: 0.05 });
    expect(program.classes).toBe(2);
    expect(losses.at(-1)).toBeLessThan(losses[0] * 0.7);
    const { p } = await openReferenceModel(writeParameters(model, program, state)).run({ x: tinyBatch(program).image });
    expect(p.dims).toEqual([2, 1, 8, 8]);
  });

  it('whose equal weights the exporter merged learns them apart', async () => {
    const model = network({
      nodes: [
        ['Identity', ['b'], 'b2'],
        ['Conv', ['x', 'w', 'b'], 'h'],
        ['Relu', ['h'], 'r'],
        ['Conv', ['r', 'w2', 'b2'], 'y'],
      ],
      weights: { w: ramp(2, 3, 1, 1), w2: ramp(2, 2, 1, 1), b: tensorOf('float32', [2], [1, 1]) },
    });
    const { program, state } = await trainTiny(model, openReference, { steps: 2 });
    const learned = writeParameters(model, program, state);
    const [one, two] = ['b', 'b2'].map((name) =>
      Array.from(learned.graph.initialisers.get(name)!.data as Float32Array),
    );
    expect(one).not.toEqual(two);
    expect(learned.graph.nodes.map((node) => node.op)).toEqual(['Conv', 'Relu', 'Conv']);
  });

  it('that keeps its weights in Constant nodes learns them too', async () => {
    const value = { kind: 'tensor', value: ramp(2, 3, 1, 1) } as const;
    const model = network({
      nodes: [
        ['Constant', [], 'w', { value }],
        ['Conv', ['x', 'w'], 'y'],
      ],
      weights: {},
    });
    const { program } = await trainTiny(model, openReference);
    expect(program.layout.entries.map((entry) => entry.name)).toEqual(['w']);
  });

  it('that computes its own sizes is followed through them', async () => {
    const at = (value: number) => tensorOf('int64', [1], [value]);
    const axis = { kind: 'int', value: 0 } as const;
    const model = network({
      nodes: [
        ['Conv', ['x', 'w', 'b'], 'h', { strides: { kind: 'ints', value: [2, 2] } }],
        ['Shape', ['x'], 'size'],
        ['Slice', ['size', 'two', 'four'], 'hw'],
        ['Shape', ['h'], 'small'],
        ['Slice', ['small', 'zero', 'two'], 'nc'],
        ['Concat', ['nc', 'hw'], 'sizes', { axis }],
        ['Resize', ['h', '', '', 'sizes'], 'y', { mode: { kind: 'string', value: 'linear' } }],
      ],
      weights: { ...CONV.weights, zero: at(0), two: at(2), four: at(4) },
      image: ['N', 3, 'H', 'W'],
      output: ['N', 2, 'H', 'W'],
    });
    const { losses } = await trainTiny(model, openReference, { steps: 10 });
    expect(losses.at(-1)).toBeLessThan(losses[0]);
  });

  it('written in opset 9 is read as it was meant', async () => {
    const model = network({
      nodes: [
        [
          'Conv',
          ['x', 'w', 'b'],
          'h',
          { auto_pad: { kind: 'string', value: 'SAME_UPPER' }, strides: { kind: 'ints', value: [2, 2] } },
        ],
        ['Clip', ['h'], 'c', { min: { kind: 'float', value: 0 }, max: { kind: 'float', value: 6 } }],
        ['Upsample', ['c', 'twice'], 'u', { mode: { kind: 'string', value: 'nearest' } }],
        ['Dropout', ['u'], 'd', { ratio: { kind: 'float', value: 0.5 } }],
        [
          'Slice',
          ['d'],
          'y',
          {
            axes: { kind: 'ints', value: [1] },
            starts: { kind: 'ints', value: [0] },
            ends: { kind: 'ints', value: [2] },
          },
        ],
      ],
      weights: { w: ramp(3, 3, 3, 3), b: ramp(3), twice: tensorOf('float32', [4], [1, 1, 2, 2]) },
      opset: 9,
    });
    const { losses } = await trainTiny(model, openReference, { steps: 10 });
    expect(losses.at(-1)).toBeLessThan(losses[0]);
  });

  it('keeps a fixed normalisation of the picture fixed', () => {
    const model = network({
      ...CONV,
      nodes: [
        ['Sub', ['x', 'mean'], 'n'],
        ['Conv', ['n', 'w', 'b'], 'y'],
      ],
      weights: { ...CONV.weights, mean: ramp(1, 3, 1, 1) },
    });
    expect(buildTrainingProgram(model, TINY).layout.entries.map((entry) => entry.name)).toEqual(['w', 'b']);
  });
});

describe('a network that cannot be trained is refused with advice:', () => {
  const cases: Record<string, () => void> = {
    'an operator nobody has a gradient for': () =>
      refuses(
        network({
          ...CONV,
          nodes: [
            ['Conv', ['x', 'w', 'b'], 'h'],
            ['Unique', ['h'], 'y'],
          ],
        }),
        /Unique node 'y'.*leave it out of the exported network/,
      ),
    "another maker's operator": () => {
      const model = network(CONV);
      const nodes = model.graph.nodes.map((node) => ({ ...node, domain: 'com.microsoft' }));
      refuses({ ...model, graph: { ...model.graph, nodes } }, /com\.microsoft\.Conv|no weight/);
    },
    'an answer smaller than the picture': () =>
      refuses(
        network({
          nodes: [
            ['Conv', ['x', 'w'], 'h'],
            ['GlobalAveragePool', ['h'], 'y'],
          ],
          weights: { w: ramp(2, 3, 1, 1) },
        }),
        /2×2×1×1.*upsamples/,
      ),
    'two pictures': () => {
      const model = network(CONV);
      const inputs = [...model.graph.inputs, { name: 'z', type: 'float32', dims: [1, 3, 8, 8] } as const];
      refuses({ ...model, graph: { ...model.graph, inputs } }, /should take one picture.*'x'.*'z'/);
    },
    'channels last': () => refuses(network({ ...CONV, image: [1, 8, 8, 3] }), /\[N,H,W,C\]/),
    'nothing to learn': () =>
      refuses(network({ nodes: [['Relu', ['x'], 'y']], weights: {} }), /no weight that may learn/),
    'everything frozen': () =>
      refuses(network(CONV), /no weight that may learn/, 'model-unusable', { ...TINY, trainable: () => false }),
    'another tile size than its own': () =>
      refuses(network(CONV), /only takes tiles of 8×8/, 'bad-input', { ...TINY, heightPx: 16 }),
    'a batch that its shapes forbid': () =>
      refuses(
        network({
          ...CONV,
          nodes: [
            ['Conv', ['x', 'w', 'b'], 'h'],
            ['Reshape', ['h', 'fixed'], 'y'],
          ],
          weights: { ...CONV.weights, fixed: tensorOf('int64', [4], [1, 2, 8, 8]) },
        }),
        /Reshape node 'y'.*fixed to one batch/,
      ),
    'a tile that pooling does not divide': () =>
      refuses(UNET, /Concat node 'up0.join'.*choose a tile size/, 'model-unusable', { ...TINY, heightPx: 9 }),
    'a circle': () =>
      refuses(
        network({
          nodes: [
            ['Add', ['x', 'y'], 'h'],
            ['Relu', ['h'], 'y'],
          ],
          weights: {},
        }),
        /goes in a circle/,
      ),
    'a value that nothing makes': () =>
      refuses(
        network({ ...CONV, nodes: [['Conv', ['x', 'lost'], 'y']] }),
        /needs 'lost', which nothing in the model makes/,
      ),
    'weights that do not fit': () =>
      refuses(network({ ...CONV, weights: { w: ramp(2, 5, 1, 1), b: ramp(2) } }), /Conv node 'y': weights 2×5×1×1/),
    'no loss': () =>
      refuses(UNET, /one of them more than 0/, 'bad-input', { ...TINY, loss: [{ kind: 'dice', factor: 0 }] }),
    'no pixels': () => refuses(UNET, /no batch of pictures/, 'bad-input', { ...TINY, widthPx: 0 }),
    'a billion pixels': () => refuses(UNET, /no batch of pictures/, 'bad-input', { ...TINY, widthPx: 1e9 }),
    'an opset from before the flood': () => refuses(network({ ...CONV, opset: 5 }), /opset 5; export it with opset 13/),
  };
  for (const [name, run] of Object.entries(cases)) it(name, run);
});
