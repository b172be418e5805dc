import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isHistoloopError } from '../../../src/core/errors.ts';
import { createRandom } from '../../../src/core/random.ts';
import {
  type ImportedLabels,
  type LabelTarget,
  labelImageToTiles,
  readGeoJsonLabels,
} from '../../../src/main/dataset/read-labels.ts';
import { describeWithData } from '../../fixtures/shared-data.ts';
import { CLASSES } from './drawn-project.ts';

const target: LabelTarget = { widthPx: 1200, heightPx: 900, maskDownsample: 1, classes: CLASSES, mapping: null };
const square = (x: number, y: number, size: number) => [
  [x, y],
  [x + size, y],
  [x + size, y + size],
  [x, y + size],
  [x, y],
];
const feature = (coordinates: unknown, className: unknown = 'Tumour', type = 'Polygon') => ({
  type: 'Feature',
  geometry: { type, coordinates },
  properties: { classification: { name: className } },
});
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const read = (value: unknown, change: Partial<LabelTarget> = {}) =>
  readGeoJsonLabels(bytes(value), { ...target, ...change });

/** Pixels by label over all tiles. */
function pixels({ tiles }: ImportedLabels): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { labels } of tiles) for (const label of labels) if (label !== 0) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(isHistoloopError(error) && error.code, String(error)).toBe('bad-input');
    return (error as Error).message;
  }
  throw new Error('it was not refused');
}

describe('a GeoJSON mask', () => {
  it('is the same as a collection, a bare array, one feature, or with a byte order mark', () => {
    const one = feature([square(10, 20, 30), square(15, 25, 10)]);
    const expected = read(one);
    expect(pixels(expected)).toEqual({ 2: 800 });
    expect(read({ type: 'FeatureCollection', features: [one] })).toEqual(expected);
    expect(read([one])).toEqual(expected);
    expect(read(`\uFEFF${JSON.stringify(one)}`)).toEqual(expected);
    expect(pixels(read(one.geometry, { mapping: { '': 3 } }))).toEqual({ 3: 800 });
  });

  it('crosses tiles, and comes row by row', () => {
    const { tiles, counts } = read(feature([square(500, 500, 30)]));
    expect(tiles.map(({ column, row }) => [column, row])).toEqual([
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ]);
    expect(counts).toEqual(new Map([[2, 1]]));
    expect(tiles[0]!.labels[511 * 512 + 511]).toBe(2);
    expect(tiles[3]!.labels[17 * 512 + 17]).toBe(2);
    expect(tiles[3]!.labels[18 * 512 + 18]).toBe(0);
  });

  it('unites the parts of a MultiPolygon and lets later objects lie over earlier ones', () => {
    const parts = [[square(0, 0, 10)], [square(5, 0, 10)]];
    expect(pixels(read(feature(parts, 'Tumour', 'MultiPolygon')))).toEqual({ 2: 150 });
    expect(pixels(read([feature([square(0, 0, 10)]), feature([square(5, 0, 10)], 'Stroma')]))).toEqual({
      2: 50,
      3: 100,
    });
  });

  it('gives every pixel along a shared slanting edge to exactly one of two objects', () => {
    const left = [
      [0, 0],
      [300, 0],
      [100.3, 777.7],
      [0, 777.7],
      [0, 0],
    ];
    const right = [
      [300, 0],
      [400, 0],
      [400, 777.7],
      [100.3, 777.7],
      [300, 0],
    ];
    const both = pixels(read([feature([left]), feature([right], 'Stroma')]));
    expect(both[2]! + both[3]!).toBe(400 * 778);
    expect(pixels(read([feature([right], 'Stroma'), feature([left])]))).toEqual(both);
  });

  it('is halved for a mask pixel of two slide pixels', () => {
    expect(pixels(read(feature([square(10, 10, 20)]), { maskDownsample: 2 }))).toEqual({ 2: 100 });
  });

  it('fills an outline that crosses itself by the even-odd rule', () => {
    const bowTie = [
      [0, 0],
      [10, 10],
      [10, 0],
      [0, 10],
      [0, 0],
    ];
    expect(pixels(read(feature([bowTie])))[2]).toBe(50);
  });

  it('cuts off what lies beyond the edge, but refuses an object beside the slide', () => {
    expect(pixels(read(feature([square(-5, -5, 10)])))).toEqual({ 2: 25 });
    const message = refusal(() => read([feature([square(0, 0, 5)]), feature([square(5000, 0, 9)])]));
    expect(message).toContain('object 2 lies at x 5000…5009');
    expect(message).toContain('belongs to another slide');
  });

  it('names every class that the project lacks, and those without one', () => {
    const file = [
      feature([square(0, 0, 5)], 'tumour'),
      feature([square(0, 0, 5)], 'Necrosis'),
      feature([square(0, 0, 5)], ''),
    ];
    const message = refusal(() => read(file));
    expect(message).toContain('«Necrosis» (1 objects), no class (1 objects)');
    expect(message).toContain('Background, Tumour, Stroma');
  });

  it('follows a mapping, says what it left out, and refuses a class that is not there', () => {
    const file = [feature([square(0, 0, 5)], 'A'), feature([square(50, 0, 5)], 'B'), feature([square(90, 0, 5)], '')];
    const some = read(file, { mapping: { A: 3 } });
    expect(pixels(some)).toEqual({ 3: 25 });
    expect(some.warnings).toEqual(['1 objects of class «B»; left out', '1 objects without a class; left out']);
    expect(pixels(read(file, { mapping: { A: 3, '*': 2, '': 1 } }))).toEqual({ 1: 25, 2: 25, 3: 25 });
    expect(refusal(() => read(file, { mapping: { A: 9 } }))).toContain('«A» is mapped to class 9');
    expect(refusal(() => read(file, { mapping: { toString: 2 } }))).toContain('no polygon to lay on the mask');
  });

  it('reads the class as QuPath wrote it over the years', () => {
    for (const classification of [
      'Stroma',
      { name: 'Stroma', colorRGB: -1 },
      { names: ['Stroma'], color: [1, 2, 3] },
    ]) {
      const one = { ...feature([square(0, 0, 5)]), properties: { classification } };
      expect(pixels(read(one))).toEqual({ 3: 25 });
    }
  });

  it('takes a million corners in seconds', () => {
    const corners = 1_000_000;
    const ring = Array.from({ length: corners }, (_, i) => {
      const angle = (2 * Math.PI * i) / corners;
      const radius = 300 + 20 * Math.sin(angle * 5000);
      return [400 + radius * Math.cos(angle), 400 + radius * Math.sin(angle)];
    });
    const area = pixels(read(feature([ring])))[2]!;
    expect(area / (Math.PI * (300 ** 2 + 20 ** 2 / 2))).toBeCloseTo(1, 2);
  });
});

describe('a damaged GeoJSON mask is refused in one sentence', () => {
  const whole = JSON.stringify([feature([square(10, 20, 30)]), feature([square(100.5, 20, 30)], 'Stroma')]);

  it('cut short anywhere', () => {
    for (let length = 0; length < whole.length; length += 3) refusal(() => read(whole.slice(0, length)));
    expect(refusal(() => read(whole.slice(0, 100)))).toContain('no whole JSON text');
    expect(refusal(() => read(''))).toBe('the file is empty');
  });

  it.each([
    ['NaN', '[[[NaN,0],[1,0],[1,1]]]', 'no whole JSON'],
    ['infinity', '[[[1e999,0],[1,0],[1,1]]]', 'the point Infinity, 0'],
    ['a text', '[[["1",0],[1,0],[1,1]]]', 'the point «1», 0'],
    ['nothing', '[[[null,0],[1,0],[1,1]]]', 'the point null, 0'],
    ['one number', '[[[1],[1,0],[1,1]]]', 'the point 1, undefined'],
    ['no list', '[[5,[1,0],[1,1]]]', 'object 1 has 5 where'],
    ['rings too deep', '[[[[1,0]],[[1,0]],[[1,1]]]]', 'the point a list'],
    ['two corners', '[[[1,0],[1,1]]]', 'a ring of 2 points'],
    ['no ring', '[]', 'no polygon to lay on the mask'],
    ['null', 'null', 'object 1 has null where'],
  ])('with %s among its coordinates', (_, coordinates, sentence) => {
    const text = `{"type":"Feature","geometry":{"type":"Polygon","coordinates":${coordinates}},"properties":{"classification":{"name":"Tumour"}}}`;
    expect(refusal(() => read(text))).toContain(sentence);
  });

  it.each([
    ['a number', '5', 'the file holds 5'],
    ['another JSON', '{"hello":1}', 'no GeoJSON: its type is undefined'],
    ['a list of numbers', '[1,2]', 'object 1 is 1'],
    ['features that are no list', '{"type":"FeatureCollection","features":{}}', 'features are an object'],
    ['no feature', '{"type":"FeatureCollection","features":[]}', 'no polygon'],
    [
      'points only',
      JSON.stringify([{ type: 'Feature', geometry: { type: 'Point', coordinates: [1, 1] } }]),
      '1 objects of type Point',
    ],
    [
      'a collection of geometries',
      JSON.stringify([{ type: 'Feature', geometry: { type: 'GeometryCollection' } }]),
      'GeometryCollection',
    ],
    ['a class that is a number', JSON.stringify(feature([square(0, 0, 3)], 7)), 'the class 7'],
    [
      'an object smaller than a pixel',
      JSON.stringify(feature([square(0.6, 0.6, 0.2)])),
      '1 objects cover the centre of no mask pixel',
    ],
    ['a hundred thousand brackets', '['.repeat(100_000), 'no whole JSON'],
    ['a hundred thousand closed brackets', '['.repeat(100_000) + ']'.repeat(100_000), ''],
  ])('that is %s', (_, text, sentence) => {
    expect(refusal(() => read(text))).toContain(sentence);
  });

  it('that is not UTF-8', () => {
    expect(refusal(() => readGeoJsonLabels(Buffer.from([0x22, 0xff, 0xfe, 0x22]), target))).toContain('no whole JSON');
  });

  it('that would take hours to draw', () => {
    const ring = Array.from({ length: 600_000 }, (_, i) => [i % 1000, i % 2 === 0 ? 0 : 900]);
    expect(refusal(() => read(feature([ring])))).toContain('simplify it');
  });

  it('with any byte changed: it is read whole or refused, never anything else', () => {
    const random = createRandom(5);
    for (let n = 0; n < 1000; n++) {
      const mutated = Buffer.from(whole);
      for (let changes = 1 + random.int(3); changes > 0; changes--)
        mutated[random.int(mutated.length)] = 32 + random.int(95);
      try {
        expect(readGeoJsonLabels(mutated, target).tiles.length).toBeGreaterThan(0);
      } catch (error) {
        expect(isHistoloopError(error) && error.code, `${error} in ${mutated}`).toBe('bad-input');
      }
    }
  });
});

describe('a label image', () => {
  const small: LabelTarget = { ...target, widthPx: 5, heightPx: 3 };

  it('becomes tiles as it is, its values being class ids', () => {
    const data = Uint8Array.of(0, 2, 2, 0, 1, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0);
    const { tiles, counts } = labelImageToTiles({ width: 5, height: 3, data }, small);
    expect(tiles).toHaveLength(1);
    expect([0, 1, 2].flatMap((y) => [...tiles[0]!.labels.subarray(y * 512, y * 512 + 5)])).toEqual([...data]);
    expect(Object.fromEntries(counts)).toEqual({ 1: 1, 2: 3, 3: 2 });
  });

  it("as large as the slide gives a coarser mask the value at each mask pixel's centre", () => {
    const data = Uint16Array.of(0, 0, 0, 0, 9, 0, 700, 0, 8, 8, 0, 0, 5, 0, 0);
    const image = { width: 5, height: 3, data };
    const { tiles, warnings } = labelImageToTiles(image, { ...small, maskDownsample: 2, mapping: { 700: 2, 8: 3 } });
    expect([...tiles[0]!.labels.subarray(0, 3)]).toEqual([2, 3, 3]);
    expect([...tiles[0]!.labels.subarray(512, 515)]).toEqual([0, 0, 0]);
    expect(warnings).toEqual(['left out the values 5, 9']);
  });

  it('of instances becomes one class by «*», which leaves 0 alone unless 0 is named', () => {
    const data = Uint16Array.from({ length: 15 }, (_, i) => i * 1000);
    const image = { width: 5, height: 3, data };
    expect(Object.fromEntries(labelImageToTiles(image, { ...small, mapping: { '*': 2 } }).counts)).toEqual({ 2: 14 });
    const counts = labelImageToTiles(image, { ...small, mapping: { '*': 2, 0: 1 } }).counts;
    expect(Object.fromEntries(counts)).toEqual({ 1: 1, 2: 14 });
  });

  it('of another size, with unknown values, cut short or empty is refused with both sides named', () => {
    const image = { width: 5, height: 3, data: new Uint8Array(15).fill(9) };
    expect(refusal(() => labelImageToTiles(image, { ...target, maskDownsample: 2 }))).toBe(
      'the label image is 5×3; it must be as large as the slide (1200×900) or as its mask (600×450)',
    );
    expect(refusal(() => labelImageToTiles(image, small))).toContain('values without a class: 9');
    expect(refusal(() => labelImageToTiles({ ...image, data: new Uint8Array(4) }, small))).toContain('holds 4 values');
    expect(refusal(() => labelImageToTiles({ ...image, data: new Uint8Array(15) }, small))).toContain('sets no pixel');
  });
});

/**
 * Pixels inside, counted by scikit-image 0.19.3 (`draw.polygon2mask` of each ring, holes by exclusive or) with the pixel
 * centres moved by (1e-6, 1e-9) so that a centre on an edge falls to one side, as it does here.
 */
const FIXTURE_PIXELS = {
  'wsidicom-fixtures/qupath_geojson/qupath-brush.json': 10066,
  'wsidicom-fixtures/qupath_geojson/qupath-ellipse.json': 45380,
  'wsidicom-fixtures/qupath_geojson/qupath-polygon.json': 94501,
  'wsidicom-fixtures/qupath_geojson/qupath-rectangle.json': 36960,
  'wsidicom-fixtures/qupath_geojson/qupath-wand.json': 2642,
  'wsidicom-fixtures/qupath_geojson_advanced/qupath-polygon-cell-classified.json': 104 + 156 + 112 + 80,
  'geojson/holed.geojson': 7827741,
};

describeWithData('GeoJSON files that QuPath and others wrote', (data) => {
  const large = { ...target, widthPx: 60_000, heightPx: 60_000 };

  it.each(Object.entries(FIXTURE_PIXELS))(
    '%s covers as many pixels as an independent reader counts',
    (path, expected) => {
      const file = readFileSync(join(data, 'annotations', path));
      const counts = pixels(readGeoJsonLabels(file, { ...large, mapping: { '': 2, Cell: 2, Nucleus: 2 } }));
      expect(counts).toEqual({ 2: expected });
    },
  );

  it('with classes give each object its own', () => {
    const file = readFileSync(
      join(data, 'annotations/wsidicom-fixtures/qupath_geojson_advanced/qupath-polygon-cell-classified.json'),
    );
    const { counts } = readGeoJsonLabels(file, { ...large, mapping: { Cell: 2, Nucleus: 3 } });
    expect(Object.fromEntries(counts)).toEqual({ 2: 2, 3: 2 });
    expect(refusal(() => readGeoJsonLabels(file, large))).toContain('«Cell» (2 objects), «Nucleus» (2 objects)');
  });

  it('that hold only points or lines say so', () => {
    for (const name of ['point', 'multipoint', 'line', 'polyline']) {
      const file = readFileSync(join(data, `annotations/wsidicom-fixtures/qupath_geojson/qupath-${name}.json`));
      expect(refusal(() => readGeoJsonLabels(file, large))).toContain('cover no area');
    }
  });
});
