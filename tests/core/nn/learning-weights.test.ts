import { describe, expect, it } from 'vitest';
import { findSegmentation } from '../../../src/core/nn/segmentation-network.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { network, ramp } from './small-network.ts';

type Network = Parameters<typeof network>[0];

const parametersOf = (one: Network) => findSegmentation(network(one)).parameters;
const ints = (...values: number[]): Tensor => tensorOf('int64', [values.length], values);
const filled = (value: number, size: number): Tensor =>
  tensorOf('float32', [size], new Array<number>(size).fill(value));
const HEAD = { w: ramp(2, 3, 1, 1) };

describe('weights are told from constants:', () => {
  it('a kernel that comes transposed and cast', () => {
    const perm = { kind: 'ints', value: [3, 2, 0, 1] } as const;
    const parameters = parametersOf({
      nodes: [
        ['Cast', ['k'], 'c', { to: { kind: 'int', value: 1 } }],
        ['Transpose', ['c'], 't', { perm }],
        ['Conv', ['x', 't'], 'y'],
      ],
      weights: { k: ramp(1, 1, 3, 2) },
    });
    expect(parameters).toEqual(['k']);
  });

  it('a kernel divided by its own norm and scaled, without the small number that guards it', () => {
    const parameters = parametersOf({
      nodes: [
        ['ReduceL2', ['v'], 'n', { axes: { kind: 'ints', value: [1, 2, 3] } }],
        ['Add', ['n', 'tiny'], 'safe'],
        ['Div', ['v', 'safe'], 'unit'],
        ['Mul', ['unit', 'g'], 'k'],
        ['Conv', ['x', 'k'], 'y'],
      ],
      weights: { v: ramp(2, 3, 1, 1), g: ramp(2, 1, 1, 1), tiny: ramp(1) },
    });
    expect(parameters).toEqual(['v', 'g']);
  });

  it('a table of which rows are looked up, after a layer', () => {
    const parameters = parametersOf({
      nodes: [
        ['Conv', ['x', 'w'], 'c'],
        ['Gather', ['table', 'rows'], 'bias', { axis: { kind: 'int', value: 0 } }],
        ['Add', ['c', 'bias'], 'y'],
      ],
      weights: { ...HEAD, table: ramp(5, 1, 1), rows: ints(4, 1) },
    });
    expect(parameters).toEqual(['w', 'table']);
  });

  const grouped = (scale: Tensor, shift: Tensor, regroup: boolean): Network => ({
    nodes: [
      ['Conv', ['x', 'w'], 'c'],
      ...(regroup ? ([['Reshape', ['c', 'shape'], 'r']] as const) : []),
      ['InstanceNormalization', [regroup ? 'r' : 'c', 'scale', 'shift'], 'n'],
      ['Reshape', ['n', 'back'], 'b'],
      ['Mul', ['b', 'gamma'], 'y'],
    ],
    weights: { ...HEAD, shape: ints(0, 2, -1), back: ints(2, 2, 8, 8), scale, shift, gamma: ramp(2, 1, 1) },
  });

  it('the ones and zeros of a group normalisation are none', () => {
    expect(parametersOf(grouped(filled(1, 2), filled(0, 2), true))).toEqual(['w', 'gamma']);
  });

  it('the scales of an instance normalisation are some, whatever they start with', () => {
    expect(parametersOf(grouped(filled(1, 2), filled(0, 2), false))).toEqual(['w', 'scale', 'shift', 'gamma']);
    expect(parametersOf(grouped(filled(2, 2), filled(0, 2), true))).toEqual(['w', 'scale', 'shift', 'gamma']);
  });

  it('what scales the picture before the first layer is none', () => {
    const parameters = parametersOf({
      nodes: [
        ['Sub', ['x', 'mean'], 's'],
        ['Conv', ['s', 'w'], 'y'],
      ],
      weights: { ...HEAD, mean: ramp(3, 1, 1) },
    });
    expect(parameters).toEqual(['w']);
  });
});
