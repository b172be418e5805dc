import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import type { Graph, Node } from '../../../src/core/nn/graph.ts';
import { bindDims } from '../../../src/core/nn/shape.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { topologicalOrder, verifyGraph, verifyNode } from '../../../src/core/nn/verify.ts';

const node = (op: string, inputs: string[], outputs: string[], more: Partial<Node> = {}): Node => {
  return { name: '', op, domain: '', inputs, outputs, attributes: {}, ...more };
};

const graph = (nodes: Node[], outputs: string[] = []): Graph => ({
  name: 'g',
  nodes,
  initialisers: new Map([['w', tensorOf('float32', [1], [2])]]),
  inputs: [{ name: 'x', type: 'float32', dims: [1] }],
  outputs: outputs.map((name) => ({ name, type: 'float32', dims: null })),
});

const unusable = expect.objectContaining({ code: 'model-unusable' });

describe('the order of nodes', () => {
  it('puts each after what it needs, else as in the file', () => {
    const nodes = [
      node('Add', ['b', 'c'], ['d']),
      node('Relu', ['x'], ['c']),
      node('Relu', ['x'], ['b']),
      node('Exp', ['w'], ['e']),
    ];
    expect(topologicalOrder(graph(nodes)).map((n) => n.outputs[0])).toEqual(['c', 'b', 'e', 'd']);
  });

  it('copes with a chain of ten thousand in the wrong order', () => {
    const nodes = Array.from({ length: 10_000 }, (_, i) =>
      node('Relu', [i === 0 ? 'x' : `v${i - 1}`], [`v${i}`]),
    ).reverse();
    const order = topologicalOrder(graph(nodes));
    expect(order.at(-1)!.outputs).toEqual(['v9999']);
  });

  it('refuses circles, values out of nowhere and values made twice', () => {
    expect(() => topologicalOrder(graph([node('Relu', ['b'], ['a']), node('Relu', ['a'], ['b'])]))).toThrow(
      /goes in a circle/,
    );
    expect(() => topologicalOrder(graph([node('Relu', ['a'], ['a'])]))).toThrow(/goes in a circle/);
    expect(() => topologicalOrder(graph([node('Relu', ['lost'], ['a'])]))).toThrow(/'lost', which nothing/);
    expect(() => topologicalOrder(graph([node('Relu', ['x'], ['a']), node('Exp', ['x'], ['a'])]))).toThrow(
      /'a' is made twice/,
    );
    expect(() => topologicalOrder(graph([node('Relu', ['x'], ['w'])]))).toThrow(/'w' is made twice/);
  });
});

describe('a node is refused', () => {
  const cases: Record<string, readonly [Node, RegExp]> = {
    'with an operator nobody knows': [
      node('Wobble', ['x'], ['y'], { name: 'n1' }),
      /Wobble node 'n1'.*not one that can be trained/,
    ],
    'with an operator called like a property of objects': [node('toString', ['x'], ['y']), /toString/],
    'with too few inputs': [node('Conv', ['x'], ['y']), /Conv node 'y': has 1 inputs, not 2 to 3/],
    'with too many outputs': [node('Relu', ['x'], ['y', 'z']), /has 2 outputs/],
    'with an input left out that it needs': [node('Add', ['x', ''], ['y']), /lacks an input/],
    'with an attribute it does not know': [
      node('Relu', ['x'], ['y'], { attributes: { alpha: { kind: 'float', value: 1 } } }),
      /unknown attribute 'alpha'/,
    ],
    'with an attribute of the wrong kind': [
      node('Concat', ['x'], ['y'], { attributes: { axis: { kind: 'float', value: 1 } } }),
      /'axis' is of kind float, not int/,
    ],
  };
  for (const [name, [bad, message]] of Object.entries(cases)) {
    it(name, () => {
      expect(() => verifyNode(bad)).toThrow(message);
      expect(() => verifyNode(bad)).toThrow(unusable);
    });
  }

  it('in a graph whose output nobody makes', () => {
    expect(() => verifyGraph(graph([node('Relu', ['x'], ['y'])], ['z']))).toThrow(/output 'z' is made by none/);
  });
});

describe('binding dimensions', () => {
  const model = buildUnet({ inputChannels: 3, classes: 2, channels: [2], seed: 1 });

  it('gives an input the shape asked for', () => {
    expect(bindDims(model, { image: [4, 3, 8, 8] }).graph.inputs[0].dims).toEqual([4, 3, 8, 8]);
  });

  it('refuses to guess', () => {
    expect(() => bindDims(model, {})).toThrow(/'image' has no fixed shape/);
  });

  it('uses one number for one name', () => {
    const inputs = [
      { name: 'a', type: 'float32', dims: ['N', 2] },
      { name: 'b', type: 'float32', dims: ['N'] },
    ] as const;
    const bound = bindDims({ ...model, graph: { ...model.graph, inputs } }, { a: [5, 2] });
    expect(bound.graph.inputs[1].dims).toEqual([5]);
  });
});

describe('the builder', () => {
  it('shares equal constants and folds what depends on constants alone', () => {
    const g = new GraphBuilder();
    expect(g.scalar(0.5)).toBe(g.scalar(0.5));
    expect(g.scalar(1, 'int32')).not.toBe(g.scalar(1));
    const sum = g.add(g.scalar(2), g.scalar(3));
    expect(g.nodes).toHaveLength(0);
    expect(g.constantOf(sum)!.data[0]).toBe(5);
  });

  it('knows the shape of everything it holds', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 3, 8, 8]);
    const size = g.op('Shape', [x]);
    expect(Array.from(g.constantOf(size)!.data, Number)).toEqual([2, 3, 8, 8]);
    expect(g.dims(g.op('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2] }))).toEqual([2, 3, 3, 3]);
  });

  it('refuses shapes that would fill the memory', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [1, 1, 1, 1]);
    const build = () => g.op('Expand', [x, g.ints([100_000, 100_000, 1, 1])]);
    expect(build).toThrow(/impossible shape/);
    expect(build).toThrow(unusable);
    const sizes = g.ints([1, 1, 1, 2 ** 31]);
    expect(() => g.op('Resize', [x, '', '', sizes], { mode: 'nearest' })).toThrow(/does not give between 1 and/);
    expect(() => g.op('Conv', [x, x], { pads: [2 ** 40, 0, 0, 0] })).toThrow(/impossible shape|beyond any/);
  });

  it('never gives two nodes one name', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [1]);
    for (const output of ['a', 'b', 'c']) g.append(node('Relu', [x], [output], { name: 'same' }));
    expect(new Set(g.nodes.map((n) => n.name)).size).toBe(3);
  });
});
