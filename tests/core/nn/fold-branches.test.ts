import { describe, expect, it } from 'vitest';
import { foldBatchNorm } from '../../../src/core/nn/fold-batch-norm.ts';
import { foldBranches } from '../../../src/core/nn/fold-branches.ts';
import type { Graph, Node, OnnxModel } from '../../../src/core/nn/graph.ts';
import { openReference, openReferenceModel } from '../../../src/core/nn/reference.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { CONV, network } from './small-network.ts';
import { trainTiny } from './tiny-training.ts';

const branch = (op: string, inputs: string[]): Graph => ({
  name: op,
  nodes: [{ name: '', op, domain: '', inputs, outputs: ['same name'], attributes: {} }],
  initialisers: new Map(),
  inputs: [],
  outputs: [{ name: 'same name', type: 'float32', dims: null }],
});

const choose = (condition: string, value: string, output: string): Node => ({
  name: `choose ${output}`,
  op: 'If',
  domain: '',
  inputs: [condition],
  outputs: [output],
  attributes: {
    then_branch: { kind: 'graph', value: branch('Relu', [value]) },
    else_branch: { kind: 'graph', value: branch('Neg', [value]) },
  },
});

/** A 1×1 convolution whose result passes through two Ifs. */
function twoChoices(condition: Node[], flag = 'flag'): OnnxModel {
  const model = network({ ...CONV, weights: { ...CONV.weights, two: tensorOf('int64', [], [2]) } });
  const nodes = [...model.graph.nodes, ...condition, choose(flag, 'y', 'h'), choose(flag, 'h', 'z')];
  return { ...model, graph: { ...model.graph, nodes, outputs: [{ ...model.graph.outputs[0], name: 'z' }] } };
}

const compare = (other: number): Node[] => {
  const value = { kind: 'int', value: other } as const;
  return [
    { name: '', op: 'Constant', domain: '', inputs: [], outputs: ['other'], attributes: { value_int: value } },
    { name: '', op: 'Equal', domain: '', inputs: ['two', 'other'], outputs: ['flag'], attributes: {} },
  ];
};

describe('an If whose condition is known', () => {
  it.each([
    [2, 'Relu'],
    [3, 'Neg'],
  ])('becomes the branch it takes (2 = %i: %s), twice, without mixing their values', (other, op) => {
    const { model, branches } = foldBranches(twoChoices(compare(other)));
    expect(branches).toBe(2);
    expect(model.graph.nodes.map((node) => node.op).filter((made) => made === op)).toHaveLength(2);
    expect(model.graph.nodes.some((node) => node.op === 'If')).toBe(false);
    const made = model.graph.nodes.flatMap((node) => node.outputs);
    expect(new Set(made).size).toBe(made.length);
  });

  it('lets the network learn, and run as its author meant', async () => {
    const model = twoChoices(compare(2));
    const { losses } = await trainTiny(model, openReference, { steps: 8 });
    expect(losses.at(-1)).toBeLessThan(losses[0]);
    const { nodes } = foldBranches(model).model.graph;
    const without = nodes.filter((node) => node.op !== 'Constant' && node.op !== 'Equal');
    const folded = { ...model, graph: { ...model.graph, nodes: without } };
    const x = tensorOf('float32', [1, 3, 8, 8], new Float32Array(192).fill(0.3));
    const { z } = await openReferenceModel(folded).run({ x });
    expect(Math.min(...(z.data as Float32Array))).toBeGreaterThanOrEqual(0);
  });

  it('may sit inside the branch of another', () => {
    const inner = twoChoices(compare(2)).graph.nodes.slice(-1)[0];
    const outer: Graph = { ...branch('Relu', []), nodes: [{ ...inner, outputs: ['same name'] }] };
    const model = twoChoices(compare(2));
    const wrap = { ...choose('flag', 'y', 'h'), attributes: { then_branch: { kind: 'graph', value: outer } as const } };
    const nodes = [...model.graph.nodes.slice(0, 3), { ...wrap, outputs: ['h'] }];
    const folded = foldBranches({ ...model, graph: { ...model.graph, nodes } });
    expect(folded.branches).toBe(2);
  });
});

it('an If that asks for a size, as PyTorch writes it for a squeeze, is decided once the tile size is known', async () => {
  const asks: Node[] = [
    { name: '', op: 'Shape', domain: '', inputs: ['y'], outputs: ['sizes'], attributes: {} },
    { name: '', op: 'Gather', domain: '', inputs: ['sizes', 'one'], outputs: ['channels'], attributes: {} },
    { name: '', op: 'Equal', domain: '', inputs: ['channels', 'two'], outputs: ['flag'], attributes: {} },
  ];
  const model = twoChoices(asks);
  const initialisers = new Map([...model.graph.initialisers, ['one', tensorOf('int64', [], [1])]]);
  const asking = { ...model, graph: { ...model.graph, initialisers } };
  expect(foldBranches(asking).branches).toBe(0);
  const { losses } = await trainTiny(asking, openReference, { steps: 8 });
  expect(losses.at(-1)).toBeLessThan(losses[0]);
});

it('an If that asks the picture stays as it is', () => {
  const model = twoChoices([], 'x');
  const { model: same, branches } = foldBranches(model);
  expect(branches).toBe(0);
  expect(same.graph.nodes).toEqual(model.graph.nodes);
});

describe('what only a branch reads stays in the network', () => {
  const normal: Node = {
    name: 'normal',
    op: 'BatchNormalization',
    domain: '',
    inputs: ['y', 'one', 'one', 'one', 'one'],
    outputs: ['n'],
    attributes: {},
  };
  const made = twoChoices([normal], 'which');
  const one = tensorOf('float32', [2], [1, 1]);
  const initialisers = new Map([...made.graph.initialisers, ['one', one] as const, ['kept', one] as const]);
  const model = { ...made, graph: { ...made.graph, initialisers } };

  it('the convolution whose result a branch takes is not melted into its normalisation', () => {
    const folded = foldBatchNorm(model).graph;
    expect(folded.nodes.some((node) => node.outputs.includes('y'))).toBe(true);
  });

  it('a weight that a branch takes is not dropped', () => {
    const nodes = [...model.graph.nodes, choose('which', 'kept', 'last')];
    expect(foldBatchNorm({ ...model, graph: { ...model.graph, nodes } }).graph.initialisers.has('kept')).toBe(true);
  });
});
