import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HistoloopError } from '../../../src/core/errors.ts';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { decodeModel, encodeModel, readModel } from '../../../src/core/nn/onnx.ts';
import { fromFloat16 } from '../../../src/core/nn/onnx-tensor.ts';
import { printModel } from '../../../src/core/nn/print.ts';
import { decodeUtf8, encodeUtf8, Writer } from '../../../src/core/nn/protobuf.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { createRandom } from '../../../src/core/random.ts';
import { describeWithData } from '../../fixtures/shared-data.ts';

function modelOf(changes: Partial<OnnxModel['graph']>): OnnxModel {
  return {
    irVersion: 8,
    opsets: new Map([['', 18]]),
    producer: 'test',
    metadata: new Map([['färbung', 'H&E 🔬']]),
    graph: { name: 'g', nodes: [], initialisers: new Map(), inputs: [], outputs: [], ...changes },
  };
}

/** A model of one tensor, written by hand. */
function withTensor(write: (tensor: Writer) => void): Uint8Array {
  return new Writer()
    .number(1, 8)
    .message(7, (graph) => graph.message(5, write))
    .finish();
}

const onlyTensor = (bytes: Uint8Array): Tensor => [...decodeModel(bytes).graph.initialisers.values()][0];

function expectUnusable(run: () => unknown, message: RegExp): void {
  expect(run).toThrow(expect.objectContaining({ code: 'model-unusable' }));
  expect(run).toThrow(message);
}

describe('a model that is written and read again is the same', () => {
  it('with every kind of attribute', () => {
    const attributes = {
      a: { kind: 'int', value: -3 },
      b: { kind: 'float', value: 0.5 },
      c: { kind: 'string', value: 'größer' },
      d: { kind: 'ints', value: [1, -1, 2 ** 40] },
      e: { kind: 'floats', value: [0.25, -8] },
      f: { kind: 'strings', value: ['x', 'ÿ'] },
      g: { kind: 'tensor', value: tensorOf('int64', [2], [7, -7]) },
      __proto__x: { kind: 'int', value: 1 },
    } as const;
    const node = { name: 'n', op: 'Odd', domain: 'com.example', inputs: ['', 'x'], outputs: ['y'], attributes };
    const model = modelOf({ nodes: [node] });
    expect(decodeModel(encodeModel(model))).toEqual(model);
  });

  it('out of a Buffer, at any offset in its pool', () => {
    const tensors = Array.from({ length: 5 }, (_, i) => tensorOf('float32', [i + 1], new Float32Array(i + 1).fill(i)));
    const model = modelOf({ initialisers: new Map(tensors.map((tensor, i) => ['w'.repeat(i + 1), tensor])) });
    const read = decodeModel(Buffer.from(encodeModel(model)));
    expect(read).toEqual(model);
    expect(read.graph.initialisers.get('w')!.data.buffer.byteLength).toBe(4);
  });

  it('with a branch in a branch', () => {
    const inner = { name: 'g', nodes: [], initialisers: new Map(), inputs: [], outputs: [] };
    const deep = { name: 'n', op: 'If', domain: '', inputs: ['c'], outputs: ['y'] };
    const branch = { ...inner, nodes: [{ ...deep, attributes: { then_branch: { kind: 'graph', value: inner } } }] };
    const attributes = { else_branch: { kind: 'graph', value: branch } } as const;
    const model = modelOf({
      nodes: [{ ...deep, attributes: attributes as OnnxModel['graph']['nodes'][0]['attributes'] }],
    });
    expect(decodeModel(encodeModel(model))).toEqual(model);
  });

  it('with every type of tensor, scalars and empty ones', () => {
    const types = ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'] as const;
    const tensors = types.flatMap((type) => [
      [`${type} list`, tensorOf(type, [2, 2], [0, 1, 1, 0])] as const,
      [`${type} scalar`, tensorOf(type, [], [1])] as const,
      [`${type} empty`, tensorOf(type, [0, 3], [])] as const,
    ]);
    const model = modelOf({ initialisers: new Map(tensors) });
    expect(decodeModel(encodeModel(model))).toEqual(model);
  });

  it('with dimensions that are numbers, names, unknown or not even counted', () => {
    const inputs = [
      { name: 'a', type: 'float32', dims: ['N', 3, null] },
      { name: 'b', type: 'int64', dims: null },
      { name: 'c', type: 'bool', dims: [] },
    ] as const;
    const model = modelOf({ inputs, outputs: inputs });
    expect(decodeModel(encodeModel(model)).graph.inputs).toEqual(inputs);
  });

  it('byte for byte, twice', () => {
    const model = buildUnet({ inputChannels: 3, classes: 2, channels: [4, 8], seed: 7 });
    const bytes = encodeModel(model);
    expect(encodeModel(decodeModel(bytes))).toEqual(bytes);
  });

  it('with "to the end" of a Slice', () => {
    const end = tensorOf('int64', [1], [2 ** 63]);
    expect(end.data[0]).toBe(9223372036854775807n);
    const model = modelOf({ initialisers: new Map([['end', end]]) });
    expect(decodeModel(encodeModel(model))).toEqual(model);
  });
});

describe('tensors of other makers', () => {
  it('may be float16, raw or typed', () => {
    const raw = withTensor((t) =>
      t
        .numbers(1, [3])
        .number(2, 10)
        .bytes(9, new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x7bff).buffer)),
    );
    const typed = withTensor((t) => t.numbers(1, [3]).number(2, 10).numbers(5, [0x3c00, 0xc000, 0x7bff]));
    for (const bytes of [raw, typed]) expect(onlyTensor(bytes)).toEqual(tensorOf('float32', [3], [1, -2, 65504]));
  });

  it('may be bfloat16', () => {
    const bytes = withTensor((t) =>
      t
        .numbers(1, [2])
        .number(2, 16)
        .bytes(9, new Uint8Array(Uint16Array.of(0x3f80, 0xc020).buffer)),
    );
    expect(onlyTensor(bytes)).toEqual(tensorOf('float32', [2], [1, -2.5]));
  });

  it('may list their numbers one field each', () => {
    const bytes = withTensor((t) => t.number(1, 2).number(2, 7).number(7, -5).number(7, 6));
    expect(onlyTensor(bytes)).toEqual(tensorOf('int64', [2], [-5, 6]));
  });

  it('know the odd values of float16', () => {
    expect([0x0001, 0x8000, 0x7c00, 0xfc00].map(fromFloat16)).toEqual([2 ** -24, -0, Infinity, -Infinity]);
    expect(fromFloat16(0x7e00)).toBeNaN();
  });
});

describe('what cannot be held is refused by name', () => {
  const float = (t: Writer) => t.number(2, 1).text(8, 'w');
  const cases: Record<string, readonly [Uint8Array, RegExp]> = {
    'too few bytes': [
      withTensor((t) => float(t).numbers(1, [3]).bytes(9, new Uint8Array(8))),
      /'w' of shape 3 needs 3 values but has 2/,
    ],
    'half an element': [withTensor((t) => float(t).numbers(1, [2]).bytes(9, new Uint8Array(7))), /needs 2 values/],
    'no data at all': [withTensor((t) => float(t).numbers(1, [2])), /needs 2 values but has 0/],
    'a billion rows': [
      withTensor((t) => float(t).numbers(1, [1e9, 1e9]).bytes(9, new Uint8Array(4))),
      /impossible shape 1000000000×1000000000/,
    ],
    'a negative size': [
      withTensor((t) => float(t).numbers(1, [-4]).bytes(9, new Uint8Array(4))),
      /impossible shape -4/,
    ],
    'quantised weights': [withTensor((t) => t.number(2, 3).numbers(1, [1]).bytes(9, new Uint8Array(1))), /int8/],
    text: [withTensor((t) => t.number(2, 8).numbers(1, [1])), /string/],
    'weights in another file': [
      withTensor((t) =>
        float(t)
          .numbers(1, [1])
          .message(13, (e) => e.text(1, 'location')),
      ),
      /separate weights file/,
    ],
    'no graph': [new Writer().number(1, 8).finish(), /no graph/],
    nothing: [new Uint8Array(0), /no graph/],
    'a picture': [Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70), /damaged/],
    'four-bit weights': [withTensor((t) => t.number(2, 21).numbers(1, [1]).bytes(9, new Uint8Array(1))), /uint4/],
    'sparse weights': [
      new Writer().message(7, (g) => g.message(15, () => {})).finish(),
      /sparse weights; export it with dense ones/,
    ],
    'a sequence as its output': [
      new Writer()
        .message(7, (g) => g.message(12, (v) => v.text(1, 'list').message(2, (type) => type.message(4, () => {}))))
        .finish(),
      /'list' is not a tensor/,
    ],
    'forty axes': [
      withTensor((t) => float(t).numbers(1, new Array<number>(40).fill(1)).bytes(9, new Uint8Array(4))),
      /impossible shape 1×1×1×1×1×1×1×1×…/,
    ],
    'the same weight twice': [
      new Writer()
        .message(7, (g) => g.message(5, (t) => float(t).numbers(1, [0])).message(5, (t) => float(t).numbers(1, [0])))
        .finish(),
      /two weights are called 'w'/,
    ],
  };
  for (const [name, [bytes, message]] of Object.entries(cases))
    it(name, () => expectUnusable(() => decodeModel(bytes), message));
});

describe('weights beside the model', () => {
  const outside = (said: Readonly<Record<string, string>>, dims = [2]) =>
    withTensor((t) => {
      t.number(2, 1).text(8, 'w').numbers(1, dims).number(14, 1);
      for (const [key, value] of Object.entries(said)) t.message(13, (entry) => entry.text(1, key).text(2, value));
    });

  it('are asked for by place, once each', () => {
    const asked: unknown[] = [];
    const bytes = outside({ location: 'weights.bin', offset: '4096', length: '8' });
    const { model } = readModel(bytes, (place) => {
      asked.push(place);
      return new Uint8Array(Float32Array.of(1, 2).buffer);
    });
    expect(model.graph.initialisers.get('w')).toEqual(tensorOf('float32', [2], [1, 2]));
    expect(asked).toEqual([{ tensor: "tensor 'w'", location: 'weights.bin', offset: 4096, length: 8 }]);
  });

  const cases: Record<string, Readonly<Record<string, string>>> = {
    'nowhere in particular': {},
    'at a negative offset': { location: 'w.bin', offset: '-8' },
    'at no number at all': { location: 'w.bin', offset: '1e3' },
    'for another length than their shape needs': { location: 'w.bin', length: '12' },
  };
  for (const [name, said] of Object.entries(cases)) {
    it(`${name} are refused before anything is read`, () => {
      const read = () => readModel(outside(said), () => expect.unreachable());
      expectUnusable(read, /'w' of shape 2 needs 8 bytes but lies at/);
    });
  }

  it('of which a reader gives too few bytes are refused', () => {
    const read = () => readModel(outside({ location: 'w.bin' }), () => new Uint8Array(4));
    expectUnusable(read, /needs 2 values but has 1/);
  });
});

describe('a half-precision network', () => {
  it('is read as float32 throughout, and says so', () => {
    const bytes = new Writer()
      .message(7, (g) =>
        g
          .message(1, (n) =>
            n
              .text(1, 'x')
              .text(2, 'y')
              .text(4, 'Cast')
              .message(5, (a) => a.text(1, 'to').number(3, 10).number(20, 2)),
          )
          .message(11, (v) => v.text(1, 'x').message(2, (type) => type.message(1, (tensor) => tensor.number(1, 10)))),
      )
      .finish();
    const { model, changes } = readModel(bytes, null);
    expect(model.graph.inputs[0].type).toBe('float32');
    expect(model.graph.nodes[0].attributes.to).toEqual({ kind: 'int', value: 1 });
    expect(changes).toEqual([expect.stringContaining('float32')]);
    expect(readModel(encodeModel(model), null).changes).toEqual([]);
  });
});

describe('hostile bytes', () => {
  const good = encodeModel(buildUnet({ inputChannels: 3, classes: 2, channels: [2, 3], seed: 1 }));

  it('cut short anywhere give an error or a smaller model, never a hang', () => {
    for (let length = 0; length < good.length; length += 1 + Math.floor(length / 97)) survive(good.subarray(0, length));
  });

  it('flipped at random give an error or a model, never a hang', () => {
    const random = createRandom(5);
    for (let round = 0; round < 600; round++) {
      const bytes = good.slice();
      for (let flip = 0; flip < 1 + random.int(4); flip++)
        bytes[random.int(Math.min(bytes.length, 400 + round * 10))] = random.int(256);
      survive(bytes);
    }
  });

  it('that announce four gigabytes are refused at once', () => {
    const bytes = Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3);
    expectUnusable(() => decodeModel(bytes), /4294967295 bytes are announced that are not there/);
  });

  it('of three million empty nodes are refused before they fill the memory', () => {
    const graph = new Uint8Array(6_000_000).map((_, i) => (i % 2 === 0 ? 0x0a : 0));
    const started = performance.now();
    expectUnusable(() => decodeModel(new Writer().bytes(7, graph).finish()), /more than 2097152 entries in one part/);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('of graphs in graphs without end are refused', () => {
    let graph = new Writer();
    for (let depth = 0; depth < 200; depth++) {
      const inner = graph.finish();
      graph = new Writer().message(1, (n) => n.text(4, 'If').message(5, (a) => a.bytes(6, inner).number(20, 5)));
    }
    const bytes = new Writer().bytes(7, graph.finish()).finish();
    expectUnusable(() => decodeModel(bytes), /nests graphs more than 24 deep/);
  });

  it('with a number that never ends are refused', () => {
    expectUnusable(() => decodeModel(new Uint8Array(64).fill(0xff)), /longer than ten bytes/);
  });
});

/** Decodes; only a tagged error may come out. */
function survive(bytes: Uint8Array): void {
  try {
    decodeModel(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(HistoloopError);
    expect((error as HistoloopError).code).toBe('model-unusable');
  }
}

describe('UTF-8', () => {
  it('agrees with the platform on text of all lengths', () => {
    const text = 'aß→🔬\u0000';
    expect(encodeUtf8(text)).toEqual(new TextEncoder().encode(text));
    expect(decodeUtf8(encodeUtf8(text))).toBe(text);
  });

  it('that is broken becomes replacement characters', () => {
    const broken = [[0xc3], [0xff, 0x61], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]];
    for (const bytes of broken) expect(decodeUtf8(Uint8Array.from(bytes))).toContain('\ufffd');
  });
});

describeWithData('models of other makers', (data) => {
  const folder = join(data, 'models/onnx');
  for (const file of readdirSync(folder)) {
    it(`${file} is the same, node for node and number for number, after it was written and read again`, () => {
      const model = decodeModel(new Uint8Array(readFileSync(join(folder, file))));
      const bytes = encodeModel(model);
      const again = decodeModel(bytes);
      expect(printModel(again)).toBe(printModel(model));
      expect(again).toEqual(model);
      expect(encodeModel(again)).toEqual(bytes);
    });
  }
});
