import { describe, expect, it } from '@jest/globals';

import { ExpiringCache } from './expiring-cache.js';

function cacheAt(sizeMax = 10) {
  let now = 0;
  const cache = new ExpiringCache<string>({ sizeMax, lifetimeMs: 100 }, () => now);
  return { cache, at: (ms: number) => (now = ms) };
}

describe('what is remembered for a while', () => {
  it('is there until its time is over', () => {
    const { cache, at } = cacheAt();
    cache.set('a', 'x');
    at(99);
    expect(cache.get('a')).toBe('x');
    at(100);
    expect(cache.get('a')).toBeUndefined();
  });

  it('makes room for what is new, the oldest first', () => {
    const { cache } = cacheAt(2);
    for (const key of ['a', 'b', 'a', 'c']) cache.set(key, key);
    expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual(['a', undefined, 'c']);
  });

  it('is forgotten when it is told to be, or is so old', () => {
    const { cache, at } = cacheAt();
    cache.set('a', 'x');
    at(49);
    expect([cache.forgetOlder('a', 50), cache.forgetOlder('b', 0), cache.get('a')]).toEqual([
      false,
      false,
      'x',
    ]);
    at(50);
    expect([cache.forgetOlder('a', 50), cache.get('a')]).toEqual([true, undefined]);
    cache.set('a', 'y');
    cache.forget('a');
    expect(cache.get('a')).toBeUndefined();
  });
});
