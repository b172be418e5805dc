import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { childEntry } from '../../../src/main/engine/child-entry.ts';
import { linkChild } from '../../../src/main/engine/child-link.ts';
import { spawnNodeChild, startEngine } from '../../../src/main/engine/engine.ts';
import { inspectApart } from '../../../src/main/engine/inspect-apart.ts';
import { describeWithData } from '../../fixtures/shared-data.ts';
import { tinyOnnx } from '../../fixtures/tiny-onnx.ts';
import { segmenter } from './graphs.ts';

const engine = startEngine({ threads: 1 });
afterAll(() => engine.close());

const picture = { name: 'image', dims: ['n', 3, 'h', 'w'] };

describe('a usable model', () => {
  test('is described by what its file says and what a trial showed', async () => {
    expect(await engine.inspect(segmenter({ classes: 4 }))).toEqual({
      inputName: 'image',
      outputName: 'logits',
      classes: 4,
      values: 'logits',
      layout: 'NCHW',
      fixedBatch: null,
      dynamicSize: true,
      fixedSize: null,
      sizeMultiple: 1,
      parameters: 4 * 3 + 4,
      opset: 17,
    });
  });

  test.each([1, 3, 5])('that halves the picture %i times wants multiples of 2^that', async (halvings) => {
    expect(await engine.inspect(segmenter({ halvings }))).toMatchObject({ sizeMultiple: 2 ** halvings });
  });

  test('of one size and one batch says so', async () => {
    const input = { name: 'image', dims: [1, 3, 40, 48] };
    const output = { name: 'logits', dims: [1, 4, 40, 48] };
    expect(await engine.inspect(segmenter({ input, output }))).toMatchObject({
      dynamicSize: false,
      fixedSize: { heightPx: 40, widthPx: 48 },
      fixedBatch: 1,
      sizeMultiple: 1,
    });
  });

  test('that ends in a sigmoid or softmax gives probabilities', async () => {
    const ending = (op: string, classes: number, int: Record<string, number>) =>
      tinyOnnx({
        inputs: [picture],
        outputs: [{ name: 'p', dims: ['n', classes, 'h', 'w'] }],
        nodes: [
          { op: 'Conv', inputs: ['image', 'kernel'], outputs: ['scores'] },
          { op, inputs: ['scores'], outputs: ['p'], int },
        ],
        weights: [{ name: 'kernel', dims: [classes, 3, 1, 1], data: Array(classes * 3).fill(0.7) }],
      });
    expect(await engine.inspect(ending('Sigmoid', 1, {}))).toMatchObject({ classes: 1, values: 'probabilities' });
    expect(await engine.inspect(ending('Softmax', 3, { axis: 1 }))).toMatchObject({
      classes: 3,
      values: 'probabilities',
    });
    expect(await engine.inspect(ending('Sigmoid', 3, {}))).toMatchObject({ classes: 3, values: 'logits' });
  });

  test('with more outputs is judged by the one that is per pixel', async () => {
    const model = tinyOnnx({
      inputs: [picture],
      outputs: [
        { name: 'pooled', dims: ['n', 3, 1, 1] },
        { name: 'map', dims: ['n', 3, 'h', 'w'] },
      ],
      nodes: [
        { op: 'GlobalAveragePool', inputs: ['image'], outputs: ['pooled'] },
        { op: 'Relu', inputs: ['image'], outputs: ['map'] },
      ],
    });
    expect(await engine.inspect(model)).toMatchObject({ outputName: 'map', classes: 3 });
  });
});

const oneNode = (
  op: string,
  dims: (number | string)[],
  more: { int?: Record<string, number>; ints?: Record<string, number[]>; type?: 'int64' } = {},
) =>
  tinyOnnx({
    inputs: [picture],
    outputs: [{ name: 'y', dims, type: more.type ?? 'float32' }],
    nodes: [{ op, inputs: ['image'], outputs: ['y'], int: more.int ?? {}, ints: more.ints ?? {} }],
  });
const taking = (...inputs: { name: string; dims: (number | string)[]; type?: 'uint8' | 'float16' | 'float64' }[]) =>
  tinyOnnx({
    inputs,
    outputs: inputs.map((input, i) => ({ ...input, name: `y${i}` })),
    nodes: inputs.map(({ name }, i) => ({ op: 'Identity', inputs: [name], outputs: [`y${i}`] })),
  });
const good = segmenter();

const REFUSALS: [claim: string, model: Uint8Array, code: string, sentence: RegExp][] = [
  ['an empty file', new Uint8Array(0), 'model-unusable', /is empty; copy or export it again/],
  ['a text file', new TextEncoder().encode('hello, I am a model'), 'model-unusable', /not an ONNX model; export/],
  [
    'a PyTorch archive',
    new TextEncoder().encode('PK\x03\x04archive/data.pkl'),
    'model-unusable',
    /zip.*torch\.onnx\.export/,
  ],
  ['a Keras file', Uint8Array.from([0x89, 0x48, 0x44, 0x46, 13, 10]), 'model-unusable', /HDF5.*tf2onnx/],
  [
    'a Git LFS pointer',
    new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n'),
    'model-unusable',
    /git lfs pull/,
  ],
  ['a web page', new TextEncoder().encode('<!doctype html><html>'), 'model-unusable', /web page/],
  ['zeros', new Uint8Array(1000), 'model-unusable', /not an ONNX model/],
  ['protobuf without a graph', Uint8Array.from([8, 8, 18, 1, 65]), 'model-unusable', /not an ONNX model/],
  ['a truncated file', good.subarray(0, good.length - 9), 'model-unusable', /stops short after \d+ bytes/],
  [
    'a file with its middle overwritten',
    damagedMiddle(good),
    'model-unusable',
    /damaged|stops short|could not be loaded/,
  ],
  [
    'a file of over 2 GB',
    new Uint8Array(2 ** 31 + 5),
    'model-unusable',
    /has 2\.1 GB; one ONNX file holds at most 2\.1 GB/,
  ],
  [
    'two inputs',
    taking(picture, { name: 'prompt', dims: [1, 2] }),
    'model-unusable',
    /takes 2 inputs \("image", "prompt"\)/,
  ],
  ['no input', noInput(), 'model-unusable', /takes 0 inputs \(none\)/],
  ['uint8 pixels', taking({ ...picture, type: 'uint8' }), 'model-unusable', /"image" is uint8 .*must be float32/],
  ['float16 pixels', taking({ ...picture, type: 'float16' }), 'model-unusable', /is float16.*must be float32/],
  ['a vector', taking({ name: 'v', dims: [1, 10] }), 'model-unusable', /\[1, 10\]; it must have 4 axes/],
  ['a grey picture', taking({ name: 'image', dims: [1, 1, 28, 28] }), 'model-unusable', /must take 3 channels.*not 1/],
  [
    'channels last',
    taking({ name: 'image', dims: ['n', 64, 64, 3] }),
    'model-unusable',
    /channels last; export it with channels first/,
  ],
  [
    'a fixed height and free width',
    taking({ name: 'image', dims: [1, 3, 64, 'w'] }),
    'model-unusable',
    /both fixed or both free/,
  ],
  ['one answer for the whole picture', oneNode('GlobalAveragePool', ['n', 3, 1, 1]), 'model-unusable', /times smaller/],
  ['a flat answer', oneNode('Flatten', ['n', 'f']), 'model-unusable', /one value for each class and pixel/],
  [
    'class numbers',
    oneNode('ArgMax', ['n', 'h', 'w'], { int: { axis: 1, keepdims: 0 }, type: 'int64' }),
    'model-unusable',
    /before any argmax/,
  ],
  [
    'an answer with channels last',
    oneNode('Transpose', ['n', 'h', 'w', 3], { ints: { perm: [0, 2, 3, 1] } }),
    'model-unusable',
    /channels last/,
  ],
  [
    'height and width exchanged',
    oneNode('Transpose', ['n', 3, 'w', 'h'], { ints: { perm: [0, 1, 3, 2] } }),
    'model-unusable',
    /one value for each class and pixel/,
  ],
  [
    'more classes than a mask can hold',
    segmenter({ classes: 128 }),
    'model-unusable',
    /tells 128 classes apart; 1 to 127/,
  ],
  [
    'weights that are not numbers',
    segmenter({ weight: Number.NaN }),
    'model-output-invalid',
    /% of the model's output "logits" is not a number/,
  ],
  ['weights that overflow', segmenter({ weight: 3e38 }), 'model-output-invalid', /NaN or infinite/],
  ['an answer that explodes', exploding(), 'model-unusable', /not enough memory|failed on a trial/],
  [
    'an operator that nobody has',
    foreignOperator(),
    'model-unusable',
    /needs operators of "my\.lab".*stock onnxruntime does not have/,
  ],
  [
    'a standard operator misspelt',
    oneNode('Reluu', ['n', 3, 'h', 'w']),
    'model-unusable',
    /could not be loaded.*Reluu/,
  ],
];

describe('a model is refused, with advice, for', () => {
  test.each(REFUSALS)('%s', async (_claim, model, code, sentence) => {
    const refusal = expect(engine.inspect(model)).rejects;
    await refusal.toMatchObject({ code, message: expect.stringMatching(sentence) });
  });

  test('weights that lie in another file, by inspect and by open alike', async () => {
    const model = tinyOnnx({
      inputs: [picture],
      outputs: [picture],
      nodes: [],
      weights: [{ name: 'secret', dims: [4], data: [], external: '/etc/passwd' }],
    });
    const refusal = {
      code: 'model-unusable',
      message: expect.stringMatching(/\(secret\).*another file.*save it as one file/),
    };
    await expect(engine.inspect(model)).rejects.toMatchObject(refusal);
    await expect(engine.open(model)).rejects.toMatchObject(refusal);
  });

  test('taking down the process that tries it, and the engine itself lives on', async () => {
    const pid = (await engine.status()) && engine.pid;
    const start = () => {
      const port = spawnNodeChild(childEntry(new URL('../../../src/main/engine/engine.ts', import.meta.url).href));
      return linkChild({ ...port, post: () => port.kill() });
    };
    await expect(inspectApart(good, { start, threads: 1 })).rejects.toMatchObject({
      code: 'model-unusable',
      message: expect.stringMatching(/took down the process that tried it.*SIGKILL/),
    });
    expect(engine.pid).toBe(pid);
  });

  test('taking too long', async () => {
    const start = () =>
      linkChild(spawnNodeChild(childEntry(new URL('../../../src/main/engine/engine.ts', import.meta.url).href)));
    await expect(inspectApart(good, { start, threads: 1, patienceMs: 1 })).rejects.toMatchObject({
      code: 'model-unusable',
      message: expect.stringContaining('took over'),
    });
  });
});

describeWithData('models of strangers, made for portraits', (data) => {
  const inspectFile = (name: string) => engine.inspect(readFileSync(join(data, 'models/onnx', name)));

  test.each([
    ['SINet.onnx', { classes: 2, fixedBatch: 1, fixedSize: { heightPx: 320, widthPx: 320 }, values: 'logits' }],
    ['SINet_Softmax.onnx', { classes: 2, values: 'probabilities' }],
    ['deeplab_nchw.onnx', { inputName: 'MobilenetV2/MobilenetV2/input:0', outputName: 'transpose:0', classes: 2 }],
    ['prisma_nchw.onnx', { classes: 1, fixedBatch: null, fixedSize: { heightPx: 256, widthPx: 256 } }],
  ])('%s is understood', async (name, facts) => {
    expect(await inspectFile(name)).toMatchObject(facts);
  });

  test('mnist.onnx is refused: it reads grey digits', async () => {
    await expect(inspectFile('mnist.onnx')).rejects.toMatchObject({
      code: 'model-unusable',
      message: expect.stringContaining('not 1'),
    });
  });

  test('a file cut at any place is refused in words, never in a crash', async () => {
    const whole = readFileSync(join(data, 'models/onnx/mnist.onnx'));
    for (const share of [0.01, 0.3, 0.6, 0.99]) {
      const cut = whole.subarray(0, Math.floor(whole.length * share));
      await expect(engine.open(cut)).rejects.toMatchObject({
        code: 'model-unusable',
        message: expect.stringMatching(/stops short|not an ONNX/),
      });
    }
  });
});

function damagedMiddle(model: Uint8Array): Uint8Array {
  return Uint8Array.from(model, (byte, i) => (i > 20 && i < 40 ? 0xff : byte));
}

function noInput(): Uint8Array {
  return tinyOnnx({
    inputs: [],
    outputs: [{ name: 'y', dims: [1] }],
    nodes: [{ op: 'Identity', inputs: ['w'], outputs: ['y'] }],
    weights: [{ name: 'w', dims: [1], data: [1] }],
  });
}

function exploding(): Uint8Array {
  return tinyOnnx({
    inputs: [picture],
    outputs: [{ name: 'y', dims: ['n', 3, 'a', 'b'] }],
    nodes: [{ op: 'Tile', inputs: ['image', 'repeats'], outputs: ['y'] }],
    weights: [{ name: 'repeats', dims: [4], data: [1, 1, 65536, 65536], type: 'int64' }],
  });
}

function foreignOperator(): Uint8Array {
  return tinyOnnx({
    inputs: [picture],
    outputs: [{ name: 'y', dims: ['n', 3, 'h', 'w'] }],
    nodes: [{ op: 'Wavelet', domain: 'my.lab', inputs: ['image'], outputs: ['y'] }],
  });
}
