import { describe, expect, it } from 'vitest';
import { ACCEPTED_BIT } from '../../../src/core/label.ts';
import type { TrainingBlock } from '../../../src/core/learn/blocks.ts';
import { evaluateBlocks } from '../../../src/core/learn/evaluate.ts';
import { CARD, CLASS_IDS, constantSession, filled, meanNetwork, spotted, truthOf } from './stubs.ts';

const evaluate = (blocks: readonly TrainingBlock[], session = meanNetwork(0)) =>
  evaluateBlocks({ model: new Uint8Array(), card: CARD, classIds: CLASS_IDS, blocks, open: async () => session });

function block(change: (truth: Uint8Array) => void = () => {}): TrainingBlock {
  const image = spotted(60, 44, 2);
  const human = truthOf(image);
  change(human);
  return { key: 'a', image, human, predicted: null };
}

describe('comparing a model with a person', () => {
  it('gives 1 where they agree everywhere, on a picture of any size', async () => {
    const { dice, perClass, pixels } = await evaluate([block()]);
    expect(dice).toBe(1);
    expect(perClass.map((entry) => entry.dice)).toEqual([1, 1]);
    expect(pixels).toBe(60 * 44);
  });

  it('looks only where the person has spoken', async () => {
    const silent = block((human) => {
      for (let i = 0; i < human.length; i++) if (i % 5 > 0) human[i] = 0;
    });
    expect((await evaluate([silent])).pixels).toBe((60 * 44) / 5);
    expect((await evaluate([silent])).dice).toBe(1);
  });

  it('counts accepted pixels as the class they were accepted as', async () => {
    const accepted = block((human) => {
      for (let i = 0; i < human.length; i++) human[i] = human[i]! | ACCEPTED_BIT;
    });
    expect((await evaluate([accepted])).dice).toBe(1);
  });

  it('pools pixels over blocks: 2TP / (2TP + FP + FN)', async () => {
    const white = filled(8, 8, [255, 255, 255]);
    const missed = { key: 'b', image: white, human: new Uint8Array(64).fill(2), predicted: null };
    const dark = filled(8, 8, [20, 20, 20]);
    const found = { key: 'c', image: dark, human: new Uint8Array(64).fill(2), predicted: null };
    const { dice } = await evaluate([missed, found]);
    expect(dice).toBeCloseTo((2 * 64) / (2 * 64 + 64), 10);
  });

  it('falls back on the background where a person drew nothing else', async () => {
    const erased = { key: 'd', image: filled(8, 8, [20, 20, 20]), human: new Uint8Array(64).fill(1), predicted: null };
    expect((await evaluate([erased])).dice).toBe(0);
    const { perClass } = await evaluate([{ ...erased, image: filled(8, 8, [250, 250, 250]) }]);
    expect(perClass).toEqual([
      { classId: 1, dice: 1, truthPixels: 64 },
      { classId: 2, dice: null, truthPixels: 0 },
    ]);
  });

  it('leaves out classes the model does not know', async () => {
    const strange = block((human) => human.fill(9, 0, 100));
    expect((await evaluate([strange])).pixels).toBe(60 * 44 - 100);
  });

  it('closes the session even where the model answers nonsense', async () => {
    let closed = false;
    const nonsense = constantSession(({ dims: [n, , h, w] }) => ({
      logits: { type: 'float32', dims: [n!, 2, h!, w!], data: new Float32Array(n! * 2 * h! * w!).fill(Number.NaN) },
    }));
    const close = async () => {
      closed = true;
    };
    const session = { ...nonsense, close };
    await expect(evaluate([block()], session)).rejects.toMatchObject({ code: 'model-output-invalid' });
    expect(closed).toBe(true);
  });
});
