import { describe, expect, it } from 'vitest';
import { answerLayout } from '../../../src/core/nn/answer-layout.ts';
import { foundClasses, foundNormalisation, foundPixelSize } from '../../../src/core/nn/found-normalisation.ts';
import { withFreeReshapes } from '../../../src/core/nn/free-batch.ts';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { imageLayout } from '../../../src/core/nn/image-layout.ts';
import { type ProjectRequest, toProjectNetwork } from '../../../src/core/nn/project-network.ts';
import { openReferenceModel } from '../../../src/core/nn/reference.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { CONV, network, type Part, ramp } from './small-network.ts';

const perm = (...value: number[]) => ({ perm: { kind: 'ints', value } as const });
const [N, H, W] = [2, 4, 6];
const plane = H * W;

/** A picture [N,3,H,W] and what a 1×1 convolution with CONV's weights makes of it. */
const picture = ramp(N, 3, H, W);
const wire = (model: OnnxModel, more: Partial<ProjectRequest> = {}): ProjectRequest => ({
  image: imageLayout(model),
  freeBatch: true,
  channelOrder: 'rgb',
  value: model.graph.outputs[0].name,
  answer: { channelsLast: false, flat: false, channels: 2, downsample: 1 },
  activation: 'softmax',
  isProbability: false,
  ...more,
});

async function scoresOf(
  model: OnnxModel,
  more: Partial<ProjectRequest> = {},
  input: Tensor = picture,
): Promise<Tensor> {
  const made = toProjectNetwork(model, wire(model, more));
  const result = await openReferenceModel(made.model).run({ [made.inputName]: input });
  expect(result[made.outputName].dims[1]).toBe(made.classes);
  return result[made.outputName];
}

const plain = (part: Partial<Part> = {}) => network({ ...CONV, image: ['N', 3, 'H', 'W'], ...part });
const values = (tensor: Tensor) => [...(tensor.data as Float32Array)];

function expectClose(found: readonly number[], wanted: readonly number[], within = 1e-5): void {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of found.entries()) expect(Math.abs(value - wanted[i])).toBeLessThan(within);
}

describe('a network as a project model answers as it did, when', () => {
  it('nothing has to be put around it', async () => {
    const made = toProjectNetwork(plain(), wire(plain()));
    expect(made.changes).toEqual([]);
    expect(made.model.graph.nodes).toEqual(plain().graph.nodes);
  });

  it('it keeps channels last, going in and coming out', async () => {
    const last = plain({
      nodes: [
        ['Transpose', ['x'], 't', perm(0, 3, 1, 2)],
        ['Conv', ['t', 'w', 'b'], 'c'],
        ['Transpose', ['c'], 'y', perm(0, 2, 3, 1)],
      ],
      image: ['N', 'H', 'W', 3],
    });
    const answer = { channelsLast: true, flat: false, channels: 2, downsample: 1 };
    expectClose(values(await scoresOf(last, { answer })), values(await scoresOf(plain())));
  });

  it('it wants blue first', async () => {
    const { data } = picture;
    const reversed = Float32Array.from(data as Float32Array, (_, i) => {
      const [n, c, p] = [Math.floor(i / (3 * plane)), Math.floor(i / plane) % 3, i % plane];
      return Number(data[n * 3 * plane + (2 - c) * plane + p]);
    });
    const turned = tensorOf('float32', picture.dims, reversed);
    const blueFirst = await scoresOf(plain(), { channelOrder: 'bgr' });
    expectClose(values(blueFirst), values(await scoresOf(plain(), {}, turned)));
  });

  it('it sees grey', async () => {
    const grey = plain({
      weights: { w: tensorOf('float32', [2, 1, 1, 1], [1, 2]), b: ramp(2) },
      image: ['N', 1, 'H', 'W'],
    });
    const white = tensorOf('float32', [1, 3, 1, 1], [1, 1, 1]);
    const found = values(await scoresOf(grey, {}, white));
    const bias = values(ramp(2));
    expectClose(found, [1 + bias[0], 2 + bias[1]]);
  });

  it('it gives one score a pixel: softmax over two classes is its sigmoid', async () => {
    const single = plain({ weights: { w: ramp(1, 3, 1, 1), b: ramp(1) } });
    const answer = { channelsLast: false, flat: false, channels: 1, downsample: 1 };
    const found = values(await scoresOf(single, { answer, activation: 'sigmoid' }));
    const score = values((await openReferenceModel(single).run({ x: picture })).y);
    const probability = (i: number) => 1 / (1 + Math.exp(found[i] - found[plane + i]));
    for (let i = 0; i < plane; i++) expect(probability(i)).toBeCloseTo(1 / (1 + Math.exp(-score[i])), 6);
  });

  it('it gives probabilities: their logarithms have them as softmax', async () => {
    const shares = plain({ nodes: [...CONV.nodes, ['Softmax', ['y'], 'p', { axis: { kind: 'int', value: 1 } }]] });
    const found = values(await scoresOf(shares, { isProbability: true }));
    const wanted = values((await openReferenceModel(shares).run({ x: picture })).p);
    expectClose(found.map(Math.exp), wanted, 1e-5);
  });

  it('it answers at half the size, without an axis for its one class', async () => {
    const small = plain({
      nodes: [
        [
          'AveragePool',
          ['x'],
          'a',
          { kernel_shape: { kind: 'ints', value: [2, 2] }, strides: { kind: 'ints', value: [2, 2] } },
        ],
        ['Conv', ['a', 'w', 'b'], 'c'],
        ['Squeeze', ['c', 'one'], 'y'],
      ],
      weights: { w: ramp(1, 3, 1, 1), b: ramp(1), one: tensorOf('int64', [1], [1]) },
    });
    const answer = { channelsLast: false, flat: true, channels: 1, downsample: 2 };
    const scores = await scoresOf(small, { answer, activation: 'sigmoid' });
    expect(scores.dims).toEqual([N, 2, H, W]);
    const { changes } = toProjectNetwork(small, wire(small, { answer, activation: 'sigmoid' }));
    expect(changes).toContainEqual(expect.stringContaining('1/2'));
  });
});

it('names that the network has already are not taken again', () => {
  const grey = network({
    nodes: [['Conv', ['picture', 'luma'], 'logits']],
    weights: { luma: ramp(1, 1, 1, 1) },
    image: ['N', 1, 'H', 'W'],
  });
  const named = { ...grey, graph: { ...grey.graph, inputs: [{ ...grey.graph.inputs[0], name: 'picture' }] } };
  const made = toProjectNetwork(named, wire(named));
  const names = made.model.graph.nodes.flatMap((node) => node.outputs).concat(made.inputName);
  expect(new Set(names).size).toBe(names.length);
  expect(made.inputName).toBe('picture_2');
});

describe('the picture a network takes', () => {
  const taking = (image: Part['image'], more: Partial<OnnxModel['graph']> = {}) => {
    const model = network({ ...CONV, image });
    return { ...model, graph: { ...model.graph, ...more } };
  };
  it.each([
    [['N', 3, 'H', 'W'], { channelsLast: false, channels: 3, batch: null, heightPx: null }],
    [[1, 3, 64, 96], { channelsLast: false, batch: 1, heightPx: 64, widthPx: 96 }],
    [['N', 64, 96, 3], { channelsLast: true, channels: 3, heightPx: 64, widthPx: 96 }],
    [['N', 'H', 'W', 1], { channelsLast: true, channels: 1 }],
    [['N', 'C', 'H', 'W'], { channelsLast: false, channels: 3 }],
  ])('is understood from %j', (image, layout) => {
    expect(imageLayout(taking(image))).toMatchObject(layout);
  });

  it.each([
    [taking(['N', 4, 'H', 'W']), /4 channels; slides give 3/],
    [taking([1, 10]), /4 axes/],
    [taking(['N', 3, 64, 'W']), /both fixed or both free/],
    [taking(['N', 3, 8, 8], { inputs: [] }), /takes nothing/],
    [taking([], { inputs: [{ name: 'x', type: 'int64', dims: [1, 3, 8, 8] }] }), /pictures come as float32/],
    [
      taking([], {
        inputs: [
          { name: 'image', type: 'float32', dims: [1, 3, 8, 8] },
          { name: 'prompt', type: 'float32', dims: [1, 2] },
        ],
      }),
      /'image'.*'prompt'.*everything else .* fixed inside/,
    ],
  ])('is refused in words (%#)', (model, sentence) => {
    expect(() => imageLayout(model)).toThrow(sentence);
  });
});

describe('an answer', () => {
  const size = { batch: 2, heightPx: 128, widthPx: 192 };
  const of = (...dims: number[]) => answerLayout({ type: 'float32', dims }, size);
  it.each([
    [[2, 5, 128, 192], { channelsLast: false, channels: 5, downsample: 1 }],
    [[2, 128, 192, 5], { channelsLast: true, channels: 5, downsample: 1 }],
    [[2, 19, 32, 48], { channelsLast: false, channels: 19, downsample: 4 }],
    [[2, 32, 48, 19], { channelsLast: true, channels: 19, downsample: 4 }],
    [[2, 128, 192], { flat: true, channels: 1, downsample: 1 }],
    [[2, 1, 128, 192], { channels: 1 }],
  ])('%j is a map', (dims, layout) => expect(of(...dims)).toMatchObject(layout));

  it.each([
    [[2, 512], /no map/],
    [[2, 5, 192, 128], /no map/],
    [[2, 5, 1, 1], /no map/],
    [[1, 5, 128, 192], /each picture of a batch/],
    [[2, 5, 40, 104], /only the middle.*padding/],
  ])('%j is none', (dims, why) => expect(of(...dims)).toMatch(why));

  it('of class numbers is none', () => {
    expect(answerLayout({ type: 'int64', dims: [2, 1, 128, 192] }, size)).toMatch(/class numbers/);
  });
});

describe('how a network wants its pixels is found', () => {
  const scalar = (value: number) => tensorOf('float32', [], [value]);
  const begins = (...nodes: Part['nodes']) =>
    network({
      nodes: [...nodes, ['Conv', ['n', 'w'], 'y']],
      weights: { ...CONV.weights, a: scalar(255), b: scalar(0.5), c: scalar(127.5), d: scalar(1) },
    });
  const bytes = { mean: [0, 0, 0], deviation: [1 / 255, 1 / 255, 1 / 255] };
  const unit = { mean: [0, 0, 0], deviation: [1, 1, 1] };

  it.each([
    ['a division by 255', begins(['Div', ['x', 'a'], 'n']), bytes],
    ['x / 127.5 − 1', begins(['Div', ['x', 'c'], 'm'], ['Sub', ['m', 'd'], 'n']), bytes],
    [
      '(x − 0.5) / 0.5 behind a transposition',
      begins(['Transpose', ['x'], 't', perm(0, 1, 2, 3)], ['Sub', ['t', 'b'], 'm'], ['Div', ['m', 'b'], 'n']),
      unit,
    ],
  ])('in %s', (_name, model, wanted) => expect(foundNormalisation(model, 'x')).toMatchObject(wanted));

  it('in the metadata, in bytes or in shares of 1', () => {
    const model = (mean: string, std: string) => ({
      ...network(CONV),
      metadata: new Map([
        ['mean', mean],
        ['std', std],
      ]),
    });
    const shares = foundNormalisation(model('[0.5, 0.4, 0.3]', '[0.2, 0.2, 0.2]'), 'x')!;
    expect(shares).toMatchObject({ mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.2, 0.2] });
    const found = foundNormalisation(model('127.5 102 76.5', '51,51,51'), 'x')!;
    expectClose([...found.mean, ...found.deviation], [0.5, 0.4, 0.3, 0.2, 0.2, 0.2]);
  });

  it('nowhere in a plain network, nor in metadata that make no sense', () => {
    expect(foundNormalisation(network(CONV), 'x')).toBeNull();
    const odd = {
      ...network(CONV),
      metadata: new Map([
        ['mean', '[0.5]'],
        ['std', '[0, 0, 0]'],
      ]),
    };
    expect(foundNormalisation(odd, 'x')).toBeNull();
  });

  it('and so are class names and the pixel size', () => {
    expect(foundClasses(new Map([['names', "{0: 'tumour', 1: 'stroma'}"]]))).toEqual(['tumour', 'stroma']);
    expect(foundClasses(new Map([['Classes', '["a", "a"]']]))).toBeNull();
    expect(foundPixelSize(new Map([['mpp', '0.25']]))).toBe(0.25);
    expect(foundPixelSize(new Map([['mpp', '-3']]))).toBeNull();
  });
});

it('a Reshape that was bound to one picture takes any number', async () => {
  const bound = network({
    nodes: [
      ['Conv', ['x', 'w', 'b'], 'h'],
      ['Reshape', ['h', 'shape'], 'y'],
    ],
    weights: { ...CONV.weights, shape: tensorOf('int64', [4], [1, 2, 8, 8]) },
  });
  const free = withFreeReshapes(bound)!;
  const { y } = await openReferenceModel(free).run({ x: ramp(3, 3, 8, 8) });
  expect(y.dims).toEqual([3, 2, 8, 8]);
  expect(withFreeReshapes(network(CONV))).toBeNull();
});
