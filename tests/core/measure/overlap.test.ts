import { describe, expect, it } from 'vitest';
import {
  addOverlap,
  countOverlap,
  meanOverlap,
  scoreOverlap,
  summariseOverlap,
} from '../../../src/core/measure/overlap.ts';

/** Disks [label, y, x, r] on a square, later ones over earlier ones (seeds-spec D6, fixture 1). */
function disks(size: number, ...list: [number, number, number, number][]): Uint8Array {
  const data = new Uint8Array(size * size);
  for (const [label, cy, cx, r] of list) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) if ((y - cy) ** 2 + (x - cx) ** 2 <= r * r) data[y * size + x] = label;
    }
  }
  return data;
}

const truth1 = disks(32, [1, 6, 6, 4], [2, 6, 20, 5], [3, 20, 8, 6], [4, 22, 24, 4], [5, 28, 14, 2]);
const predicted1 = disks(32, [1, 6, 7, 4], [2, 7, 18, 3], [3, 6, 23, 3], [4, 20, 9, 7], [5, 28, 28, 2]);

function fixture3(): { truth: Uint8Array; predicted: Uint8Array } {
  const truth = Uint8Array.from({ length: 64 }, (_, i) => (Math.floor((i % 8) / 3) + Math.floor((i >> 3) / 3)) % 4);
  const predicted = truth.slice();
  for (let y = 2; y <= 4; y++) for (let x = 2; x <= 4; x++) predicted[y * 8 + x] = 1;
  predicted.fill(0, 48, 56);
  return { truth, predicted };
}

describe('overlap of two masks', () => {
  it('gives the binary scores of the published disks', () => {
    const binary = (mask: Uint8Array) => mask.map((label) => Math.min(label, 1));
    const [counts] = countOverlap(binary(truth1), binary(predicted1), [1]);
    const scores = scoreOverlap(counts!)!;
    expect(scores.dice).toBeCloseTo(0.70979021, 8);
    expect(scores.iou).toBe(203 / 369);
    expect(scores.precision).toBeCloseTo(0.76029963, 8);
    expect(scores.recall).toBeCloseTo(0.66557377, 8);
  });

  it('gives the scores of the published four classes, class by class and pooled', () => {
    const { truth, predicted } = fixture3();
    const counts = countOverlap(truth, predicted, [1, 2, 3]);
    const scores = counts.map((count) => scoreOverlap(count)!);
    const expected = {
      iou: [0.782608696, 0.666666667, 0.75],
      dice: [0.87804878, 0.8, 0.857142857],
      recall: [1, 0.666666667, 0.75],
      precision: [0.782608696, 1, 1],
    };
    for (const [name, values] of Object.entries(expected) as [keyof typeof expected, number[]][]) {
      for (const [i, value] of values.entries())
        expect(scores[i]![name], `${name} of class ${i + 1}`).toBeCloseTo(value, 8);
    }
    expect(meanOverlap(scores)!.dice).toBeCloseTo(0.845063879, 8);
    const pooled = counts.reduce((a, b) => addOverlap([[a], [b]])[0]!);
    expect(scoreOverlap(pooled)!.iou).toBeCloseTo(0.732142857, 8);
  });

  it('scores 1 where both are empty, or leaves them out when told so', () => {
    const [counts] = countOverlap([0, 0], [0, 0], [1]);
    expect(scoreOverlap(counts!)).toEqual({ dice: 1, iou: 1, precision: 1, recall: 1 });
    expect(scoreOverlap(counts!, 'skip')).toBeNull();
    expect(meanOverlap([null, null])).toBeNull();
  });

  it('scores 0, never NaN, where only one side is empty', () => {
    const zero = { dice: 0, iou: 0, precision: 0, recall: 0 };
    expect(scoreOverlap(countOverlap([1, 0], [0, 0], [1])[0]!)).toEqual(zero);
    expect(scoreOverlap(countOverlap([0, 0], [1, 0], [1])[0]!)).toEqual(zero);
  });

  it('does not count pixels whose truth is to be ignored, and weighs the others', () => {
    const truth = [1, 1, 255, 0];
    const predicted = [1, 0, 1, 1];
    const options = { ignoreLabel: 255, weights: [2, 1, 100, 0.5] };
    expect(countOverlap(truth, predicted, [1], options)).toEqual([
      { truePositive: 2, falsePositive: 0.5, falseNegative: 1 },
    ]);
  });

  it('tells pooled scores from the mean over pictures', () => {
    const large = countOverlap(new Uint8Array(90).fill(1), new Uint8Array(90).fill(1), [1]);
    const small = countOverlap(new Uint8Array(10).fill(1), new Uint8Array(10), [1]);
    const summary = summariseOverlap([large, small]);
    expect(summary.pooled[0]!.recall).toBeCloseTo(0.9, 12);
    expect(summary.perPicture[0]!.recall).toBeCloseTo(0.5, 12);
    expect(summary.macroPooled).toEqual(summary.pooled[0]);
  });

  it('skips, per picture, a class that a picture does not hold', () => {
    const withClass = countOverlap([1, 1], [1, 0], [1]);
    const without = countOverlap([0, 0], [0, 0], [1]);
    expect(summariseOverlap([withClass, without], 'skip').perPicture[0]!.recall).toBe(0.5);
    expect(summariseOverlap([withClass, without], 'one').perPicture[0]!.recall).toBe(0.75);
    expect(summariseOverlap([]).macroPooled).toBeNull();
  });

  it('refuses masks of different lengths', () => {
    expect(() => countOverlap([1], [1, 1], [1])).toThrow('a truth of 1 pixels');
    expect(() => countOverlap([1], [1], [1], { weights: [] })).toThrow('0 weights');
  });
});
