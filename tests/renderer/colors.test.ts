/** Every text can be read, and class colours are told apart by colour-blind eyes too. */
import { describe, expect, test } from 'vitest';
import { ACCEPTED_BIT } from '../../src/core/label.ts';
import { CLASS_PRESETS, contrast, fills, inks, surfaces } from '../../src/renderer/colors.ts';
import { makePalette, ORIGIN_COLORS, rgbOf } from '../../src/renderer/viewer/palette.ts';

test('contrast is that of WCAG: black on white is 21, a colour on itself 1', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 6);
  expect(contrast('#777777', '#777777')).toBe(1);
  expect(contrast('#ffffff', '#767676')).toBeCloseTo(4.54, 2);
});

const grounds = [surfaces.page, surfaces.panel, surfaces.raised, surfaces.hover];
test.each(Object.entries(inks))('%s text reads on every surface', (_name, ink) => {
  for (const ground of grounds) expect(contrast(ink, ground)).toBeGreaterThanOrEqual(4.5);
});

test.each(Object.entries(fills))('white reads on %s', (_name, fill) => {
  expect(contrast('#ffffff', fill)).toBeGreaterThanOrEqual(4.5);
});

/** Machado, Oliveira, Fernandes 2009, table 1, severity 1.0, on linear RGB. */
const DEFICIENCIES = {
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
  none: [1, 0, 0, 0, 1, 0, 0, 0, 1],
} as const;

function seen(color: string, matrix: readonly number[]): number[] {
  const linear = rgbOf(color).map((channel) => (channel / 255) ** 2.2);
  const row = (i: number) =>
    Math.max(
      0,
      linear.reduce((sum, value, k) => sum + value * matrix[3 * i + k]!, 0),
    );
  return lab([row(0), row(1), row(2)]);
}

/** CIE L*a*b* (D65) of linear sRGB. */
function lab([r, g, b]: [number, number, number]): number[] {
  const f = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function nearest(colors: readonly string[], matrix: readonly number[]): number {
  let least = Number.POSITIVE_INFINITY;
  colors.forEach((one, i) => {
    for (const other of colors.slice(i + 1)) {
      const [a, b] = [seen(one, matrix), seen(other, matrix)];
      least = Math.min(least, Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!, a[2]! - b[2]!));
    }
  });
  return least;
}

describe.each(Object.entries(DEFICIENCIES))('with %s', (_name, matrix) => {
  test('no two preset colours look alike', () => {
    expect(nearest(CLASS_PRESETS, matrix)).toBeGreaterThan(9);
  });
  test('origins are told apart at a glance', () => {
    expect(nearest(Object.values(ORIGIN_COLORS), matrix)).toBeGreaterThan(35);
  });
});

describe('the palette of mask bytes', () => {
  const look = {
    classes: [
      { id: 1, name: 'Background', color: '#5b6472' },
      { id: 2, name: 'Nucleus', color: '#f2c14e' },
    ],
    hiddenClasses: new Set<number>(),
    fill: true,
    opacity: 1,
    showOrigin: false,
  };
  const alpha = (value: number | undefined) => (value ?? 0) >>> 24;

  test('nothing said is nothing shown, nor is a model’s background, accepted or not', () => {
    const { human, predicted } = makePalette(look);
    expect([human[0], predicted[0], predicted[1], human[1 | ACCEPTED_BIT]]).toEqual([0, 0, 0, 0]);
    expect(alpha(human[1])).toBeGreaterThan(0);
  });

  test('a hidden class is hidden whoever said it', () => {
    const { human, predicted } = makePalette({ ...look, hiddenClasses: new Set([2]) });
    expect([human[2], human[2 | ACCEPTED_BIT], predicted[2]]).toEqual([0, 0, 0]);
  });

  test('accepted differs from drawn in outlines and by origin, and not when filled', () => {
    const differs = (change: object) => {
      const { human } = makePalette({ ...look, ...change });
      return human[2] !== human[2 | ACCEPTED_BIT];
    };
    expect([differs({}), differs({ fill: false }), differs({ showOrigin: true })]).toEqual([false, true, true]);
  });
});
