import { expect, it } from 'vitest';
import { ByteCache } from '../../../src/main/slide/byte-cache.ts';

it('the least recently used goes first, and the bytes never exceed the bound', () => {
  const cache = new ByteCache<string>(100);
  for (const key of ['a', 'b', 'c']) cache.set(key, key, 30);
  expect(cache.get('a')).toBe('a');
  cache.set('d', 'd', 30);
  expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.get('d')]).toEqual(['a', undefined, 'c', 'd']);
  cache.set('a', 'larger', 90);
  expect([cache.get('a'), cache.get('d'), cache.bytes]).toEqual(['larger', undefined, 90]);
  cache.set('whale', 'x', 101);
  expect([cache.get('whale'), cache.bytes]).toEqual([undefined, 90]);
});
