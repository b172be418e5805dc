import { describe, expect, it } from 'vitest';
import { ACCEPTED_BIT } from '../../../src/core/label.ts';
import { type Augmentation, STRONG } from '../../../src/core/learn/augment.ts';
import { learnableBlocks, type TrainingBlock, UNTOUCHED_WEIGHT } from '../../../src/core/learn/blocks.ts';
import { createBatches } from '../../../src/core/learn/patches.ts';
import { imagesToTensor, padToSize, tensorToImage } from '../../../src/core/learn/tensors.ts';
import { createRandom } from '../../../src/core/random.ts';
import { CARD, CLASS_IDS, filled, spotted, truthOf } from './stubs.ts';

const NONE: Augmentation = { turns: false, scale: [1, 1], stain: 0, stainPerChannel: 0, light: [0, 0] };
const TURNS: Augmentation = { ...NONE, turns: true };

function block(size: number, seed: number, more: Partial<TrainingBlock> = {}): TrainingBlock {
  const image = spotted(size, size, seed);
  return { key: `block ${seed}`, image, human: truthOf(image), predicted: null, ...more };
}

function batches(blocks: readonly TrainingBlock[], augmentation: Augmentation, seed = 1, patchPx = 64) {
  const learnable = learnableBlocks(blocks, CLASS_IDS).blocks;
  const { normalisation } = CARD;
  return createBatches({
    blocks: learnable,
    patchPx,
    batch: 3,
    normalisation,
    augmentation,
    random: createRandom(seed),
  });
}

describe('what a network learns from a corrected block', () => {
  const image = filled(4, 1, [200, 150, 180]);

  it('weighs a person’s and accepted pixels fully, untouched ones little, unknown ones not at all', () => {
    const human = Uint8Array.of(2, ACCEPTED_BIT | 1, 0, 0);
    const predicted = Uint8Array.of(1, 1, 2, 0);
    const { blocks } = learnableBlocks([{ key: 'a', image, human, predicted }], CLASS_IDS);
    expect([...blocks[0]!.target]).toEqual([1, 0, 1, -1]);
    expect([...blocks[0]!.weight]).toEqual([1, 1, Math.fround(UNTOUCHED_WEIGHT), 0]);
    expect([...blocks[0]!.spoken]).toEqual([0, 1]);
  });

  it('leaves out classes the model does not know, and counts them', () => {
    const human = Uint8Array.of(7, 7, 1, ACCEPTED_BIT | 7);
    const { blocks, unknown } = learnableBlocks([{ key: 'a', image, human, predicted: null }], CLASS_IDS);
    expect([...blocks[0]!.weight]).toEqual([0, 0, 1, 0]);
    expect([...unknown]).toEqual([[7, 3]]);
  });

  it('drops a block in which nothing known was said', () => {
    const predicted = Uint8Array.of(2, 2, 2, 2);
    for (const human of [new Uint8Array(4), Uint8Array.of(9, 9, 0, 0)]) {
      expect(learnableBlocks([{ key: 'a', image, human, predicted }], CLASS_IDS).blocks).toEqual([]);
    }
  });
});

describe('batches', () => {
  const blocks = [block(96, 1), block(96, 2), block(96, 3)];

  it('are the same for the same seed and others for another', () => {
    const [a, b, c] = [batches(blocks, STRONG, 5), batches(blocks, STRONG, 5), batches(blocks, STRONG, 6)];
    for (let n = 0; n < 4; n++) expect(a()).toEqual(b());
    expect(a().image.data).not.toEqual(c().image.data);
  });

  it('turn the picture and its labels together', () => {
    const next = batches(blocks, TURNS);
    for (let n = 0; n < 10; n++) {
      const { image, target } = next();
      for (let i = 0; i < target.data.length; i++) {
        const [item, pixel] = [Math.floor(i / 4096), i % 4096];
        const red = Number(image.data[item * 3 * 4096 + pixel]) * 0.5 + 0.5;
        expect(Math.round(red * 255) === 95).toBe(target.data[i] === 1);
      }
    }
  });

  it('come in all eight ways up', () => {
    const image = filled(64, 64, [200, 150, 180]);
    image.data.set([0, 0, 0], (3 * 64 + 10) * 3);
    const next = batches([{ key: 'a', image, human: new Uint8Array(4096).fill(1), predicted: null }], TURNS);
    const places = new Set<number>();
    for (let n = 0; n < 40; n++) {
      const { image: patch } = next();
      for (let item = 0; item < 3; item++) {
        places.add((patch.data as Float32Array).subarray(item * 3 * 4096, item * 3 * 4096 + 4096).indexOf(-1));
      }
    }
    expect(places.size).toBe(8);
    expect(places.has(-1)).toBe(false);
  });

  it('are drawn around what a person has spoken about', () => {
    const human = new Uint8Array(256 * 256);
    human[200 * 256 + 40] = 2;
    const next = batches([block(256, 4, { human })], TURNS);
    for (let n = 0; n < 20; n++) expect(next().weight.data.filter((weight) => weight === 1)).toHaveLength(3);
  });

  it('count nothing beyond a block smaller than the patch', () => {
    const { weight, target } = batches([block(20, 5)], NONE)();
    expect(weight.data.filter((value) => value === 1)).toHaveLength(3 * 400);
    expect(target.data.filter((value) => value === -1)).toHaveLength(3 * (4096 - 400));
  });

  it('visit every block before any comes again', () => {
    const flat = [40, 90, 140].map((grey, n) => {
      const image = filled(64, 64, [grey, grey, grey]);
      return { key: `${n}`, image, human: new Uint8Array(4096).fill(1), predicted: null };
    });
    const next = batches(flat, NONE);
    for (let n = 0; n < 5; n++) {
      const { image } = next();
      expect(new Set([0, 1, 2].map((item) => image.data[item * 3 * 4096])).size).toBe(3);
    }
  });
});

describe('pictures as tensors', () => {
  it('come back as they went in', () => {
    const images = [spotted(24, 16, 1), spotted(24, 16, 2)];
    const tensor = imagesToTensor(images, CARD.normalisation);
    expect(tensor.dims).toEqual([2, 3, 16, 24]);
    expect(tensorToImage(tensor, 1, CARD.normalisation)).toEqual(images[1]);
  });

  it('are padded with white, and not at all where they fit', () => {
    const image = spotted(5, 3, 1);
    expect(padToSize(image, 5, 3)).toBe(image);
    const padded = padToSize(image, 8, 8);
    expect([...padded.data.subarray(5 * 3, 8 * 3)]).toEqual(Array(9).fill(255));
    expect(padded.data.subarray(8 * 3, 13 * 3)).toEqual(image.data.subarray(15, 30));
  });
});
