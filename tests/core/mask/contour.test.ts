import { describe, expect, it } from 'vitest';
import { type ContourPolygon, createContourSweep, traceContours } from '../../../src/core/mask/contour.ts';
import { fillPolygons } from '../../../src/core/mask/contour-fill.ts';
import { type Ring, signedArea } from '../../../src/core/mask/contour-ring.ts';
import { createRandom } from '../../../src/core/random.ts';

interface Mask {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A mask drawn as text: a digit is a label, anything else nothing. */
function drawn(...rows: string[]): Mask {
  const width = rows[0]!.length;
  const data = Uint8Array.from(rows.join(''), (char) => (/\d/.test(char) ? Number(char) : 0));
  return { width, height: rows.length, data };
}

function refilled(polygons: readonly ContourPolygon[], mask: Mask): Uint8Array {
  return fillPolygons(polygons, { widthPx: mask.width, heightPx: mask.height });
}

/** 4-connected regions by flood fill: the slow truth. Areas, sorted, by label. */
function slowRegions(mask: Mask): string[] {
  const seen = new Uint8Array(mask.data.length);
  const regions: string[] = [];
  for (let start = 0; start < seen.length; start++) {
    const label = mask.data[start]!;
    if (label === 0 || seen[start]) continue;
    const stack = [start];
    seen[start] = 1;
    let area = 0;
    while (stack.length > 0) {
      const pixel = stack.pop()!;
      area++;
      const x = pixel % mask.width;
      const near = [pixel - mask.width, pixel + mask.width];
      if (x > 0) near.push(pixel - 1);
      if (x < mask.width - 1) near.push(pixel + 1);
      for (const other of near) {
        if (mask.data[other] !== label || seen[other]) continue;
        seen[other] = 1;
        stack.push(other);
      }
    }
    regions.push(`${label}:${area}`);
  }
  return regions.sort();
}

function expectValid(ring: Ring, sign: 1 | -1): void {
  const corners = new Set<string>();
  for (let i = 0; i < ring.length; i += 2) {
    corners.add(`${ring[i]},${ring[i + 1]}`);
    const [before, next] = [(i + ring.length - 2) % ring.length, (i + 2) % ring.length];
    const horizontal = ring[i + 1] === ring[next + 1];
    expect(horizontal || ring[i] === ring[next]).toBe(true);
    expect(horizontal ? ring[i] === ring[before] : ring[i + 1] === ring[before + 1]).toBe(true);
  }
  expect(corners.size).toBe(ring.length / 2);
  expect(Math.sign(signedArea(ring))).toBe(sign);
}

function randomMask(seed: number): Mask {
  const random = createRandom(seed);
  const width = 1 + random.int(24);
  const height = 1 + random.int(24);
  const labels = 1 + random.int(3);
  const density = random.next();
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) if (random.next() < density) data[i] = 1 + random.int(labels);
  for (let rectangles = random.int(6); rectangles > 0; rectangles--) {
    const [x, y] = [random.int(width), random.int(height)];
    const label = random.int(labels + 1);
    for (let row = y; row < Math.min(height, y + 1 + random.int(9)); row++) {
      data.fill(label, row * width + x, row * width + Math.min(width, x + 1 + random.int(9)));
    }
  }
  return { width, height, data };
}

describe('contours of a mask', () => {
  it('outline one pixel by its four corners, counterclockwise by its numbers', () => {
    const [polygon, ...others] = traceContours(drawn('...', '.3.', '...'));
    expect(others).toEqual([]);
    expect(polygon).toEqual({
      label: 3,
      areaPx: 1,
      bounds: { x: 1, y: 1, width: 1, height: 1 },
      outer: [1, 1, 2, 1, 2, 2, 1, 2],
      holes: [],
      tallies: [0, 0, 0, 0],
    });
  });

  it('turn a hole clockwise and let another object lie in it', () => {
    const polygons = traceContours(drawn('11111', '1...1', '1.2.1', '1...1', '11111'));
    expect(polygons.map(({ label, areaPx }) => [label, areaPx])).toEqual([
      [2, 1],
      [1, 16],
    ]);
    expect(polygons[1]!.holes).toEqual([[1, 1, 1, 4, 4, 4, 4, 1]]);
  });

  it('make two objects of pixels that meet at a corner only', () => {
    const polygons = traceContours(drawn('1.', '.1'));
    expect(polygons.map(({ outer }) => outer)).toEqual([
      [0, 0, 1, 0, 1, 1, 0, 1],
      [1, 1, 2, 1, 2, 2, 1, 2],
    ]);
  });

  it('cut a ring that closes on itself over a corner into an outer ring and a hole', () => {
    const mask = drawn('111', '1.1', '11.');
    const [polygon] = traceContours(mask);
    expect(polygon!.holes).toEqual([[1, 1, 1, 2, 2, 2, 2, 1]]);
    expectValid(polygon!.outer, 1);
    expect(refilled([polygon!], mask)).toEqual(mask.data);
  });

  it('cut a hole that touches itself over a corner into two', () => {
    const [polygon] = traceContours(drawn('1111', '1.11', '11.1', '1111'));
    expect(polygon!.holes).toHaveLength(2);
    for (const hole of polygon!.holes) expectValid(hole, -1);
  });

  it('give back exactly their pixels for 1500 random masks, as valid rings of the right regions', () => {
    for (let seed = 0; seed < 1500; seed++) {
      const mask = randomMask(seed);
      const polygons = traceContours(mask);
      expect(refilled(polygons, mask), `seed ${seed}`).toEqual(mask.data);
      expect(polygons.map(({ label, areaPx }) => `${label}:${areaPx}`).sort(), `seed ${seed}`).toEqual(
        slowRegions(mask),
      );
      if (seed % 5 > 0) continue;
      for (const { outer, holes, areaPx } of polygons) {
        expectValid(outer, 1);
        for (const hole of holes) expectValid(hole, -1);
        const area = holes.reduce((sum, hole) => sum + signedArea(hole), signedArea(outer));
        expect(area, `seed ${seed}`).toBe(areaPx);
      }
    }
  });

  it('follow a spiral and a comb one pixel wide', () => {
    const size = 101;
    const data = new Uint8Array(size * size);
    let [x, y, dx, dy] = [0, 0, 1, 0];
    for (let length = size; length > 0; length -= dx === 0 ? 0 : 2) {
      for (let step = 0; step < length - 1; step++, x += dx, y += dy) data[y * size + x] = 2;
      [dx, dy] = [-dy, dx];
    }
    for (let tooth = 0; tooth < size; tooth += 2) data[(size - 1) * size + tooth] = 2;
    const mask = { width: size, height: size, data };
    expect(refilled(traceContours(mask), mask)).toEqual(data);
  });

  it('say nothing of an empty mask, one without width or height, and labels to be ignored', () => {
    expect(traceContours(drawn('....', '....'))).toEqual([]);
    expect(traceContours({ width: 0, height: 0, data: new Uint8Array(0) })).toEqual([]);
    const sweep = createContourSweep(2, [1]);
    expect(sweep.pushRow({ labels: Uint8Array.of(1, 2) })).toEqual([]);
    expect(sweep.end().map(({ label }) => label)).toEqual([2]);
  });
});

describe('a contour sweep', () => {
  it('lets go of an object as soon as the row below it has passed', () => {
    const sweep = createContourSweep(3);
    expect(sweep.pushRow({ labels: Uint8Array.of(1, 0, 1) })).toEqual([]);
    expect(sweep.pushRow({ labels: Uint8Array.of(0, 0, 1) })).toHaveLength(1);
    expect(sweep.skipRows(5).map(({ bounds }) => bounds)).toEqual([{ x: 2, y: 0, width: 1, height: 2 }]);
    sweep.pushRow({ labels: Uint8Array.of(0, 1, 0) });
    expect(sweep.end().map(({ bounds }) => bounds)).toEqual([{ x: 1, y: 7, width: 1, height: 1 }]);
  });

  it("counts each object's pixels by tally and keeps a run that crosses two spans in one piece", () => {
    const sweep = createContourSweep(6);
    const tally = Uint8Array.of(1, 1, 2, 3, 0, 0);
    sweep.pushRow({ labels: Uint8Array.of(1, 1, 1, 1, 0, 1), spans: [0, 2, 2, 4], tally });
    const [polygon, ...others] = sweep.end();
    expect(others).toEqual([]);
    expect(polygon).toMatchObject({ areaPx: 4, tallies: [0, 2, 1, 1], outer: [0, 0, 4, 0, 4, 1, 0, 1] });
  });

  it('tells objects in the same order whatever labels they have', () => {
    const mask = randomMask(77);
    const swapped = { ...mask, data: mask.data.map((label) => (label === 1 ? 2 : label === 2 ? 1 : label)) };
    const key = ({ outer }: ContourPolygon) => outer.join();
    expect(traceContours(swapped).map(key)).toEqual(traceContours(mask).map(key));
  });

  it('keeps only open objects: a mask 2^18 rows high passes through without growing', () => {
    const sweep = createContourSweep(4);
    const rows = [Uint8Array.of(1, 0, 0, 2), Uint8Array.of(0, 1, 0, 0)];
    let objects = 0;
    for (let y = 0; y < 2 ** 18; y++) objects += sweep.pushRow({ labels: rows[y & 1]! }).length;
    expect(objects + sweep.end().length).toBe(2 ** 17 * 3);
  });
});
