import { expect, test } from 'vitest';
import { isHistoloopError } from '../../../src/core/errors.ts';
import { createRandom } from '../../../src/core/random.ts';
import { readModelFile } from '../../../src/main/engine/model-file.ts';
import { tinyOnnx } from '../../fixtures/tiny-onnx.ts';
import { segmenter } from './graphs.ts';

test('counts the numbers stored in a file and finds its opset', () => {
  expect(readModelFile(segmenter({ classes: 5 }))).toMatchObject({
    parameters: 5 * 3 + 4,
    opset: 17,
    external: [],
    foreignDomains: [],
  });
});

test('names the foreign domains and leaves out those of onnxruntime', () => {
  const node = (domain: string) => ({ op: 'Gelu', domain, inputs: ['x'], outputs: [`y ${domain}`] });
  const model = tinyOnnx({
    inputs: [{ name: 'x', dims: [1] }],
    outputs: [],
    nodes: ['', 'ai.onnx.ml', 'com.microsoft', 'com.microsoft.nchwc', 'my.lab', 'your.lab', 'my.lab'].map(node),
  });
  expect(readModelFile(model).foreignDomains).toEqual(['my.lab', 'your.lab']);
});

test('finds weights outside the file also where they hide in an attribute of a graph in a graph', () => {
  const tensor = field(5, [...field(8, [...Buffer.from('deep')]), ...field(13, []), 14 * 8, 1]);
  const inner = field(1, field(5, tensor));
  const outer = field(1, field(5, field(6, inner)));
  expect(readModelFile(Uint8Array.from([8, 8, ...field(7, outer)])).external).toEqual(['deep']);
});

test('graphs nested without end are refused, not followed', () => {
  let bytes: number[] = [];
  for (let depth = 0; depth < 500; depth++) bytes = field(1, field(5, field(6, bytes)));
  expect(() => readModelFile(Uint8Array.from([8, 8, ...field(7, bytes)]))).toThrow(/damaged/);
});

test('a length beyond all bounds is a file that stops short', () => {
  const endless = [8, 8, 7 * 8 + 2, ...Array(8).fill(0xff), 0x0f];
  expect(() => readModelFile(Uint8Array.from(endless))).toThrow(/stops short/);
});

test('a number that never ends is damage', () => {
  expect(() => readModelFile(Uint8Array.from([8, 8, 8, ...Array(30).fill(0xff)]))).toThrow(/damaged/);
});

test('whatever bytes are changed, the answer is facts or a refusal in words', () => {
  const random = createRandom(7);
  const model = segmenter({ halvings: 2 });
  const outcomes = { read: 0, refused: 0 };
  for (let round = 0; round < 3000; round++) {
    const broken = model.slice(0, 1 + random.int(model.length));
    for (let hit = random.int(4); hit > 0; hit--) broken[random.int(broken.length)] = random.int(256);
    try {
      readModelFile(broken);
      outcomes.read++;
    } catch (error) {
      expect(isHistoloopError(error) && error.code).toBe('model-unusable');
      outcomes.refused++;
    }
  }
  expect(outcomes.refused).toBeGreaterThan(1000);
});

/** A length-delimited protobuf field. */
function field(number: number, bytes: readonly number[]): number[] {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 127; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128);
  return [number * 8 + 2, ...length, rest, ...bytes];
}
