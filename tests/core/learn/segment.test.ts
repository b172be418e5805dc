import { describe, expect, it } from 'vitest';
import type { TrainingBlock } from '../../../src/core/learn/blocks.ts';
import { type FineTuneOptions, fineTune, fineTuneProgram } from '../../../src/core/learn/segment.ts';
import { decodeModel, encodeModel } from '../../../src/core/nn/onnx.ts';
import { openReference } from '../../../src/core/nn/reference.ts';
import type { OpenSession } from '../../../src/core/nn/session.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { CARD, CLASS_IDS, spotted, truthOf } from './stubs.ts';

const model = encodeModel(buildUnet({ inputChannels: 3, classes: 2, channels: [4, 8], seed: 4 }));

function block(seed: number): TrainingBlock {
  const image = spotted(32, 32, seed, 4);
  return { key: `block ${seed}`, image, human: truthOf(image), predicted: null };
}

function options(more: Partial<FineTuneOptions> = {}): FineTuneOptions {
  return {
    model,
    card: CARD,
    classIds: CLASS_IDS,
    train: [block(1), block(2)],
    heldOut: [block(3), block(4), block(5)],
    steps: 4,
    seed: 1,
    open: openReference,
    batch: 2,
    patchPx: 16,
    ...more,
  };
}

const PROBABILITIES = { ...CARD, output: 'p', outputKind: 'probabilities' } as const;

/** The network with one node more, from `from` to the output `p`. */
function ending(op: 'Relu' | 'Sigmoid' | 'Softmax', from: string, bytes = model): Uint8Array {
  const { graph, ...rest } = decodeModel(bytes);
  const attributes = op === 'Softmax' ? { axis: { kind: 'int', value: 1 } as const } : {};
  const last = { name: op, op, domain: '', inputs: [from], outputs: ['p'], attributes };
  const outputs = graph.outputs.map((output) => ({ ...output, name: 'p' }));
  return encodeModel({ ...rest, graph: { ...graph, nodes: [...graph.nodes, last], outputs } });
}

/** Predicts with the reference, but "trains" by answering these losses. */
function losing(losses: readonly number[]): OpenSession {
  let step = 0;
  return async (bytes, sessionOptions) => {
    if (sessionOptions?.purpose !== 'training') return openReference(bytes, sessionOptions);
    return {
      run: async () => ({ loss: { type: 'float32', dims: [1], data: Float32Array.of(losses[step++]!) } }),
      readState: async () => ({}),
      close: async () => {},
    };
  };
}

describe('fine-tuning', () => {
  it('teaches a network that knew nothing, and tells how much', async () => {
    const seen: number[] = [];
    const result = await fineTune(
      options({ steps: 60, learningRate: 0.02, newShare: 1, onStep: (step, total) => seen.push(step * 1000 + total) }),
    );
    expect(result.diceAfter).toBeGreaterThan(result.diceBefore + 0.3);
    expect(result.losses).toHaveLength(60);
    expect(result.losses.at(-1)!).toBeLessThan(result.losses[0]!);
    expect(seen).toEqual(Array.from({ length: 60 }, (_, n) => (n + 1) * 1000 + 60));
    expect(result).toMatchObject({ steps: 60, keptStep: 60, trainingBlocks: 2, heldOutBlocks: 3, warnings: [] });
    const nucleus = result.perClass.find((entry) => entry.classId === 2)!;
    expect(nucleus.after).toBeCloseTo(result.diceAfter, 10);
  });

  it('gives the same bytes for the same seed and others for another', async () => {
    const [a, b, c] = [await fineTune(options()), await fineTune(options()), await fineTune(options({ seed: 2 }))];
    expect(a.model).toEqual(b.model);
    expect(a.losses).toEqual(b.losses);
    expect(a.model).not.toEqual(c.model);
  });

  it('goes only a part of the way from the old weights to the trained ones', async () => {
    const [whole, none] = [await fineTune(options({ newShare: 1 })), await fineTune(options({ newShare: 0 }))];
    expect(none.diceAfter).toBe(none.diceBefore);
    expect(whole.losses).toEqual(none.losses);
    const weightsOf = (bytes: Uint8Array) =>
      [...decodeModel(bytes).graph.initialisers].flatMap(([, t]) => [...t.data].map(Number));
    const [old, half, full] = [model, (await fineTune(options())).model, whole.model].map(weightsOf);
    expect(old!.some((value, i) => value !== full![i])).toBe(true);
    half!.forEach((value, i) => {
      expect(value).toBeCloseTo((old![i]! + full![i]!) / 2, 5);
    });
  });

  it('never learns from held-out blocks, nor from labels the model does not know', async () => {
    const plain = await fineTune(options());
    const other = await fineTune(options({ heldOut: [block(77)] }));
    expect(other.model).toEqual(plain.model);
    expect(other.warnings.join()).toMatch(/only 1 held-out block/);
    const strange = { ...block(9), human: new Uint8Array(32 * 32).fill(5) };
    const unknown = await fineTune(options({ train: [block(1), block(2), strange] }));
    expect(unknown.model).toEqual(plain.model);
    expect(unknown.warnings).toEqual(['1024 pixels of class 5 were left out: the model does not know this class']);
  });

  it('chooses among checkpoints by training blocks, and keeps the old model where none is better', async () => {
    const train = Array.from({ length: 10 }, (_, n) => block(n + 10));
    const result = await fineTune(options({ train, learningRate: 1e-9 }));
    expect([0, 1, 2, 3, 4]).toContain(result.keptStep);
    expect(result.trainingBlocks).toBe(10);
    expect(result.diceAfter).toBeCloseTo(result.diceBefore, 5);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('stops at a loss of %s and says what to do', async (bad) => {
    const failed = fineTune(options({ open: losing([0.7, bad]) }));
    await expect(failed).rejects.toMatchObject({ code: 'training-diverged', message: expect.stringMatching(/step 2/) });
    await expect(failed).rejects.toThrow(/smaller learning rate/);
  });

  it('computes parts twice where memory is short, with the same result, and says so', async () => {
    const plain = await fineTune(options({ steps: 2 }));
    const { memory } = fineTuneProgram(decodeModel(model), options());
    const memoryBudgetBytes = memory.bytes - 1;
    const tight = await fineTune(options({ steps: 2, memoryBudgetBytes }));
    expect(tight.losses).toEqual(plain.losses);
    expect(tight.model).toEqual(plain.model);
    expect(tight.warnings).toEqual([...plain.warnings, expect.stringMatching(/^memory was short .* computed twice/)]);
  });

  it('is refused before it begins where memory cannot do', async () => {
    await expect(fineTune(options({ memoryBudgetBytes: 1e6 }))).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('close other programs'),
    });
  });

  it('stops between steps when cancelled, and closes its session', async () => {
    const signal = { aborted: false };
    let closed = 0;
    const open: OpenSession = async (bytes, sessionOptions) => {
      const session = await openReference(bytes, sessionOptions);
      const close = async () => {
        closed++;
      };
      return { ...session, close };
    };
    const onStep = (step: number) => {
      signal.aborted = step === 2;
    };
    await expect(fineTune(options({ signal, onStep, open }))).rejects.toMatchObject({ code: 'cancelled' });
    expect(closed).toBe(2);
  });

  it.each([
    ['nothing', [], [], /nothing has been corrected.*at least 2 more places/],
    ['no training block', [], [block(1)], /at least 1 more place /],
    ['no held-out block', [block(1)], [], /held out.*at least 1 more place /],
    ['only silence', [{ ...block(1), human: new Uint8Array(1024) }], [block(2)], /at least 1 more place /],
    ['only unknown classes', [{ ...block(1), human: new Uint8Array(1024).fill(9) }], [block(2)], /at least 1 more/],
  ])('with %s says how many more corrections are needed and where', async (_, train, heldOut, message) => {
    const open: OpenSession = () => Promise.reject(new Error('must not be opened'));
    const refused = fineTune(options({ train, heldOut, open }));
    await expect(refused).rejects.toMatchObject({ code: 'nothing-to-learn', message: expect.stringMatching(message) });
  });

  it('teaches a model that ends in a softmax just as one that does not, and leaves the softmax on', async () => {
    const steps = { steps: 8, learningRate: 0.02 };
    const plain = await fineTune(options(steps));
    const ended = await fineTune(options({ ...steps, model: ending('Softmax', 'logits'), card: PROBABILITIES }));
    expect(ended.losses).toEqual(plain.losses);
    expect(ended.diceAfter).toBeCloseTo(plain.diceAfter, 10);
    expect(decodeModel(ended.model).graph.nodes.at(-1)).toMatchObject({ op: 'Softmax', outputs: ['p'] });
  });

  it('teaches a model of one channel and a sigmoid: two classes', async () => {
    const one = encodeModel(buildUnet({ inputChannels: 3, classes: 1, channels: [4, 8], seed: 4 }));
    const run = { steps: 8, learningRate: 0.02, newShare: 1 };
    const ended = await fineTune(options({ ...run, model: ending('Sigmoid', 'logits', one), card: PROBABILITIES }));
    expect(ended.losses.at(-1)).toBeLessThan(ended.losses[0]!);
    expect(decodeModel(ended.model).graph.nodes.at(-1)).toMatchObject({ op: 'Sigmoid', outputs: ['p'] });
    const plain = await fineTune(options({ ...run, model: one }));
    expect(plain.losses).toEqual(ended.losses);
    expect(plain.diceAfter).toBeCloseTo(ended.diceAfter, 10);
  });

  it('refuses probabilities that nothing it knows has made', async () => {
    const refused = fineTune(options({ model: ending('Relu', 'logits'), card: PROBABILITIES }));
    await expect(refused).rejects.toMatchObject({ code: 'model-unusable' });
    await expect(refused).rejects.toThrow(/without its last step/);
  });
});
