/** What becomes of nodes whose meaning is changed on purpose on the way in. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import type { Node } from '../../../src/core/nn/graph.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { appendUpgraded } from '../../../src/core/nn/upgrade.ts';
import { int, text } from '../../fixtures/operator-case.ts';

const DIMS = [1, 2, 3];

function append(node: Pick<Node, 'op' | 'inputs'> & Partial<Node>, opset = 18): GraphBuilder {
  const g = new GraphBuilder();
  g.input('x', 'float32', DIMS);
  g.initialiser('yes', tensorOf('bool', [], [1]));
  g.initialiser('ratio', tensorOf('float32', [], [0.5]));
  g.initialiser('borders', tensorOf('int64', [6], [0, 0, 4, 0, 0, 0]));
  appendUpgraded(g, { name: 'node', domain: '', outputs: ['y'], attributes: {}, ...node }, opset);
  return g;
}

describe('on the way in', () => {
  it('Dropout never draws, even where the file says that it trains', () => {
    const g = append({ op: 'Dropout', inputs: ['x', 'ratio', 'yes'], outputs: ['y', 'mask'] });
    expect(g.nodes.map((node) => node.op)).toEqual(['Identity']);
    expect(g.type('mask')).toBe('bool');
    expect(Array.from(g.constantOf('mask')!.data, Number)).toEqual(new Array(6).fill(1));
  });

  for (const [name, code] of [
    ['float16', 10],
    ['float64', 11],
    ['bfloat16', 16],
  ] as const) {
    it(`a Cast to ${name} stays in float32`, () => {
      const g = append({ op: 'Cast', inputs: ['x'], attributes: { to: int(code) } });
      expect(g.type('y')).toBe('float32');
      expect(g.nodes.map((node) => node.op)).toEqual(['Identity']);
    });
  }

  it('a Cast to a type that nothing here holds is refused', () => {
    expect(() => append({ op: 'Cast', inputs: ['x'], attributes: { to: int(8) } })).toThrow(/Cast.*string/);
  });

  it('sizes are numbers before anything runs', () => {
    expect(append({ op: 'Size', inputs: ['x'] }).constantOf('y')!.data).toEqual(BigInt64Array.of(6n));
  });

  it('a border that wraps around more than once is refused with its size', () => {
    const node = { op: 'Pad', inputs: ['x', 'borders'], attributes: { mode: text('wrap') } };
    expect(() => append(node, 19)).toThrow(/border of 4 repeats an axis of 3/);
  });

  it('an opset from before 7 is refused', () => {
    expect(() => append({ op: 'Relu', inputs: ['x'] }, 6)).toThrow(/opset 6.*opset 13/);
  });
});
