import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { differentiate } from '../../../src/core/nn/grad.ts';
import { crossEntropy, focal, type PixelTerms, pixelTerms, softDice } from '../../../src/core/nn/losses.ts';
import { openReferenceModel } from '../../../src/core/nn/reference.ts';
import { mulberry32, normals } from './fixture-values.ts';
import { CONV3D } from './gradient-check.ts';

type Loss = (g: GraphBuilder, terms: PixelTerms) => string;

const DIMS = [2, 4, 8, 8] as const;
const PIXELS = 128;
const LABELS = Int32Array.from({ length: PIXELS }, (_, i) => {
  const [n, y, x] = [Math.floor(i / 64), Math.floor(i / 8) % 8, i % 8];
  return (Math.floor(x / 3) + Math.floor(y / 3) * (n + 1)) % 4;
});

/** Loss and its gradient by the logits N(21, 512), in double precision. */
async function evaluate(
  loss: Loss,
  { target = LABELS, weight = new Float32Array(PIXELS).fill(1), logits = normals(21, 512) } = {},
) {
  const g = new GraphBuilder();
  const input = g.input('logits', 'float32', DIMS);
  const [n, , h, w] = DIMS;
  const terms = pixelTerms(
    g,
    input,
    g.input('target', 'int32', [n, 1, h, w]),
    g.input('weight', 'float32', [n, 1, h, w]),
  );
  const value = loss(g, terms);
  g.output('loss', value);
  g.output('slope', differentiate(g, { of: value, by: [input], lowering: CONV3D }).get(input)!);
  const session = openReferenceModel(g.finish('loss'), { precision: 'float64' });
  const result = await session.run({
    logits: { type: 'float64', dims: DIMS, data: logits },
    target: { type: 'int32', dims: [n, 1, h, w], data: target },
    weight: { type: 'float32', dims: [n, 1, h, w], data: weight },
  });
  return { value: Number(result.loss.data[0]), slope: result.slope.data as Float64Array };
}

const length = (values: Float64Array) => Math.hypot(...values);

describe('the fixture generators', () => {
  it('give the values that the specification prints', () => {
    const one = mulberry32(1);
    expect([one(), one(), one()]).toEqual([0.6270739405881613, 0.002735721180215478, 0.5274470399599522]);
    const expected = [0.965974059, 0.0166058053, 1.1231041938, -0.1343525351];
    for (const [i, value] of normals(1, 4).entries()) expect(value).toBeCloseTo(expected[i], 9);
  });
});

describe('losses agree with independent values (specification D5):', () => {
  it('cross-entropy', async () => {
    const { value, slope } = await evaluate(crossEntropy);
    expect(value).toBeCloseTo(1.7770764712, 9);
    expect(length(slope)).toBeCloseTo(0.0838420999, 9);
    expect(slope[0]).toBeCloseTo(-0.0075434836, 9);
    expect(slope[1]).toBeCloseTo(-0.0046629278, 9);
    expect(slope[2]).toBeCloseTo(-0.0067173671, 9);
  });

  it('focal', async () => {
    const { value, slope } = await evaluate(focal);
    expect(value).toBeCloseTo(1.3113623746, 9);
    expect(length(slope)).toBeCloseTo(0.0940123802, 9);
    expect(slope[0]).toBeCloseTo(-0.0087227244, 9);
  });

  it('soft Dice, sample by sample', async () => {
    const { value, slope } = await evaluate((g, terms) => softDice(g, terms, { over: 'sample' }));
    expect(value).toBeCloseTo(0.7315884883, 9);
    expect(length(slope)).toBeCloseTo(0.017191377, 9);
  });
});

const LOSSES: Readonly<Record<string, Loss>> = { 'cross-entropy': crossEntropy, focal, 'soft Dice': softDice };

describe('pixel weights', () => {
  for (const [name, loss] of Object.entries(LOSSES)) {
    it(`make ${name} 0, with gradient 0, where nothing counts`, async () => {
      const { value, slope } = await evaluate(loss, { weight: new Float32Array(PIXELS) });
      expect(value).toBe(0);
      expect(slope.every((v) => Math.abs(v) === 0)).toBe(true);
    });

    it(`keep ignored pixels out of ${name}, whatever stands there`, async () => {
      const weight = Float32Array.from({ length: PIXELS }, (_, i) => (i % 3 === 0 ? 0 : 1));
      const clean = await evaluate(loss, { weight });
      const dirty = await evaluate(loss, {
        weight,
        target: LABELS.map((label, i) => (i % 3 === 0 ? 3 - label : label)),
      });
      expect(dirty.value).toBe(clean.value);
      for (let i = 0; i < 64; i += 3) expect(Math.abs(clean.slope[i])).toBe(0);
    });

    it(`treat a target that is no class as weight 0 in ${name}`, async () => {
      const weight = Float32Array.from({ length: PIXELS }, (_, i) => (i % 5 === 0 ? 0 : 1));
      const ignored = await evaluate(loss, { weight });
      const unknown = await evaluate(loss, { target: LABELS.map((label, i) => (i % 5 === 0 ? 255 : label)) });
      expect(unknown.value).toBeCloseTo(ignored.value, 12);
    });

    it(`leave ${name} finite for logits far apart`, async () => {
      const { value, slope } = await evaluate(loss, { logits: normals(21, 512).map((v) => v * 1e4) });
      expect(Number.isFinite(value)).toBe(true);
      expect(slope.every(Number.isFinite)).toBe(true);
    });
  }

  it('of one tile at a time make both ways to sum soft Dice agree', async () => {
    const weight = Float32Array.from({ length: PIXELS }, (_, i) => (i < 64 ? 1 : 0));
    const batch = await evaluate(softDice, { weight });
    const sample = await evaluate((g, terms) => softDice(g, terms, { over: 'sample' }), { weight });
    // The sample that does not count is perfect, so the mean over samples is half.
    expect(sample.value).toBeCloseTo(batch.value / 2, 12);
  });

  it('do not change cross-entropy when all are doubled', async () => {
    const plain = await evaluate(crossEntropy);
    const doubled = await evaluate(crossEntropy, { weight: new Float32Array(PIXELS).fill(2) });
    expect(doubled.value).toBeCloseTo(plain.value, 12);
  });
});
