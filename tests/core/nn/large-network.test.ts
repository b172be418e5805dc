/** Nothing we do to a network may take more than its size in time: a hostile file, or a large one, would hang the window. */
import { expect, it } from 'vitest';
import { foldBranches } from '../../../src/core/nn/fold-branches.ts';
import { endingOf } from '../../../src/core/nn/logits.ts';
import { decodeModel, encodeModel } from '../../../src/core/nn/onnx.ts';
import { prepareModel } from '../../../src/core/nn/prepare.ts';
import { printModel } from '../../../src/core/nn/print.ts';
import { pruneTo } from '../../../src/core/nn/prune.ts';
import { findSegmentation } from '../../../src/core/nn/segmentation-network.ts';
import { buildTrainingProgram } from '../../../src/core/nn/training.ts';
import { topologicalOrder } from '../../../src/core/nn/verify.ts';
import { CONV, network } from './small-network.ts';
import { TINY } from './tiny-training.ts';

function longNetwork(length: number) {
  const nodes = Array.from(
    { length },
    (_, i) => ['Identity', [i === 0 ? 'y' : `v${i - 1}`], i === length - 1 ? 'end' : `v${i}`] as const,
  );
  return network({ ...CONV, nodes: [...CONV.nodes, ...nodes, ['Relu', ['end'], 'z']] });
}

function secondsFor(work: () => void): number {
  const started = performance.now();
  work();
  return (performance.now() - started) / 1000;
}

it('a network of 100,000 Identity nodes is read, ordered, prepared, pruned and printed within seconds', () => {
  const model = longNetwork(100_000);
  const seconds = secondsFor(() => {
    const again = decodeModel(encodeModel(model));
    topologicalOrder(again.graph);
    foldBranches(again);
    endingOf(again.graph, 'z');
    pruneTo(prepareModel(again), again.graph.outputs);
    findSegmentation(again);
    printModel(again, { numbered: true, max: 10 });
  });
  expect(seconds).toBeLessThan(15);
});

it('four times the nodes take about four times as long to become a training step, not sixteen', () => {
  const build = (length: number) => secondsFor(() => buildTrainingProgram(longNetwork(length), TINY));
  build(1000);
  const [small, large] = [build(5000), build(20_000)];
  expect(large / small).toBeLessThan(10);
});
