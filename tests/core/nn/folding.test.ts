/** What is computed while a graph is built, and what is left to the runtime. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { appendUpgraded } from '../../../src/core/nn/upgrade.ts';

const ramp = (...dims: number[]) => {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return tensorOf(
    'float32',
    dims,
    Float32Array.from({ length: size }, (_, i) => i % 7),
  );
};

describe('constants are computed while building', () => {
  it('of any whole-number type', () => {
    const g = new GraphBuilder();
    for (const type of ['int32', 'int64', 'uint8', 'bool'] as const) {
      const sum = g.op('Where', [g.constant(tensorOf('bool', [2], [1, 0])), g.scalar(1, type), g.scalar(0, type)]);
      expect(Array.from(g.constantOf(sum)!.data, Number)).toEqual([1, 0]);
    }
    expect(g.nodes).toEqual([]);
  });

  it('with 32-bit numbers that wrap around as they do when run', () => {
    const g = new GraphBuilder();
    const large = g.constant(tensorOf('int32', [], [2 ** 31 - 1]));
    expect(g.constantOf(g.mul(large, large))!.data[0]).toBe(1);
    expect(g.constantOf(g.add(large, g.scalar(1, 'int32')))!.data[0]).toBe(-(2 ** 31));
  });

  it('to whether they are zero, when cast to bool', () => {
    const g = new GraphBuilder();
    const truth = g.op('Cast', [g.floats([4], [0, 0.5, -256, 1])], { to: 9 });
    expect(Array.from(g.constantOf(truth)!.data, Number)).toEqual([0, 1, 1, 1]);
  });

  it('but for products that would take minutes', () => {
    const g = new GraphBuilder();
    const started = performance.now();
    g.op('MatMul', [g.initialiser('a', ramp(1024, 1024)), g.initialiser('b', ramp(1024, 1024))]);
    g.op('Conv', [g.initialiser('x', ramp(1, 64, 64, 64)), g.initialiser('w', ramp(64, 64, 3, 3))]);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(g.nodes.map((node) => node.op)).toEqual(['MatMul', 'Conv']);
  });

  it('but for more of them than the memory should hold', () => {
    const g = new GraphBuilder();
    let value = g.initialiser('a', ramp(2 ** 21));
    for (let i = 0; i < 40; i++) value = g.op('Neg', [value]);
    expect(g.nodes.length).toBe(40 - 2 ** 26 / 2 ** 21);
    expect(g.constantOf(value)).toBeUndefined();
  });

  it('and may have no elements at all', () => {
    const g = new GraphBuilder();
    const none = g.input('x', 'float32', [2, 0, 3]);
    expect(g.dims(g.reshape(none, [1, 0, 6]))).toEqual([1, 0, 6]);
    expect(g.dims(g.concat([none, g.floats([2, 1, 3], [1, 2, 3, 4, 5, 6])], 1))).toEqual([2, 1, 3]);
  });
});

describe('a node that cannot be brought into a graph says which and what to do:', () => {
  const build = (op: string, inputs: readonly string[], domain = '') => {
    const g = new GraphBuilder();
    g.input('x', 'float32', [1, 4, 4]);
    appendUpgraded(g, { name: 'the_node', op, domain, inputs, outputs: ['y'], attributes: {} }, 17);
  };
  const CASES: readonly (readonly [string, () => void, RegExp])[] = [
    ['values counted by the data', () => build('NonZero', ['x']), /NonZero node 'the_node'.*depends on pixel values/],
    ['a loop', () => build('Loop', ['x']), /Loop node 'the_node'.*tracing/],
    ['recurrence', () => build('LSTM', ['x']), /LSTM node 'the_node'.*convolutional/],
    ['samples reversed each by its own length', () => build('ReverseSequence', ['x', 'x']), /ReverseSequence.*Slice/],
    ['compression', () => build('Compress', ['x', 'x']), /Compress node 'the_node'.*leave it out/],
    ['quantised weights', () => build('QuantizeLinear', ['x', 'x']), /QuantizeLinear.*float32/],
    ['an operator of nobody', () => build('Frobnicate', ['x']), /Frobnicate node 'the_node'.*without it/],
    ['one of another domain', () => build('Relu', ['x'], 'ai.else'), /ai\.else\.Relu node 'the_node'.*without it/],
    ['a value that nothing makes', () => build('Relu', ['gone']), /Relu node 'the_node' needs 'gone'/],
    ['a range over pixels', () => build('Range', ['x', 'x', 'x']), /Range node 'the_node'.*depends on pixel values/],
  ];
  for (const [claim, run, sentence] of CASES) {
    it(claim, () => {
      expect(run).toThrow(expect.objectContaining({ code: 'model-unusable' }));
      expect(run).toThrow(sentence);
    });
  }
});
