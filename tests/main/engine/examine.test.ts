/** Model files of strangers, honest and hostile: each becomes a project model, or is refused in a sentence, and never more. */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { decodeModel, encodeModel } from '../../../src/core/nn/onnx.ts';
import { Writer } from '../../../src/core/nn/protobuf.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { childEntry } from '../../../src/main/engine/child-entry.ts';
import { linkChild } from '../../../src/main/engine/child-link.ts';
import { spawnNodeChild, startEngine } from '../../../src/main/engine/engine.ts';
import { askApart } from '../../../src/main/engine/inspect-apart.ts';
import { CONV, network, type Part, ramp } from '../../core/nn/small-network.ts';
import { describeWithData } from '../../fixtures/shared-data.ts';
import { fileFolder } from '../../fixtures/temporary.ts';
import { tinyOnnx } from '../../fixtures/tiny-onnx.ts';

const engine = startEngine({ threads: 1 });
afterAll(() => engine.close());
const folder = fileFolder();

const FREE = { output: null, activation: null, channelOrder: 'rgb' } as const;
const perm = (...value: number[]) => ({ perm: { kind: 'ints', value } as const });
const plain = (part: Partial<Part> = {}) =>
  network({ ...CONV, opset: 17, image: ['N', 3, 'H', 'W'], output: ['N', 2, 'H', 'W'], ...part });

function write(name: string, content: OnnxModel | Uint8Array | string): string {
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, typeof content === 'string' || content instanceof Uint8Array ? content : encodeModel(content));
  return path;
}
const examine = (name: string, content: OnnxModel | Uint8Array | string, wish: object = {}) =>
  engine.examine(write(name, content), { ...FREE, ...wish });

describe('a network of another maker', () => {
  test('in TensorFlow’s axes, at a quarter of the size, ending in a softmax', async () => {
    const quarter = {
      kernel_shape: { kind: 'ints', value: [4, 4] },
      strides: { kind: 'ints', value: [4, 4] },
    } as const;
    const facts = await examine(
      'tensorflow',
      plain({
        nodes: [
          ['Div', ['x', 'scale'], 'n'],
          ['Transpose', ['n'], 't', perm(0, 3, 1, 2)],
          ['Conv', ['t', 'w', 'b'], 'c', quarter],
          ['Transpose', ['c'], 'l', perm(0, 2, 3, 1)],
          ['Softmax', ['l'], 'p', { axis: { kind: 'int', value: -1 } }],
        ],
        weights: { w: ramp(3, 3, 4, 4), b: ramp(3), scale: tensorOf('float32', [], [255]) },
        image: ['N', 'H', 'W', 3],
        output: ['N', 'h', 'w', 3],
      }),
    );
    expect(facts.project).toMatchObject({ classes: 3, values: 'logits', dynamicSize: true, sizeMultiple: 4 });
    expect(facts).toMatchObject({ activation: 'softmax', activationWhy: 'the network ends in a softmax' });
    expect(facts.normalisation).toMatchObject({ deviation: [1 / 255, 1 / 255, 1 / 255] });
    expect(facts.changes.join()).toMatch(/moved to the end.*moved to the front.*1\/4 of the picture/);
    expect(facts.learning).toMatchObject({ problem: null, learnable: 3 * 48 + 3 });
  });

  test('with several outputs is taken at its class map, or at the one that is wished for', async () => {
    const model = plain({ nodes: [...CONV.nodes, ['Sigmoid', ['y'], 'edge'], ['GlobalAveragePool', ['y'], 'pooled']] });
    const output = (name: string) => ({ name, type: 'float32', dims: ['N', 2, 'h', 'w'] }) as const;
    const several = { ...model, graph: { ...model.graph, outputs: ['pooled', 'edge', 'y'].map(output) } };
    const found = await examine('several', several);
    expect(found.output).toBe('y');
    expect(found.outputs.find(({ name }) => name === 'pooled')?.problem).toMatch(/no class map/);
    expect(found.changes.join()).toMatch(/‘pooled’, ‘edge’.*left out/);
    const wished = await engine.examine(join(folder, 'several.onnx'), { ...FREE, output: 'edge' });
    expect(wished).toMatchObject({ output: 'edge', activation: 'sigmoid' });
    expect(wished.project.classes).toBe(3);
  });

  test('that was exported for one picture at a time takes any number where that changes nothing', async () => {
    const shape = tensorOf('int64', [4], [1, 2, 16, 16]);
    const bound = plain({
      nodes: [
        ['Conv', ['x', 'w', 'b'], 'h'],
        ['Reshape', ['h', 'shape'], 'y'],
      ],
      weights: { ...CONV.weights, shape },
      image: [1, 3, 16, 16],
      output: [1, 2, 16, 16],
    });
    expect((await examine('bound', bound)).project.fixedBatch).toBeNull();
    const mixing = plain({
      nodes: [
        ...CONV.nodes,
        ['ReduceMean', ['y'], 'm', { axes: { kind: 'ints', value: [0, 2, 3] } }],
        ['Sub', ['y', 'm'], 'z'],
      ],
      image: [1, 3, 16, 16],
      output: [1, 2, 16, 16],
    });
    expect((await examine('mixing', mixing)).project.fixedBatch).toBe(1);
  });

  test('in half precision becomes float32, and learns', async () => {
    const halves = plain();
    const bytes = encodeHalf(halves);
    const facts = await examine('half', bytes);
    expect(facts.changes.join()).toMatch(/half-precision/);
    expect(facts.learning.problem).toBeNull();
    expect(decodeModel(facts.bytes).graph.initialisers.get('w')?.type).toBe('float32');
  });

  test('that cannot learn can still predict, and says which node is in the way', async () => {
    const facts = await examine('loop', looping(1));
    expect(facts.learning.problem).toMatch(/Loop node 'loop'/);
    expect(facts.project.classes).toBe(2);
  });

  test('that names its classes and pixel size in its metadata is believed', async () => {
    const metadata = new Map([
      ['names', "{0: 'glass', 1: 'tumour'}"],
      ['mpp', '0.5'],
    ]);
    expect(await examine('named', { ...plain(), metadata })).toMatchObject({
      classes: ['glass', 'tumour'],
      pixelSizeUm: 0.5,
    });
  });

  test('that answers the same whatever it sees comes with a warning', async () => {
    const model = plain({
      nodes: [
        ['Mul', ['x', 'zero'], 'n'],
        ['Conv', ['n', 'w', 'b'], 'y'],
      ],
      weights: { ...CONV.weights, zero: tensorOf('float32', [], [0]) },
    });
    expect((await examine('dead', model)).warnings.join()).toMatch(/same answer/);
  });
});

const values = (name: string, ...dims: (number | string)[]) => ({ name, dims });
const chain = (op: string, inputs: string[], outputs: string[]) => ({ op, inputs, outputs });
const HOSTILE: [claim: string, content: OnnxModel | Uint8Array | string, sentence: RegExp][] = [
  ['nothing at all', '', /empty/],
  ['a text', 'hello', /not an ONNX model/],
  [
    'a circle',
    plain({
      nodes: [
        ['Add', ['x', 'q'], 'p'],
        ['Relu', ['p'], 'q'],
        ['Conv', ['q', 'w', 'b'], 'y'],
      ],
    }),
    /goes in a circle/,
  ],
  ['a value made twice', plain({ nodes: [...CONV.nodes, ['Relu', ['x'], 'y']] }), /'y' is made twice/],
  ['a value nobody makes', plain({ nodes: [['Conv', ['lost', 'w', 'b'], 'y']] }), /needs 'lost'/],
  [
    'NaN weights',
    plain({ weights: { w: tensorOf('float32', [2, 3, 1, 1], [NaN, 1, 1, 1, 1, NaN]), b: ramp(2) } }),
    /2 of 6 values of weight 'w' are not numbers/,
  ],
  [
    'infinite weights',
    plain({ weights: { w: tensorOf('float32', [2, 3, 1, 1], new Array(6).fill(Infinity)), b: ramp(2) } }),
    /not a number \(NaN or infinite\)/,
  ],
  [
    'two pictures',
    tinyOnnx({
      inputs: [values('a', 1, 3, 8, 8), values('b', 1, 3, 8, 8)],
      outputs: [values('y', 1, 3, 8, 8)],
      nodes: [chain('Add', ['a', 'b'], ['y'])],
    }),
    /'a'.*'b'.*only input/,
  ],
  ['four channels', plain({ image: ['N', 4, 'H', 'W'], weights: { w: ramp(2, 4, 1, 1), b: ramp(2) } }), /4 channels/],
  [
    'an answer that does not hang on the picture',
    plain({ nodes: [['Conv', ['k', 'w', 'b'], 'y']], weights: { ...CONV.weights, k: ramp(2, 3, 128, 192) } }),
    /does not depend on the picture|no class map/,
  ],
  [
    'an operator of nobody',
    tinyOnnx({
      inputs: [values('x', 1, 3, 8, 8)],
      outputs: [values('y', 1, 3, 8, 8)],
      nodes: [{ ...chain('Magic', ['x'], ['y']), domain: 'my.lab' }],
    }),
    /"my\.lab".*stock onnxruntime/,
  ],
  [
    'a shape beyond all memory',
    new Writer()
      .number(1, 8)
      .message(7, (g) =>
        g.message(5, (t) =>
          t
            .numbers(1, [2 ** 31, 2 ** 31])
            .number(2, 1)
            .text(8, 'w')
            .bytes(9, new Uint8Array(4)),
        ),
      )
      .finish(),
    /impossible shape 2147483648×2147483648/,
  ],
  [
    'only the middle of the picture',
    plain({ nodes: CONV.nodes, weights: { w: ramp(2, 3, 3, 3), b: ramp(2) } }),
    /only the middle.*padding/,
  ],
  ['class numbers without scores', numbersOnly(), /class numbers/],
];

describe('a hostile file is refused in a sentence:', () => {
  test.each(HOSTILE)('%s', async (claim, content, sentence) => {
    const started = performance.now();
    await expect(examine(claim.replaceAll(' ', '-'), content)).rejects.toMatchObject({
      code: expect.stringMatching(/^model-(unusable|output-invalid)$/),
      message: expect.stringMatching(sentence),
    });
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  test('three gigabytes of nothing, without reading them', async () => {
    const path = write('huge', 'x');
    truncateSync(path, 3 * 2 ** 30);
    const started = performance.now();
    await expect(engine.examine(path, FREE)).rejects.toMatchObject({ message: expect.stringMatching(/has 3\.2 GB/) });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('a folder, and a file that is not there', async () => {
    await expect(engine.examine(folder, FREE)).rejects.toMatchObject({ message: expect.stringMatching(/is no file/) });
    await expect(engine.examine(join(folder, 'lost.onnx'), FREE)).rejects.toMatchObject({ code: 'file-missing' });
  });

  test('fifty million parts of two bytes each, before they fill the memory', async () => {
    const parts = Buffer.alloc(100_000_000, Uint8Array.of(0x0a, 0));
    await expect(examine('parts', new Writer().number(1, 8).bytes(7, parts).finish())).rejects.toMatchObject({
      message: expect.stringMatching(/over 8 million parts|more than 2097152 entries/),
    });
  });

  test('a loop without end is killed when patience is over, and nothing is left running', async () => {
    const path = write('endless', looping(2 ** 62));
    const start = () =>
      linkChild(spawnNodeChild(childEntry(new URL('../../../src/main/engine/engine.ts', import.meta.url).href)));
    const asked = askApart<'examine'>({ kind: 'examine', path, wish: FREE, threads: 1 }, { start, patienceMs: 4000 });
    await expect(asked).rejects.toMatchObject({
      code: 'model-unusable',
      message: expect.stringMatching(/took over 4 s/),
    });
  });
});

describeWithData('models of strangers, made for portraits', (data) => {
  test.each([
    ['SINet.onnx', { activation: 'softmax' }, { fixedBatch: null, classes: 2 }],
    ['SINet_Softmax.onnx', { activation: 'softmax' }, { values: 'logits', classes: 2 }],
    ['prisma_nchw.onnx', { activation: 'sigmoid' }, { values: 'logits', classes: 2, fixedBatch: null }],
  ])('%s becomes a project model that can learn', async (name, facts, project) => {
    const found = await engine.examine(join(data, 'models/onnx', name), FREE);
    expect(found).toMatchObject({ ...facts, project, learning: { problem: null } });
  });

  test('mnist.onnx, which names digits, is refused', async () => {
    await expect(engine.examine(join(data, 'models/onnx/mnist.onnx'), FREE)).rejects.toMatchObject({
      message: expect.stringMatching(/no class map.*\[1, 10\]/),
    });
  });
});

/** The same network with its weights, input and output in float16. */
function encodeHalf(model: OnnxModel): Uint8Array {
  const half = (value: number) => {
    const exponent = Math.floor(Math.log2(Math.abs(value)));
    const fraction = Math.round((Math.abs(value) / 2 ** exponent - 1) * 1024);
    return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | Math.min(fraction, 1023);
  };
  const info = (name: string) => (value: Writer) =>
    value.text(1, name).message(2, (type) =>
      type.message(1, (tensor) =>
        tensor.number(1, 10).message(2, (shape) => {
          for (const dim of ['N', 'C', 'H', 'W']) shape.message(1, (d) => d.text(2, dim));
        }),
      ),
    );
  return new Writer()
    .number(1, 8)
    .message(7, (graph) => {
      graph
        .message(1, (node) => node.text(1, 'x').text(1, 'w').text(1, 'b').text(2, 'y').text(4, 'Conv'))
        .text(2, 'half');
      for (const [name, { dims, data }] of model.graph.initialisers) {
        const raw = Uint16Array.from(data as Float32Array, half);
        graph.message(5, (t) => t.numbers(1, dims).number(2, 10).text(8, name).bytes(9, new Uint8Array(raw.buffer)));
      }
      graph.message(11, info('x')).message(12, info('y'));
    })
    .message(8, (entry) => entry.text(1, '').number(2, 17))
    .finish();
}

/** Whole numbers that no scores can be found behind. */
function numbersOnly(): OnnxModel {
  const to = { kind: 'int', value: 7 } as const;
  const model = plain({
    nodes: [
      ['Conv', ['x', 'w', 'b'], 'c'],
      ['Cast', ['c'], 'r', { to }],
      ['Add', ['r', 'r'], 'y'],
    ],
  });
  const outputs = model.graph.outputs.map((output) => ({ ...output, type: 'int64' }) as const);
  return { ...model, graph: { ...model.graph, outputs } };
}

/** A convolution, and a Loop of so many turns behind it. */
function looping(turns: number): OnnxModel {
  const body = {
    name: 'body',
    nodes: [
      { name: '', op: 'Identity', domain: '', inputs: ['go'], outputs: ['on'], attributes: {} },
      { name: '', op: 'Tanh', domain: '', inputs: ['v'], outputs: ['u'], attributes: {} },
    ],
    initialisers: new Map(),
    inputs: [
      { name: 'turn', type: 'int64', dims: [] },
      { name: 'go', type: 'bool', dims: [] },
      { name: 'v', type: 'float32', dims: null },
    ],
    outputs: [
      { name: 'on', type: 'bool', dims: [] },
      { name: 'u', type: 'float32', dims: null },
    ],
  } as const;
  const model = plain({
    weights: { ...CONV.weights, turns: tensorOf('int64', [], [turns]), yes: tensorOf('bool', [], [1]) },
  });
  const loop = {
    name: 'loop',
    op: 'Loop',
    domain: '',
    inputs: ['turns', 'yes', 'y'],
    outputs: ['z'],
    attributes: { body: { kind: 'graph', value: body } as const },
  };
  return {
    ...model,
    graph: {
      ...model.graph,
      nodes: [...model.graph.nodes, loop],
      outputs: [{ ...model.graph.outputs[0]!, name: 'z' }],
    },
  };
}
