import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { allocateNonces } from './relayer-nonce.js';

const nonces = fc.bigInt({ min: 0n, max: 2n ** 62n });
const requests = fc.array(
  fc.record({ onChain: fc.bigInt({ min: 0n, max: 300n }), count: fc.integer({ min: 0, max: 20 }) }),
  { maxLength: 30 },
);

describe('the nonces of a relayer', () => {
  it('are never given twice, whatever counts the chain tells in between', () => {
    fc.assert(
      fc.property(requests, (list) => {
        let stored = 0n;
        const given: bigint[] = [];
        for (const { onChain, count } of list) {
          const allocation = allocateNonces(stored, onChain, count);
          given.push(...allocation.nonces);
          stored = allocation.next;
        }
        expect(new Set(given).size).toBe(given.length);
        expect(given).toEqual(given.toSorted((a, b) => (a < b ? -1 : 1)));
      }),
    );
  });

  it('leave no gap unless the chain is ahead', () => {
    fc.assert(
      fc.property(nonces, fc.integer({ min: 1, max: 50 }), (stored, count) => {
        const { nonces: given, next } = allocateNonces(stored, stored, count);
        return given[0] === stored && next === stored + BigInt(count) && given.length === count;
      }),
    );
  });

  it('follow the chain when the key was used elsewhere, and never go back', () => {
    expect(allocateNonces(5n, 9n, 2)).toEqual({ nonces: [9n, 10n], next: 11n });
    expect(allocateNonces(9n, 5n, 1)).toEqual({ nonces: [9n], next: 10n });
  });
});
