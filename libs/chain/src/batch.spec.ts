import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Address, type Hex, size } from 'viem';

import { batchCalldataBytes, encodeBatch } from './batch.js';

describe('The calldata of a batch', () => {
  it('is as long as is said beforehand', () => {
    fc.assert(
      fc.property(fc.nat({ max: 40 }), fc.nat({ max: 700 }), (count, bytesEach) => {
        const to: Address = `0x${'ab'.repeat(20)}`;
        const data: Hex = `0x${'cd'.repeat(bytesEach)}`;
        const calls = Array.from({ length: count }, () => ({ to, data }));
        expect(size(encodeBatch(calls))).toBe(batchCalldataBytes(count, bytesEach));
      }),
    );
  });
});
