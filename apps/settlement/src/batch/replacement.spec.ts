import { describe, expect, it } from '@jest/globals';
import type { Fees } from '@quittance/chain';
import fc from 'fast-check';

import { replacementOf, replacementsMax } from './replacement.js';

const gwei = 1_000_000_000n;
const fees: Fees = {
  type: 'eip1559',
  baseFee: 2n * gwei,
  maxFeePerGas: 5n * gwei,
  maxPriorityFeePerGas: gwei,
};
const market = { head: 100n, fees, gasPriceMaxWei: 500n * gwei, replaceAfterBlocks: 3 };
const waiting = {
  version: 1,
  maxFeePerGas: 4n * gwei,
  maxPriorityFeePerGas: gwei,
  signedAt: 97n,
  isNext: true,
};

describe('a transaction that blocks pass over', () => {
  it('is left alone until so many blocks have', () => {
    expect(replacementOf({ ...waiting, signedAt: 98n }, market)).toEqual({ kind: 'wait' });
    expect(replacementOf(waiting, market).kind).toBe('replace');
  });

  it('is left alone when others of its relayer come first, unless it offers too little anyway', () => {
    const later = { ...waiting, isNext: false };
    expect(replacementOf(later, market)).toEqual({ kind: 'wait' });
    expect(replacementOf({ ...later, maxFeePerGas: gwei }, market).kind).toBe('replace');
  });

  it('is replaced so often and no more', () => {
    expect(replacementOf({ ...waiting, version: replacementsMax }, market).kind).toBe('replace');
    expect(replacementOf({ ...waiting, version: replacementsMax + 1 }, market)).toEqual({
      kind: 'stuck',
      why: 'replaced_too_often',
    });
  });

  it('is never offered more than the cap for, and stuck when that is too little to replace it', () => {
    const capped = { ...market, gasPriceMaxWei: (41n * gwei) / 10n };
    expect(replacementOf(waiting, capped)).toEqual({ kind: 'stuck', why: 'at_cap' });
    expect(replacementOf(waiting, { ...market, gasPriceMaxWei: gwei })).toEqual({
      kind: 'stuck',
      why: 'at_cap',
    });
  });

  it('offers at least a tenth more of both each time, up to the cap, on any chain', () => {
    const wei = fc.bigInt({ min: 1n, max: 1_000n * gwei });
    const markets = fc.record({
      type: fc.constantFrom('eip1559' as const, 'legacy' as const),
      baseFee: wei,
      tip: wei,
      gasPriceMaxWei: wei,
    });
    fc.assert(
      fc.property(wei, wei, markets, (max, tip, given) => {
        const before = { ...waiting, maxFeePerGas: max + tip, maxPriorityFeePerGas: tip };
        const now: Fees =
          given.type === 'legacy'
            ? { type: 'legacy', baseFee: null, maxFeePerGas: given.tip, maxPriorityFeePerGas: given.tip }
            : {
                type: 'eip1559',
                baseFee: given.baseFee,
                maxFeePerGas: 2n * given.baseFee + given.tip,
                maxPriorityFeePerGas: given.tip,
              };
        const decision = replacementOf(before, {
          ...market,
          fees: now,
          gasPriceMaxWei: given.gasPriceMaxWei,
        });
        if (decision.kind !== 'replace') return decision.kind === 'stuck';
        const { maxFeePerGas, maxPriorityFeePerGas } = decision.fees;
        return (
          maxFeePerGas * 10n >= before.maxFeePerGas * 11n &&
          maxPriorityFeePerGas * 10n >= before.maxPriorityFeePerGas * 11n &&
          maxPriorityFeePerGas <= maxFeePerGas &&
          maxFeePerGas <= given.gasPriceMaxWei
        );
      }),
    );
  });
});
