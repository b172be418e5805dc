import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { fitMemory } from '../../../src/core/nn/fit-memory.ts';
import type { WrittenGraph } from '../../../src/core/nn/graph-pass.ts';
import { peakMemory } from '../../../src/core/nn/memory.ts';
import { decodeModel } from '../../../src/core/nn/onnx.ts';
import { recompute } from '../../../src/core/nn/recompute.ts';
import { openReference } from '../../../src/core/nn/reference.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { trainTiny } from './tiny-training.ts';

/** 4 KiB a value. */
const DIMS = [1, 1, 32, 32];
const KIB = 1024;

function written(build: (g: GraphBuilder, x: string) => string): WrittenGraph {
  const g = new GraphBuilder();
  const loss = build(g, g.input('x', 'float32', DIMS));
  g.output('y', loss);
  return { ...g.finish('memory').graph, values: g.shapes(), loss };
}

const kib = (graph: WrittenGraph) => Math.round(peakMemory(graph) / KIB);

describe('the memory of a graph', () => {
  it('counts what is alive at the worst moment, not all there is', () => {
    // input + result copied out + two of the chain, softmax not being one that writes over its input
    const chain = written((g, x) => [1, 2, 3, 4, 5].reduce((value) => g.op('Softmax', [value]), x));
    expect(kib(chain)).toBe(4 + 4 + 8);
  });

  it('keeps a value until its last reader', () => {
    const kept = written((g, x) => {
      const early = g.op('Softmax', [x]);
      const late = [1, 2, 3].reduce((value) => g.op('Softmax', [value]), early);
      return g.op('Concat', [early, late], { axis: 1 });
    });
    expect(kib(kept)).toBe(4 + 8 + 4 + 4 + 8);
  });

  it('counts a view and a result written over its input once', () => {
    const plain = written((g, x) => g.op('Softmax', [x]));
    const more = written((g, x) => g.op('Relu', [g.op('Reshape', [g.op('Softmax', [x]), g.ints([1, 32, 32, 1])])]));
    expect(kib(more)).toBe(kib(plain));
  });

  it('does not count that as written over which somebody still needs', () => {
    const two = written((g, x) => {
      const soft = g.op('Softmax', [x]);
      return g.add(g.op('Relu', [soft]), g.op('Softmax', [soft]));
    });
    expect(kib(two)).toBe(4 + 4 + 12);
  });
});

const MODEL = buildUnet({ inputChannels: 3, classes: 3, channels: [4, 8, 8], seed: 2 });
const OPTIONS = { heightPx: 16, widthPx: 16, exposeGradient: true } as const;

describe('a training step that would not fit', () => {
  for (const batchNorm of ['frozen', 'batch'] as const) {
    it(`computes parts twice and the same numbers to the last bit (${batchNorm} normalisation)`, async () => {
      const options = { ...OPTIONS, batchNorm, clipNorm: 1 };
      const plain = await trainTiny(MODEL, openReference, { options, steps: 2 });
      const memoryBudgetBytes = plain.program.memory.bytes - 1;
      const tight = await trainTiny(MODEL, openReference, { options: { ...options, memoryBudgetBytes }, steps: 2 });
      expect(tight.program.memory.segments).toBeGreaterThan(1);
      expect(tight.program.memory.bytes).toBeLessThanOrEqual(memoryBudgetBytes);
      expect(tight.program.memory.plainBytes).toBe(plain.program.memory.bytes);
      expect(tight.losses).toEqual(plain.losses);
      expect(tight.gradient).toEqual(plain.gradient);
      expect(tight.state).toEqual(plain.state);
    });
  }

  it('is refused with what would be needed where nothing helps', async () => {
    const train = trainTiny(MODEL, openReference, { options: { ...OPTIONS, memoryBudgetBytes: 1e6 } });
    await expect(train).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(
        /^learning from 2 tiles of 16×16 pixels at a time takes about 0\.2 GB .* 0\.0 GB may be used; use smaller tiles/,
      ),
    });
  });

  it('tells the runtime no sizes of pictures, which would make it hold on to buffers', async () => {
    const plain = await trainTiny(MODEL, openReference, { options: OPTIONS });
    const memoryBudgetBytes = plain.program.memory.bytes - 1;
    const tight = await trainTiny(MODEL, openReference, { options: { ...OPTIONS, memoryBudgetBytes } });
    const image = decodeModel(tight.program.bytes).graph.inputs.find((input) => input.name === 'image');
    expect(image?.dims).toEqual([null, null, null, null]);
  });
});

describe('recomputation', () => {
  const chain = written((g, x) => {
    const values = [1, 2, 3, 4, 5, 6, 7, 8].reduce((list) => [...list, g.op('Softmax', [list.at(-1)!])], [x]);
    const loss = g.sum(values.at(-1)!, [0, 1, 2, 3]);
    // A backward part that reads the values from the last to the first.
    values.reverse().reduce((slope, value) => g.mul(g.op('Softmax', [slope]), value), g.expand(loss, DIMS));
    return loss;
  });
  const readsAll = {
    ...chain,
    outputs: [{ name: chain.nodes.at(-1)!.outputs[0], type: 'float32', dims: DIMS }],
  } as const;

  it('into one piece changes nothing', () => expect(recompute(readsAll, 1).nodes).toEqual(readsAll.nodes));

  it('into more pieces lowers the peak', () => {
    expect(kib(recompute(readsAll, 3))).toBeLessThan(kib(readsAll));
  });

  it('of a graph without backward part does nothing', () => {
    const forward = written((g, x) => g.op('Softmax', [g.op('Softmax', [x])]));
    expect(recompute(forward, 4).nodes).toEqual(forward.nodes);
  });

  it('is not done where everything fits', () => {
    const { memory } = fitMemory(readsAll, { passes: [], budgetBytes: undefined, subject: 'a chain' });
    expect(memory).toMatchObject({ segments: 1 });
    expect(memory.bytes).toBe(memory.plainBytes);
  });
});
