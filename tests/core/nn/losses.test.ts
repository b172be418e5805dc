import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/core/nn/builder.ts';
import { differentiate } from '../../../src/core/nn/grad.ts';
import { crossEntropy, focal, type PixelTerms, pixelTerms, softDice, tversky } from '../../../src/core/nn/losses.ts';
import { lovasz } from '../../../src/core/nn/losses-lovasz.ts';
import { structure } from '../../../src/core/nn/losses-structure.ts';
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

/** Value, length and first entries of the gradient. Our C = 0.01 is a float32, so agreement is to 1e-7. */
const STRUCTURE = {
  seed: [2.5053454847, 0.1962525683, -0.0114711404, -0.0193563281, -0.0136606552],
  pixel: [3.0573101122, 0.1994407935, -0.0181501201, -0.0120167252, -0.0163807886],
  'class-pixel': [1.3706108888, 0.0950995443, -0.0097487789, -0.0056661884, -0.009122658],
} as const;

describe('the structural loss of the seeds (specification D5)', () => {
  for (const [variant, [expected, norm, ...first]] of Object.entries(STRUCTURE)) {
    it(`is the specification’s in variant ${variant}`, async () => {
      const { value, slope } = await evaluate((g, terms) => structure(g, terms, { variant: variant as 'seed' }));
      expect(value).toBeCloseTo(expected, 7);
      expect(length(slope)).toBeCloseTo(norm, 7);
      first.forEach((entry, i) => {
        expect(slope[i]).toBeCloseTo(entry, 7);
      });
    });
  }

  it('adds up with focal as system 1 adds them', async () => {
    const { value, slope } = await evaluate((g, terms) =>
      g.add(structure(g, terms, { variant: 'seed' }), focal(g, terms)),
    );
    expect(value).toBeCloseTo(3.8167078593, 7);
    expect(length(slope)).toBeCloseTo(0.2810579061, 7);
    expect(slope[0]).toBeCloseTo(-0.0201938648, 7);
  });

  it('stays finite where only one class is in the truth', async () => {
    const { value, slope } = await evaluate((g, terms) => structure(g, terms, { variant: 'seed' }), {
      target: new Int32Array(PIXELS),
    });
    expect(value).toBeCloseTo(2.2076700717, 7);
    expect(slope.every(Number.isFinite)).toBe(true);
  });

  it('and Tversky over all classes are the specification’s', async () => {
    const { value, slope } = await evaluate((g, terms) =>
      tversky(g, terms, { alpha: 0.75, beta: 0.25, over: 'sample', classes: 'together' }),
    );
    expect(value).toBeCloseTo(0.7422216166, 9);
    expect(length(slope)).toBeCloseTo(0.017626533, 9);
  });
});

const LOSSES: Readonly<Record<string, Loss>> = {
  'cross-entropy': crossEntropy,
  'smoothed cross-entropy': (g, terms) => crossEntropy(g, terms, { labelSmoothing: 0.1, classWeights: [1, 2, 3, 4] }),
  focal,
  'focal with γ below 1': (g, terms) => focal(g, terms, { gamma: 0.5 }),
  'soft Dice': softDice,
  tversky,
  'the structural loss': structure,
  'its seed variant': (g, terms) => structure(g, terms, { variant: 'seed' }),
  'Lovász-softmax': lovasz,
};

describe('Lovász-softmax', () => {
  it('counts a pixel of weight 3 as three pixels', async () => {
    const thrice = Float32Array.from({ length: PIXELS }, (_, i) => (i % 2 === 0 ? 3 : 1));
    const heavy = await evaluate(lovasz, { weight: thrice });
    const plain = await evaluate(lovasz);
    const triple = await evaluate(lovasz, { weight: thrice.fill(3) });
    expect(triple.value).toBeCloseTo(plain.value, 12);
    expect(Math.abs(heavy.value - plain.value)).toBeGreaterThan(1e-4);
  });

  it('is nearly the same from half the pixels, those with the largest errors', async () => {
    const whole = await evaluate(lovasz);
    const half = await evaluate((g, terms) => lovasz(g, terms, { mostPixels: PIXELS / 2 }));
    expect(half.value).toBeLessThan(whole.value);
    expect(half.value).toBeGreaterThan(whole.value * 0.9);
    expect(half.slope.filter((v) => v !== 0).length).toBeGreaterThan(0);
  });
});

describe('pixel weights', () => {
  for (const [name, loss] of Object.entries(LOSSES)) {
    it(`make ${name} 0, with gradient 0, where nothing counts`, async () => {
      const { value, slope } = await evaluate(loss, { weight: new Float32Array(PIXELS) });
      expect(Math.abs(value)).toBe(0);
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
