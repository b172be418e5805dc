import { describe, expect, it } from 'vitest';
import type { Node, OnnxModel } from '../../../src/core/nn/graph.ts';
import { decodeModel, encodeModel } from '../../../src/core/nn/onnx.ts';
import { openReference, openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { buildTrainingProgram, stepHyper, writeParameters } from '../../../src/core/nn/training.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { TINY, tinyBatch, trainTiny } from './tiny-training.ts';

const UNET = buildUnet({ inputChannels: 3, classes: 2, channels: [3, 4], seed: 1 });

interface Part {
  readonly nodes: readonly (readonly [
    op: string,
    inputs: readonly string[],
    output: string,
    attributes?: Node['attributes'],
  ])[];
  readonly weights: Readonly<Record<string, Tensor>>;
  readonly image?: readonly (number | string)[];
  readonly output?: readonly (number | string)[];
  readonly opset?: number;
}

/** A network in a few words: its last node makes the output. */
function network({ nodes, weights, image = ['N', 3, 8, 8], output = ['N', 2, 8, 8], opset = 18 }: Part): OnnxModel {
  return {
    irVersion: 8,
    opsets: new Map([['', opset]]),
    producer: '',
    metadata: new Map(),
    graph: {
      name: 'small',
      nodes: nodes.map(([op, inputs, made, attributes = {}]) => ({
        name: '',
        op,
        domain: '',
        inputs,
        outputs: [made],
        attributes,
      })),
      initialisers: new Map(Object.entries(weights)),
      inputs: [{ name: 'x', type: 'float32', dims: image }],
      outputs: [{ name: nodes.at(-1)![2], type: 'float32', dims: output }],
    },
  };
}

const ramp = (...dims: number[]) => {
  const size = dims.reduce((a, b) => a * b, 1);
  return tensorOf(
    'float32',
    dims,
    Float32Array.from({ length: size }, (_, i) => Math.sin(1 + i) / 2),
  );
};

const CONV: Part = { nodes: [['Conv', ['x', 'w', 'b'], 'y']], weights: { w: ramp(2, 3, 1, 1), b: ramp(2) } };

function refuses(model: OnnxModel, message: RegExp, code = 'model-unusable', options = TINY): void {
  expect(() => buildTrainingProgram(model, options)).toThrow(message);
  expect(() => buildTrainingProgram(model, options)).toThrow(expect.objectContaining({ code }));
}

describe('a training program', () => {
  it('has the same bytes each time', () => {
    expect(buildTrainingProgram(UNET, TINY).bytes).toEqual(buildTrainingProgram(UNET, TINY).bytes);
  });

  it('lays every weight out once, without gaps', () => {
    const { layout } = buildTrainingProgram(UNET, TINY);
    let end = 0;
    for (const { dims, offset } of layout.entries) {
      expect(offset).toBe(end);
      end += dims.reduce((a, b) => a * b, 1);
    }
    expect(end).toBe(layout.length);
    expect(new Set(layout.entries.map((entry) => entry.name)).size).toBe(layout.entries.length);
    expect(layout.entries.map((entry) => entry.name)).toContain('up0.conv.weight');
    expect(layout.entries.some((entry) => /mean|variance/.test(entry.name))).toBe(false);
  });

  it('changes nothing at learning rate 0', async () => {
    const { state, program } = await trainTiny(UNET, openReference, { learningRate: 0, steps: 2 });
    expect(state.theta.data).toEqual(program.sessionOptions.initial!.theta.data);
    const learned = writeParameters(UNET, program, state);
    expect(encodeModel(learned)).toEqual(encodeModel(UNET));
  });

  it('changes only what may learn, and computes no gradient for the rest', async () => {
    const trainable = (name: string) => name.startsWith('head');
    const few = await trainTiny(UNET, openReference, { options: { trainable, exposeGradient: true } });
    const before = few.program.sessionOptions.initial!.theta.data as Float32Array;
    for (const { offset, trainable: learns } of few.program.layout.entries) {
      expect(few.state.theta.data[offset] !== before[offset]).toBe(learns);
      expect(few.gradient[offset] !== 0).toBe(learns);
    }
    expect(few.program.bytes.length).toBeLessThan(buildTrainingProgram(UNET, TINY).bytes.length * 0.7);
  });

  it('with batch statistics moves the running averages towards the batch', async () => {
    const { program, state } = await trainTiny(UNET, openReference, { options: { batchNorm: 'batch' }, steps: 3 });
    const before = program.sessionOptions.initial!.running.data;
    const first = program.runningLayout.entries.find((entry) => entry.name === 'down0.first.mean')!;
    expect(state.running.data[first.offset]).not.toBe(before[first.offset]);
    const learned = writeParameters(UNET, program, state);
    expect(learned.graph.initialisers.get('down0.first.mean')!.data[0]).toBeCloseTo(
      Number(state.running.data[first.offset]),
      6,
    );
  });

  it('leaves a normalisation frozen whose scale may not learn', () => {
    const trainable = (name: string) => !name.startsWith('down0');
    const { runningLayout } = buildTrainingProgram(UNET, { ...TINY, batchNorm: 'batch', trainable });
    expect(runningLayout.entries.some((entry) => entry.name.startsWith('down0'))).toBe(false);
    expect(runningLayout.entries.some((entry) => entry.name.startsWith('down1'))).toBe(true);
  });

  it('clips long gradients: SGD then steps by exactly the limit', async () => {
    const { program, state } = await trainTiny(UNET, openReference, {
      options: { optimiser: { kind: 'sgd', momentum: 0 }, clipNorm: 1e-3 },
      learningRate: 1,
    });
    const before = program.sessionOptions.initial!.theta.data as Float32Array;
    const moved = (state.theta.data as Float32Array).map((value, i) => value - before[i]);
    expect(Math.hypot(...moved)).toBeCloseTo(1e-3, 6);
  });

  it('stays where it is when no pixel counts', async () => {
    const weight = tensorOf('float32', [2, 1, 8, 8], new Float32Array(128));
    const { losses, state, program } = await trainTiny(UNET, openReference, {
      options: { optimiser: { kind: 'adamw', weightDecay: 0 } },
      feeds: { weight },
    });
    expect(losses).toEqual([0]);
    expect(state.theta.data).toEqual(program.sessionOptions.initial!.theta.data);
  });

  it('gives the same gradient with either lowering', async () => {
    const [one, other] = await Promise.all(
      (['conv3d', 'shifted-matmul'] as const).map((weightGradient) =>
        trainTiny(UNET, openReference, { options: { lowering: { weightGradient }, exposeGradient: true } }),
      ),
    );
    const largest = Math.max(...one.gradient.map(Math.abs));
    one.gradient.forEach((value, i) => {
      expect(Math.abs(value - other.gradient[i]) / largest).toBeLessThan(1e-5);
    });
  });

  it('has a gradient that agrees with differences of its own loss, batch statistics included', async () => {
    for (const batchNorm of ['frozen', 'batch'] as const) {
      const options = { ...TINY, batch: 1, heightPx: 4, widthPx: 4, batchNorm, exposeGradient: true };
      const program = buildTrainingProgram(UNET, options);
      const feeds = { ...tinyBatch(program), hyper: stepHyper(1, 0, options.optimiser) };
      const initial = program.sessionOptions.initial!;
      const session = openReferenceModel(decodeModel(program.bytes), { precision: 'float64' });
      const theta = Float64Array.from(initial.theta.data as Float32Array);
      const state = { ...initial, theta: { type: 'float64', dims: [theta.length], data: theta } } as const;
      const run = async () => session.run({ ...feeds, ...state });
      const written = (await run()).gradient.data as Float64Array;
      const scale = Math.max(...written.map(Math.abs));
      for (let i = 3; i < theta.length; i += Math.floor(theta.length / 25)) {
        const original = theta[i];
        theta[i] = original + 1e-6;
        const above = Number((await run()).loss.data[0]);
        theta[i] = original - 1e-6;
        const below = Number((await run()).loss.data[0]);
        theta[i] = original;
        expect(Math.abs((above - below) / 2e-6 - written[i]) / scale).toBeLessThan(1e-5);
      }
    }
  });
});

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
            ['TopK', ['h'], 'y'],
          ],
        }),
        /TopK node 'y'.*export the network without it/,
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
      refuses(UNET, /one of them more than 0/, 'bad-input', { ...TINY, loss: { crossEntropy: 0, dice: 0, focal: 0 } }),
    'no pixels': () => refuses(UNET, /no batch of pictures/, 'bad-input', { ...TINY, widthPx: 0 }),
    'a billion pixels': () => refuses(UNET, /no batch of pictures/, 'bad-input', { ...TINY, widthPx: 1e9 }),
    'an opset from before the flood': () => refuses(network({ ...CONV, opset: 5 }), /opset 5; export it with opset 13/),
  };
  for (const [name, run] of Object.entries(cases)) it(name, run);

  it('learned weights that are not numbers', async () => {
    const { program, state } = await trainTiny(UNET, openReference);
    const theta = Float32Array.from(state.theta.data as Float32Array).fill(Number.NaN, 5, 6);
    const broken = { ...state, theta: { ...state.theta, data: theta } };
    expect(() => writeParameters(UNET, program, broken)).toThrow(
      expect.objectContaining({ code: 'model-output-invalid' }),
    );
    expect(() => writeParameters(UNET, program, {})).toThrow(expect.objectContaining({ code: 'bad-input' }));
  });
});
