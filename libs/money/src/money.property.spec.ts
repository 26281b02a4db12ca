import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  allocate,
  assetParts,
  atomicAmount,
  atomicAmountMax,
  erc20AssetId,
  evmChainId,
  evmChainNumber,
  evmNativeAssetId,
  formatAtomicAmount,
  formatDecimal,
  MoneyError,
  parseAssetId,
  parseAtomicAmount,
  parseChainId,
  parseDecimal,
} from './index.js';

const amounts = fc.oneof(
  fc.bigInt({ min: 0n, max: atomicAmountMax }),
  fc.constantFrom(0n, 1n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 128n, atomicAmountMax),
);

describe('an amount', () => {
  it('survives the wire unchanged', () => {
    fc.assert(
      fc.property(amounts, (value) => parseAtomicAmount(formatAtomicAmount(atomicAmount(value))) === value),
    );
  });

  it.each(['', '-1', '+1', '1.0', '1e3', '0x10', ' 1', '1 ', '01', '１', 'NaN', '1_000', '9'.repeat(79)])(
    'is never read from %j',
    (text) => {
      expect(() => parseAtomicAmount(text)).toThrow(MoneyError);
    },
  );

  it('stops at 2^256 − 1', () => {
    expect(parseAtomicAmount(atomicAmountMax.toString())).toBe(atomicAmountMax);
    expect(() => parseAtomicAmount((atomicAmountMax + 1n).toString())).toThrow(/2\^256/);
    expect(() => atomicAmount(-1n)).toThrow(/between 0/);
  });

  it('refuses hostile text with a MoneyError and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        try {
          return parseAtomicAmount(text).toString() === text;
        } catch (error) {
          return error instanceof MoneyError;
        }
      }),
    );
  });
});

describe('a decimal text', () => {
  it('says the same amount as its atomic units', () => {
    fc.assert(
      fc.property(amounts, fc.integer({ min: 0, max: 36 }), (value, decimals) => {
        expect(parseDecimal(formatDecimal(value, decimals), decimals)).toBe(value);
      }),
    );
  });

  it('shows units the way people write them', () => {
    expect(formatDecimal(1_500_000n, 6)).toBe('1.5');
    expect(formatDecimal(-1n, 18)).toBe('-0.000000000000000001');
    expect(formatDecimal(42n, 0)).toBe('42');
  });

  it('is refused rather than rounded', () => {
    expect(() => parseDecimal('0.0000001', 6)).toThrow(expect.objectContaining({ code: 'precision_lost' }));
    expect(() => parseDecimal('-1', 6)).toThrow(expect.objectContaining({ code: 'amount_not_decimal' }));
  });
});

describe('an allocation', () => {
  const weights = fc
    .array(fc.bigInt({ min: 0n, max: 2n ** 64n }), { minLength: 1, maxLength: 20 })
    .filter((list) => list.some((weight) => weight > 0n));

  it('adds up to the total, each part within a unit of its exact share', () => {
    fc.assert(
      fc.property(amounts, weights, (value, list) => {
        const whole = list.reduce((sum, weight) => sum + weight, 0n);
        const parts = allocate(atomicAmount(value), list);
        expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(value);
        parts.forEach((part, index) => {
          const exactTimesWhole = value * (list[index] ?? 0n);
          const distance = part * whole - exactTimesWhole;
          expect(distance > -whole && distance < whole).toBe(true);
        });
      }),
    );
  });

  it('gives the left-over unit to the earlier of equals', () => {
    expect(allocate(atomicAmount(10n), [1n, 1n, 1n])).toEqual([4n, 3n, 3n]);
  });

  it.each([[[]], [[0n, 0n]], [[1n, -1n, 5n]]])('refuses weights %j', (list) => {
    expect(() => allocate(atomicAmount(1n), list as bigint[])).toThrow(MoneyError);
  });
});

describe('chains and assets', () => {
  const token = '0x036CbD53842c5426634e7929541eC2318f3dCF7e';

  it('go by their CAIP names', () => {
    const base = evmChainId(84532);
    expect(base).toBe('eip155:84532');
    expect(evmChainNumber(base)).toBe(84532);
    expect(erc20AssetId(base, token)).toBe(`eip155:84532/erc20:${token.toLowerCase()}`);
    expect(assetParts(evmNativeAssetId(base))).toEqual({
      chainId: base,
      namespace: 'slip44',
      reference: '60',
    });
  });

  it('are one asset whatever the case of the address', () => {
    expect(parseAssetId(`eip155:1/erc20:${token}`)).toBe(
      parseAssetId(`eip155:1/erc20:${token.toLowerCase()}`),
    );
  });

  it.each(['', 'base', 'eip155:', ':1', 'eip155:1/erc20:0x1', 'EIP155:1'])('chain %j is refused', (text) => {
    expect(() => parseChainId(text)).toThrow(MoneyError);
  });

  it.each(['', 'eip155:1', 'eip155:1/', 'eip155:1/erc20', 'eip155:1/erc20:0x 1'])(
    'asset %j is refused',
    (text) => {
      expect(() => parseAssetId(text)).toThrow(MoneyError);
    },
  );

  it('of another family have no EVM number', () => {
    expect(() => evmChainNumber(parseChainId('solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp'))).toThrow(MoneyError);
  });
});
