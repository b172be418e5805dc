import { describe, expect, test } from 'vitest';
import { rasterisePolygon, rasteriseStroke } from '../../../src/core/mask/rasterise.ts';
import { createMaskGrid, type MaskGrid } from '../../../src/core/mask/tile-grid.ts';
import { createRandom } from '../../../src/core/random.ts';

type Draw = (sink: (y: number, x0: number, x1: number) => void) => void;

/** Paints spans on a plain picture and checks the promises that every span keeps. */
function paint(grid: MaskGrid, draw: Draw, picture: Uint8Array = new Uint8Array(grid.width * grid.height)): Uint8Array {
  let lastY = -1;
  let lastEnd = -1;
  let broken = 0;
  draw((y, x0, x1) => {
    if (![y, x0, x1].every(Number.isInteger)) broken++;
    if (x0 < 0 || x1 > grid.width || y < 0 || y >= grid.height || x0 >= x1) broken++;
    if (y < lastY || (y === lastY && x0 <= lastEnd)) broken++;
    lastY = y;
    lastEnd = x1;
    picture.fill(1, y * grid.width + x0, y * grid.width + x1);
  });
  expect(broken).toBe(0);
  return picture;
}

const count = (picture: Uint8Array) => picture.reduce((sum, pixel) => sum + pixel, 0);
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

function distanceToSegment(x: number, y: number, [ax, ay, bx, by]: readonly number[]): number {
  const dx = bx! - ax!;
  const dy = by! - ay!;
  const square = dx * dx + dy * dy;
  const t = square === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax!) * dx + (y - ay!) * dy) / square));
  return Math.hypot(x - ax! - t * dx, y - ay! - t * dy);
}

function isInsideEvenOdd(x: number, y: number, points: readonly number[]): boolean {
  let inside = false;
  for (let i = 0, j = points.length - 2; i < points.length; j = i, i += 2) {
    const [ax, ay, bx, by] = [points[i]!, points[i + 1]!, points[j]!, points[j + 1]!];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

function randomWalk(seed: number, count: number, size: number): number[] {
  const random = createRandom(seed);
  let x = random.next() * size;
  let y = random.next() * size;
  return Array.from({ length: count }, () => {
    x += random.normal() * 12;
    y += random.next() < 0.2 ? 0 : random.normal() * 12;
    return [x, y];
  }).flat();
}

describe('a brush stroke', () => {
  test('takes every pixel whose centre is within the radius of the line, and no other', () => {
    let wrong = 0;
    for (let seed = 0; seed < 40; seed++) {
      const downsample = 2 ** (seed % 3);
      const grid = createMaskGrid(150 * downsample, 120 * downsample, downsample);
      const points = randomWalk(seed, 1 + (seed % 7), 120 * downsample);
      const radius = (0.8 + (seed % 9)) * downsample;
      const picture = paint(grid, (sink) => rasteriseStroke({ points, radius }, grid, sink));
      for (let y = 0; y < grid.height; y++) {
        for (let x = 0; x < grid.width; x++) {
          let distance = Number.POSITIVE_INFINITY;
          for (let i = 0; i < Math.max(2, points.length - 2); i += 2) {
            const piece = points.length === 2 ? [...points, ...points] : points.slice(i, i + 4);
            distance = Math.min(distance, distanceToSegment((x + 0.5) * downsample, (y + 0.5) * downsample, piece));
          }
          if (Math.abs(distance - radius) < 1e-9) continue;
          if (picture[y * grid.width + x] !== (distance < radius ? 1 : 0)) wrong++;
        }
      }
    }
    expect(wrong).toBe(0);
  });

  test('drawn piece by piece, in any batches, is the stroke drawn whole', () => {
    for (let seed = 0; seed < 150; seed++) {
      const random = createRandom(seed + 1000);
      const grid = createMaskGrid(700, 500, 2 ** random.int(4));
      const points = randomWalk(seed, 2 + random.int(60), 500);
      const radius = 0.3 + random.next() * 60;
      const whole = paint(grid, (sink) => rasteriseStroke({ points, radius }, grid, sink));
      const pieces = paint(grid, (sink) => rasteriseStroke({ points: points.slice(0, 2), radius }, grid, sink));
      for (let from = 0; from + 2 < points.length; ) {
        const to = Math.min(points.length, from + 4 + 2 * random.int(5));
        paint(grid, (sink) => rasteriseStroke({ points: points.slice(from, to), radius }, grid, sink), pieces);
        from = to - 2;
      }
      expect(same(whole, pieces)).toBe(true);
    }
  });

  test('of one point is a disc; resting on a point adds nothing', () => {
    const grid = createMaskGrid(100, 100, 1);
    const disc = paint(grid, (sink) => rasteriseStroke({ points: [50, 50], radius: 10 }, grid, sink));
    expect(Math.abs(count(disc) - Math.PI * 100)).toBeLessThan(12);
    const rest = paint(grid, (sink) => rasteriseStroke({ points: [50, 50, 50, 50, 50, 50], radius: 10 }, grid, sink));
    expect(same(disc, rest)).toBe(true);
  });

  test('marks a pixel wherever a click lands on the slide, however thin the brush', () => {
    const grid = createMaskGrid(640, 640, 64);
    const random = createRandom(3);
    for (let i = 0; i < 500; i++) {
      const points = [random.next() * 640, random.next() * 640];
      expect(count(paint(grid, (sink) => rasteriseStroke({ points, radius: 0.001 }, grid, sink)))).toBeGreaterThan(0);
    }
  });

  test('far off the slide, or as long as numbers go, marks only what lies on the slide', () => {
    const grid = createMaskGrid(50, 40, 1);
    const far = paint(grid, (sink) => rasteriseStroke({ points: [-1e300, -1e300], radius: 5 }, grid, sink));
    expect(count(far)).toBe(0);
    const all = paint(grid, (sink) => rasteriseStroke({ points: [0, 0], radius: 1e308 }, grid, sink));
    expect(count(all)).toBe(50 * 40);
    const across = paint(grid, (sink) => rasteriseStroke({ points: [-1e15, 20, 1e15, 20], radius: 3 }, grid, sink));
    expect(count(across)).toBe(50 * 6);
  });

  test.each([
    ['no point', [], 5],
    ['half a point', [1, 2, 3], 5],
    ['NaN', [1, Number.NaN], 5],
    ['infinity', [1, 2, Number.POSITIVE_INFINITY, 2], 5],
    ['a hole in the list', [1, 2, undefined as unknown as number, 2], 5],
    ['a radius of nothing', [1, 2], 0],
    ['a negative radius', [1, 2], -3],
    ['a radius that is no number', [1, 2], Number.NaN],
    ['an endless radius', [1, 2], Number.POSITIVE_INFINITY],
  ])('with %s is refused', (_, points, radius) => {
    const grid = createMaskGrid(50, 40, 1);
    expect(() => rasteriseStroke({ points, radius }, grid, () => {})).toThrowError(
      expect.objectContaining({ code: 'bad-input' }),
    );
  });

  test('of a million points is drawn; one that would hold the database for minutes is refused at once', () => {
    const grid = createMaskGrid(100_000, 100_000, 1);
    const points = Float64Array.from({ length: 2_000_000 }, (_, i) =>
      i % 2 === 0 ? i / 25 : 50_000 + Math.sin(i / 9e4) * 4e4,
    );
    let pixels = 0;
    rasteriseStroke({ points, radius: 3 }, grid, (_y, x0, x1) => {
      pixels += x1 - x0;
    });
    expect(pixels).toBeGreaterThan(500_000);
    expect(() => rasteriseStroke({ points, radius: 2000 }, grid, () => {})).toThrowError(
      expect.objectContaining({ code: 'bad-input' }),
    );
  });
});

describe('a polygon', () => {
  test('takes every pixel whose centre is inside by the even-odd rule, crossings of itself included', () => {
    let wrong = 0;
    for (let seed = 0; seed < 60; seed++) {
      const random = createRandom(seed);
      const grid = createMaskGrid(90, 70, 1);
      const points = Array.from({ length: 2 * (3 + random.int(12)) }, () => random.next() * 130 - 25);
      const picture = paint(grid, (sink) => rasterisePolygon(points, grid, sink));
      for (let y = 0; y < grid.height; y++) {
        for (let x = 0; x < grid.width; x++) {
          if (picture[y * grid.width + x] !== (isInsideEvenOdd(x + 0.5, y + 0.5, points) ? 1 : 0)) wrong++;
        }
      }
    }
    expect(wrong).toBe(0);
  });

  test('and its neighbour share an edge without overlap and without a gap, also through pixel centres', () => {
    const grid = createMaskGrid(64, 64, 1);
    for (const split of [20, 20.5, 33.25]) {
      const left = paint(grid, (sink) => rasterisePolygon([0, 0, split, 0, split + 9.5, 64, 0, 64], grid, sink));
      const right = paint(grid, (sink) => rasterisePolygon([split + 9.5, 64, split, 0, 64, 0, 64, 64], grid, sink));
      expect(left.every((pixel, i) => pixel + right[i]! === 1)).toBe(true);
    }
  });

  test('of whole pixels is exactly those pixels, at every downsample', () => {
    for (const downsample of [1, 2, 8]) {
      const grid = createMaskGrid(100 * downsample, 100 * downsample, downsample);
      const [x0, y0, x1, y1] = [10 * downsample, 20 * downsample, 31 * downsample, 55 * downsample];
      const picture = paint(grid, (sink) => rasterisePolygon([x0, y0, x1, y0, x1, y1, x0, y1], grid, sink));
      expect(count(picture)).toBe(21 * 35);
    }
  });

  test('that is a line, or lies off the slide, marks nothing; one around the slide marks all of it', () => {
    const grid = createMaskGrid(40, 30, 1);
    const pixels = (points: number[]) => count(paint(grid, (sink) => rasterisePolygon(points, grid, sink)));
    expect(pixels([3, 3, 20, 20, 3, 3])).toBe(0);
    expect(pixels([3, 5.5, 20, 5.5, 30, 5.5])).toBe(0);
    expect(pixels([-50, -50, -10, -50, -10, -10])).toBe(0);
    expect(pixels([-1e300, -1e300, 1e300, -1e300, 1e300, 1e300, -1e300, 1e300])).toBe(40 * 30);
  });

  test.each([
    ['two points', [1, 2, 3, 4]],
    ['an odd list', [1, 2, 3, 4, 5, 6, 7]],
    ['NaN', [1, 2, 3, 4, Number.NaN, 6]],
  ])('with %s is refused', (_, points) => {
    expect(() => rasterisePolygon(points, createMaskGrid(40, 30, 1), () => {})).toThrowError(
      expect.objectContaining({ code: 'bad-input' }),
    );
  });

  test('of two hundred thousand points in a ring is filled, holes between its turns open', () => {
    const grid = createMaskGrid(4000, 4000, 1);
    const points = Float64Array.from({ length: 400_000 }, (_, i) => {
      const turn = ((i >> 1) / 200_000) * 2 * Math.PI;
      return 2000 + 1500 * (i % 2 === 0 ? Math.cos(turn) : Math.sin(turn));
    });
    let pixels = 0;
    rasterisePolygon(points, grid, (_y, x0, x1) => {
      pixels += x1 - x0;
    });
    expect(Math.abs(pixels - Math.PI * 1500 ** 2) / (Math.PI * 1500 ** 2)).toBeLessThan(1e-3);
  });
});
