/** Operators whose conventions differ between libraries give PyTorch's results and gradients, at kinks and ties too. */
import { describe, expect, it } from 'vitest';
import type { GraphBuilder } from '../../../src/core/nn/builder.ts';
import type { Attribute } from '../../../src/core/nn/graph.ts';
import { appendUpgraded } from '../../../src/core/nn/upgrade.ts';
import { float, int, ints, text } from '../../fixtures/operator-case.ts';
import { torchCases } from '../../fixtures/torch-values.ts';
import { checkTorch, type TorchBuild } from './torch-check.ts';

/** A node as an exporter would write it. */
function node(g: GraphBuilder, op: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}) {
  const name = `made/${g.nodes.length}`;
  appendUpgraded(g, { name, op, domain: '', inputs, outputs: [name], attributes }, 20);
  return name;
}

/** One input, one output. */
const one =
  (op: string, attributes: Record<string, Attribute> = {}): TorchBuild =>
  (g, inputs) => [node(g, op, Object.values(inputs), attributes)];

const pad = (mode: string, before: readonly number[], after: readonly number[], value?: number): TorchBuild => {
  return (g, { x }) => {
    const pads = g.ints([0, 0, ...before, 0, 0, ...after]);
    return [node(g, 'Pad', value === undefined ? [x!, pads] : [x!, pads, g.scalar(value)], { mode: text(mode) })];
  };
};

const reduce = (op: string): TorchBuild => {
  return (g, { x }) => [node(g, op, [x!, g.ints([1])], { keepdims: int(0) })];
};

/** Rolls by joining the two parts the other way round, as the exporter writes it. */
const roll: TorchBuild = (g, { x }) => {
  const turned = (value: string, axis: number, by: number) => {
    const size = g.dims(value)[axis]!;
    const at = (size - by) % size;
    return g.concat([g.slice(value, axis, at, size), g.slice(value, axis, 0, at)], axis);
  };
  return [turned(turned(x!, 2, 3), 3, 2)];
};

const BUILDS: Readonly<Record<string, TorchBuild>> = {
  Relu: one('Relu'),
  LeakyRelu: one('LeakyRelu', { alpha: float(0.2) }),
  Elu: one('Elu', { alpha: float(0.8) }),
  Selu: one('Selu'),
  Celu: one('Celu', { alpha: float(0.8) }),
  Gelu: one('Gelu'),
  'Gelu by tanh': one('Gelu', { approximate: text('tanh') }),
  Silu: (g, { x }) => [g.mul(x!, g.op('Sigmoid', [x!]))],
  Mish: one('Mish'),
  Softplus: one('Softplus'),
  Softsign: one('Softsign'),
  HardSigmoid: one('HardSigmoid', { alpha: float(1 / 6), beta: float(0.5) }),
  HardSwish: one('HardSwish'),
  Relu6: (g, { x }) => [node(g, 'Clip', [x!, g.scalar(0), g.scalar(6)])],
  Abs: one('Abs'),
  Clip: (g, { x }) => [node(g, 'Clip', [x!, g.scalar(-1), g.scalar(1.5)])],
  ThresholdedRelu: one('ThresholdedRelu', { alpha: float(1) }),
  Max: one('Max'),
  Min: one('Min'),
  Pow: one('Pow'),
  PRelu: (g, { x, slope }) => [node(g, 'PRelu', [x!, g.reshape(slope!, [2, 1])])],
  ReduceMax: reduce('ReduceMax'),
  ReduceL2: reduce('ReduceL2'),
  ReduceProd: reduce('ReduceProd'),
  ReduceLogSumExp: reduce('ReduceLogSumExp'),
  CumSum: (g, { x }) => [node(g, 'CumSum', [x!, g.scalar(1, 'int64')])],
  Softmax: one('Softmax', { axis: int(1) }),
  LogSoftmax: one('LogSoftmax', { axis: int(1) }),
  'Pad reflect': pad('reflect', [1, 2], [2, 3]),
  'Pad edge': pad('edge', [1, 2], [2, 3]),
  'Pad wrap': pad('wrap', [1, 2], [2, 3]),
  'Pad constant': pad('constant', [1, -1], [-1, 2], 0.5),
  Gather: (g, { x }) => [node(g, 'Gather', [x!, g.ints([2, 0, 2, 3])], { axis: int(2) })],
  GatherElements: (g, { x }) => [
    node(g, 'GatherElements', [x!, g.op('Reshape', [g.ints([0, 1, 0, 1, 1, 0]), g.ints([2, 3])])], { axis: int(0) }),
  ],
  roll,
  'pixel shuffle': one('DepthToSpace', { blocksize: int(2), mode: text('CRD') }),
  'channel shuffle': (g, { x }) => {
    const cut = g.reshape(x!, [1, 2, 3, 2, 2]);
    const turned = node(g, 'Transpose', [cut], { perm: ints([0, 2, 1, 3, 4]) });
    return [g.reshape(turned, [1, 6, 2, 2])];
  },
};

describe('as in PyTorch:', () => {
  const cases = torchCases('operators');
  for (const stored of cases) {
    it(stored.name, () => {
      const build = BUILDS[stored.name];
      expect(build, `no graph for the stored case '${stored.name}'`).toBeDefined();
      return checkTorch(stored, build!);
    });
  }

  it('every graph has stored values', () => {
    expect(Object.keys(BUILDS).filter((name) => !cases.some((stored) => stored.name === name))).toEqual([]);
  });
});
