import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { bumpedFees, cappedBy, type Fees, feesFrom, legacyFees } from './fees.js';

const wei = fc.bigInt({ min: 0n, max: 10n ** 20n });
const marketFees = fc.oneof(
  fc.record({ nextBaseFee: wei, tips: fc.array(wei, { maxLength: 9 }) }).map(feesFrom),
  wei.map(legacyFees),
);
const previousFees = fc
  .tuple(wei, wei)
  .map(([a, b]) =>
    a > b ? { maxFeePerGas: a, maxPriorityFeePerGas: b } : { maxFeePerGas: b, maxPriorityFeePerGas: a },
  );

describe('The fees of a replacement', () => {
  it('are an eighth more, rounded up, of both', () => {
    const usual: Fees = { type: 'eip1559', maxFeePerGas: 1n, maxPriorityFeePerGas: 1n, baseFee: 0n };
    expect(bumpedFees({ maxFeePerGas: 80n, maxPriorityFeePerGas: 9n }, usual)).toEqual({
      ...usual,
      maxFeePerGas: 90n,
      maxPriorityFeePerGas: 11n,
    });
  });

  it('are what is usual now where that is more', () => {
    const usual = feesFrom({ nextBaseFee: 100n, tips: [50n] });
    expect(bumpedFees({ maxFeePerGas: 80n, maxPriorityFeePerGas: 9n }, usual)).toEqual(usual);
  });

  it('are one price on a chain without base fee', () => {
    expect(bumpedFees({ maxFeePerGas: 80n, maxPriorityFeePerGas: 80n }, legacyFees(7n))).toEqual(
      legacyFees(90n),
    );
  });

  it('are at least an eighth and 1 wei above, never below what is usual, and consistent', () => {
    fc.assert(
      fc.property(previousFees, marketFees, (previous, current) => {
        const fees = bumpedFees(previous, current);
        for (const part of ['maxFeePerGas', 'maxPriorityFeePerGas'] as const) {
          expect(fees[part] * 8n).toBeGreaterThanOrEqual(previous[part] * 9n);
          expect(fees[part]).toBeGreaterThan(previous[part]);
          expect(fees[part]).toBeGreaterThanOrEqual(current[part]);
        }
        expect(fees.maxPriorityFeePerGas).toBeLessThanOrEqual(fees.maxFeePerGas);
        expect({ type: fees.type, baseFee: fees.baseFee }).toEqual({
          type: current.type,
          baseFee: current.baseFee,
        });
      }),
    );
  });
});

describe('Capped fees', () => {
  it('are above the cap only when the base fee or gas price is', () => {
    const fees = feesFrom({ nextBaseFee: 100n, tips: [50n] });
    expect(cappedBy(fees, 99n)).toBe('above_cap');
    expect(cappedBy(fees, 100n)).toMatchObject({ maxFeePerGas: 100n, maxPriorityFeePerGas: 50n });
    expect(cappedBy(legacyFees(100n), 99n)).toBe('above_cap');
    expect(cappedBy(legacyFees(100n), 100n)).toEqual(legacyFees(100n));
  });

  it('never offer more than the cap, nor a tip above the whole, and else stay as they are', () => {
    fc.assert(
      fc.property(marketFees, wei, (fees, cap) => {
        const capped = cappedBy(fees, cap);
        if (capped === 'above_cap') {
          expect(fees.baseFee ?? fees.maxFeePerGas).toBeGreaterThan(cap);
          return;
        }
        expect(capped.maxFeePerGas).toBeLessThanOrEqual(cap);
        expect(capped.maxPriorityFeePerGas).toBeLessThanOrEqual(capped.maxFeePerGas);
        if (fees.maxFeePerGas <= cap) expect(capped).toEqual(fees);
      }),
    );
  });
});
