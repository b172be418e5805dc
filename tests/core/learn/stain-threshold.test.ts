import { describe, expect, it } from 'vitest';
import { otsuThreshold } from '../../../src/core/learn/otsu.ts';
import { thresholdNuclei } from '../../../src/core/learn/stain-threshold.ts';
import {
  byteOfDensity,
  EOSIN,
  HAEMATOXYLIN,
  haematoxylin,
  OPTICAL_DENSITY,
  unmixingRows,
} from '../../../src/core/stain.ts';
import { filled, spotted, truthOf } from './stubs.ts';

/** A pixel of so much haematoxylin and eosin by Beer–Lambert. */
function stained(h: number, e: number): [number, number, number] {
  const [hl, el] = [Math.hypot(...HAEMATOXYLIN), Math.hypot(...EOSIN)];
  return [0, 1, 2].map((c) => byteOfDensity((h * HAEMATOXYLIN[c]!) / hl + (e * EOSIN[c]!) / el)) as [
    number,
    number,
    number,
  ];
}

describe('colour deconvolution', () => {
  it('gives back the haematoxylin that was put in, whatever the eosin', () => {
    for (const h of [0, 0.2, 0.8, 1.2]) {
      for (const e of [0, 0.3, 0.6]) expect(haematoxylin(filled(1, 1, stained(h, e)))[0]).toBeCloseTo(h, 1);
    }
  });

  it('has rows that are blind to the other stain', () => {
    const [h, e] = unmixingRows(HAEMATOXYLIN, EOSIN);
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    expect(dot(h, EOSIN)).toBeCloseTo(0, 10);
    expect(dot(e, HAEMATOXYLIN)).toBeCloseTo(0, 10);
    expect(dot(h, HAEMATOXYLIN)).toBeCloseTo(Math.hypot(...HAEMATOXYLIN), 10);
  });

  it('turns every byte into a density and back', () => {
    for (let byte = 0; byte < 256; byte++) expect(byteOfDensity(OPTICAL_DENSITY[byte]!)).toBe(byte);
  });
});

describe('Otsu’s threshold', () => {
  it('lies between two heaps of values', () => {
    const values = [...Array(50).fill(0.1), ...Array(20).fill(0.9)];
    const cut = otsuThreshold(values, 0, 1);
    expect(cut).toBeGreaterThan(0.11);
    expect(cut).toBeLessThan(0.9);
  });

  it('leaves nothing above it where all values are equal, or there are none', () => {
    expect(otsuThreshold([0.4, 0.4, 0.4], 0, 1)).toBe(1);
    expect(otsuThreshold([], 0, 1)).toBe(1);
  });
});

it('the plain method finds dark spots on pink', () => {
  const image = spotted(200, 200, 3);
  const truth = truthOf(image);
  const found = thresholdNuclei(image);
  const wrong = found.reduce((sum, value, i) => sum + (value + 1 === truth[i] ? 0 : 1), 0);
  expect(truth.includes(2)).toBe(true);
  expect(wrong / truth.length).toBeLessThan(0.03);
});
