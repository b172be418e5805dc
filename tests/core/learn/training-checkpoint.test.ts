import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  checkpointParts,
  readCheckpoint,
  type TrainingCheckpoint,
} from '../../../src/core/learn/training-checkpoint.ts';
import { createRandom } from '../../../src/core/random.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

function checkpoint(change: Partial<TrainingCheckpoint> = {}): TrainingCheckpoint {
  const random = createRandom(7);
  const floats = (length: number) => Float32Array.from({ length }, () => random.normal());
  return {
    identity: 'ab12',
    losses: [1.25, 0.1 + 0.2, Number.MIN_VALUE],
    random: random.state(),
    order: [4, 0, 2],
    best: { step: 2, score: 0.731, model: Uint8Array.of(1, 2, 3) },
    state: {
      theta: { type: 'float32', dims: [5], data: floats(5) },
      'averages of é': { type: 'float32', dims: [3, 1], data: floats(3) },
      count: { type: 'int64', dims: [1], data: BigInt64Array.of(9_007_199_254_740_993n) },
    },
    ...change,
  };
}

function written(value: TrainingCheckpoint): Buffer {
  const parts = checkpointParts(value);
  return Buffer.concat([...parts, sha256(Buffer.concat(parts))]);
}

/** The file with other bytes and a digest that fits them. */
function resealed(bytes: Buffer, edit: (body: Buffer) => unknown, more = 0): Buffer {
  const body = Buffer.concat([bytes.subarray(0, bytes.length - 32), Buffer.alloc(more)]);
  edit(body);
  return Buffer.concat([body, sha256(body)]);
}

test('what is written comes back, to the last bit', () => {
  const before = checkpoint();
  expect(readCheckpoint(written(before), sha256)).toEqual(before);
  const bare = checkpoint({ best: null, state: {}, losses: [], order: [] });
  expect(readCheckpoint(written(bare), sha256)).toEqual(bare);
  const unscored = checkpoint({ best: { step: 3, score: null, model: new Uint8Array(0) } });
  expect(readCheckpoint(written(unscored), sha256)).toEqual(unscored);
});

test('a generator that is brought back draws the same chance', () => {
  const random = createRandom(3);
  for (let i = 0; i < 100; i++) random.next();
  const state = random.state();
  const after = Array.from({ length: 20 }, () => random.normal());
  const other = createRandom(99);
  other.restore(state);
  expect(Array.from({ length: 20 }, () => other.normal())).toEqual(after);
});

describe('a file that is not whole is refused', () => {
  const good = written(checkpoint());

  test('cut at any length', () => {
    for (let length = 0; length < good.length; length++) {
      expect(() => readCheckpoint(good.subarray(0, length), sha256)).toThrow(
        /cut short or damaged|is not a checkpoint/,
      );
    }
  });

  test('with any byte changed', () => {
    for (let at = 0; at < good.length; at++) {
      const bytes = Buffer.from(good);
      bytes[at]! ^= 1 << (at % 8);
      expect(() => readCheckpoint(bytes, sha256)).toThrow(/cut short or damaged|is not a checkpoint/);
    }
  });

  test.each([
    ['foreign bytes', Buffer.from('<html>a page of a router</html>'.repeat(9)), /is not a checkpoint/],
    ['a longer header than file', resealed(good, (b) => b.writeUInt32LE(1e6, 8)), /header of 1000000 bytes/],
    ['a header of 4 GB', resealed(good, (b) => b.writeUInt32LE(0xffffffff, 8)), /too long/],
    ['a header that is no JSON', resealed(good, (b) => b.write('#', 12)), /another version/],
    ['another format', resealed(good, (b) => b.write('9', b.indexOf('checkpoint/1') + 11)), /another version/],
    ['a part that is missing', resealed(good, (b) => b.write('kosses', b.indexOf('losses'))), /missing/],
    ['a type nobody knows', resealed(good, (b) => b.write('text064', b.indexOf('float64'))), /another version/],
    ['a part beyond the end', resealed(good, (b) => b.write('9', b.indexOf('"dims":[5]') + 8)), /longer|after/],
    ['bytes after the end', resealed(good, () => {}, 16), /16 bytes after/],
    ['a negative size', resealed(good, (b) => b.write('-1', b.indexOf('3,1]'))), /another version/],
  ])('with %s', (_, bytes, sentence) => {
    expect(() => readCheckpoint(bytes, sha256)).toThrow(sentence);
  });
});
