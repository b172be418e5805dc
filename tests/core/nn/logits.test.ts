import { describe, expect, it } from 'vitest';
import type { OnnxModel, ValueInfo } from '../../../src/core/nn/graph.ts';
import { endingOf, logitsOf, rankOutputs } from '../../../src/core/nn/logits.ts';
import { findSegmentation } from '../../../src/core/nn/segmentation-network.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { CONV, network, type Part } from './small-network.ts';

type Nodes = Part['nodes'];
const axis = (value: number) => ({ axis: { kind: 'int', value } as const });
const perm = (...value: number[]) => ({ perm: { kind: 'ints', value } as const });
const ended = (...nodes: Nodes): OnnxModel =>
  network({
    ...CONV,
    nodes: [...CONV.nodes, ...nodes],
    weights: { ...CONV.weights, half: tensorOf('float32', [], [0.5]) },
  });

describe('the scores before', () => {
  const endings: readonly [name: string, model: OnnxModel, activation: string, logits?: string][] = [
    ['nothing', ended(), 'unknown'],
    ['a softmax', ended(['Softmax', ['y'], 'p', axis(1)]), 'softmax'],
    ['a log-softmax and an identity', ended(['LogSoftmax', ['y'], 'p'], ['Identity', ['p'], 'q']), 'softmax'],
    ['a sigmoid', ended(['Sigmoid', ['y'], 'p']), 'sigmoid'],
    ['a sigmoid that loses its axis', ended(['Sigmoid', ['y'], 'p'], ['Squeeze', ['p'], 's']), 'sigmoid'],
    [
      'an argmax that drops its axis',
      ended(['ArgMax', ['y'], 'a'], ['Squeeze', ['a'], 'b'], ['Cast', ['b'], 'c']),
      'argmax',
    ],
    ['an argmax of a softmax', ended(['Softmax', ['y'], 'p'], ['ArgMax', ['p'], 'a']), 'softmax'],
    [
      'a threshold on a sigmoid',
      ended(['Sigmoid', ['y'], 'p'], ['Greater', ['p', 'half'], 'b'], ['Cast', ['b'], 'c']),
      'sigmoid',
    ],
    [
      'a softmax between two transpositions',
      ended(
        ['Transpose', ['y'], 't', perm(0, 2, 3, 1)],
        ['Softmax', ['t'], 's', axis(3)],
        ['Transpose', ['s'], 'p', perm(0, 3, 1, 2)],
      ),
      'softmax',
    ],
    [
      'a softmax along the last axis, as TensorFlow leaves it',
      ended(['Transpose', ['y'], 't', perm(0, 2, 3, 1)], ['Softmax', ['t'], 's', axis(-1)]),
      'softmax',
      't',
    ],
    ['a softmax inside the network', ended(['Softmax', ['y'], 'p'], ['Mul', ['p', 'y'], 'z']), 'unknown', 'z'],
  ];
  it.each(endings)('%s', (_name, model, activation, logits = 'y') => {
    const output = model.graph.outputs[0].name;
    expect(endingOf(model.graph, output)).toEqual({ activation, logits });
    expect(logitsOf(model, output)).toBe(logits);
  });

  it('a circle of identities is an end too', () => {
    const circle = ended(['Identity', ['q'], 'p'], ['Identity', ['p'], 'q']);
    expect(['p', 'q']).toContain(logitsOf(circle, 'q'));
  });

  it('of an output that the network does not have is an error that names those it has', () => {
    expect(() => logitsOf(ended(), 'mask')).toThrow(/no output 'mask'; its outputs are 'y'/);
  });
});

describe('of several outputs the class map is', () => {
  const outputs = (...values: readonly (readonly [string, readonly number[], ValueInfo['type']?])[]): string => {
    const model = ended();
    const made = values.map(([name, dims, type = 'float32']) => ({ name, dims, type }));
    return rankOutputs({ ...model.graph, outputs: made })[0].name;
  };

  it("HoVer-Net's types, not its distances", () => {
    expect(outputs(['hv', [1, 2, 80, 80]], ['np', [1, 2, 80, 80]], ['tp', [1, 5, 80, 80]])).toBe('tp');
    expect(outputs(['hv', [1, 2, 80, 80]], ['np', [1, 2, 80, 80]])).toBe('np');
  });
  it('the largest of deep supervision', () => {
    expect(outputs(['d1', [1, 2, 32, 32]], ['d0', [1, 2, 64, 64]], ['d2', [1, 2, 16, 16]])).toBe('d0');
  });
  it('the main one, not the auxiliary one', () => {
    expect(outputs(['aux', [1, 2, 64, 64]], ['out', [1, 2, 64, 64]])).toBe('out');
  });
  it('the scores, not the class numbers', () => {
    expect(outputs(['labels', [1, 1, 64, 64], 'int64'], ['scores', [1, 4, 64, 64]])).toBe('scores');
  });
  it('the one that was asked for', () => {
    const model = ended(['Sigmoid', ['y'], 'p']);
    const two = {
      ...model,
      graph: { ...model.graph, outputs: [...model.graph.outputs, { ...model.graph.outputs[0], name: 'y' }] },
    };
    expect(findSegmentation(two, 'y').logits).toBe('y');
  });
});
