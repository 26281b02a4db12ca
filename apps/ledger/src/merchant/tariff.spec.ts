import { describe, expect, it } from '@jest/globals';
import { erc20AssetId, evmChainId } from '@quittance/money';
import fc from 'fast-check';

import { feeAmount, noFees, Tariff } from './tariff.js';
import { tariffSchema } from './tariff-setting.js';

const chainId = evmChainId(8453);
const usdc = erc20AssetId(chainId, `0x${'ab'.repeat(20)}`);
const other = erc20AssetId(chainId, `0x${'cd'.repeat(20)}`);
const shop = `0x${'11'.repeat(20)}`;
const till = `0x${'22'.repeat(20)}`;
const alone = `0x${'33'.repeat(20)}`;
const stranger = `0x${'44'.repeat(20)}`;

const setting = (...entries: object[]): string => JSON.stringify(entries);
const january = '2026-01-01T00:00:00Z';
const march = '2026-03-01T00:00:00Z';

function problemsOf(text: string): string[] {
  const read = tariffSchema.safeParse(text);
  return read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
}

const edges = [0n, 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 128n, 2n ** 256n - 1n];
const amounts = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }));
const shares = fc.oneof(fc.constantFrom(0, 1, 100, 9_999, 10_000), fc.integer({ min: 0, max: 10_000 }));

describe('a fee', () => {
  it.each([
    [1_000_000n, 100, 0n, 10_000n],
    [1_000_000n, 0, 0n, 0n],
    [99n, 100, 0n, 0n],
    [100n, 100, 0n, 1n],
    [199n, 100, 0n, 1n],
    [1_000n, 250, 7n, 32n],
    [1_000n, 10_000, 0n, 1_000n],
    [1_000n, 10_000, 1n, 1_000n],
    [5n, 0, 9n, 5n],
    [0n, 100, 9n, 0n],
    [2n ** 256n - 1n, 10_000, 2n ** 256n - 1n, 2n ** 256n - 1n],
    [2n ** 256n - 1n, 1, 0n, (2n ** 256n - 1n) / 10_000n],
  ])('of %s at %s basis points and %s is %s', (...[amount, basisPoints, fixed, fee]) => {
    expect(feeAmount(amount, basisPoints, fixed)).toBe(fee);
  });

  it('and what the merchant keeps are the payment, and it is within a unit of the exact share', () => {
    fc.assert(
      fc.property(amounts, shares, amounts, (amount, basisPoints, fixed) => {
        const fee = feeAmount(amount, basisPoints, fixed);
        expect(fee >= 0n && fee <= amount).toBe(true);
        const exact = amount * BigInt(basisPoints) + fixed * 10_000n;
        if (fee === amount) expect(exact >= amount * 10_000n).toBe(true);
        else expect(exact - fee * 10_000n).toBeGreaterThanOrEqual(0n);
        if (fee !== amount) expect(exact - fee * 10_000n).toBeLessThan(10_000n);
      }),
      { numRuns: 2_000 },
    );
  });

  it('never falls when the amount, the share or the fixed part rises', () => {
    fc.assert(
      fc.property(amounts, amounts, shares, shares, amounts, amounts, (...[a, b, s, t, f, g]) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        expect(feeAmount(less, s, f)).toBeLessThanOrEqual(feeAmount(more, s, f));
        expect(feeAmount(a, Math.min(s, t), f)).toBeLessThanOrEqual(feeAmount(a, Math.max(s, t), f));
        expect(feeAmount(a, s, f < g ? f : g)).toBeLessThanOrEqual(feeAmount(a, s, f < g ? g : f));
      }),
    );
  });
});

describe('a tariff', () => {
  const tariff = tariffSchema.parse(
    setting(
      {
        merchant: 'acme',
        payTo: [shop, till.toUpperCase().replace('0X', '0x')],
        from: march,
        basisPoints: 200,
      },
      { merchant: 'acme', payTo: [shop], from: january, basisPoints: 100, fixed: { [usdc]: '5' } },
      { payTo: [alone], from: january, basisPoints: 0, fixed: { [other]: '7' } },
      { from: march, basisPoints: 50 },
    ),
  );
  const fee = (payTo: string, at: string, asset = usdc): unknown =>
    tariff.feeOf({ payTo, asset, amount: 10_000n, at: new Date(at) });

  it.each([
    ['none before any terms', shop, '2025-12-31T23:59:59.999Z', null],
    ['the terms in force, from their first moment', shop, january, ['acme', 100, '5', '105']],
    ['the older terms until the newer begin', till, '2026-02-28T23:59:59.999Z', ['acme', 100, '5', '105']],
    ['the newer terms at every address of the merchant', till, march, ['acme', 200, '0', '200']],
    ['the address as the name of a merchant without one', alone, march, [alone, 0, '0', '0']],
    ['the terms of all others', stranger, march, [stranger, 50, '0', '50']],
    ['none for others before theirs begin', stranger, january, null],
  ])('says %s', (...[, payTo, at, told]) => {
    const [merchant, basisPoints, fixed, amount] = told ?? [];
    expect(fee(payTo, at)).toEqual(told === null ? null : { merchant, basisPoints, fixed, amount });
  });

  it('adds the fixed part of the asset that is paid with, and of no other', () => {
    expect(fee(alone, january, other)).toMatchObject({ fixed: '7', amount: '7' });
    expect(fee(alone, january, usdc)).toMatchObject({ fixed: '0', amount: '0' });
  });

  it('is nothing where there is none', () => {
    expect(noFees.feeOf({ payTo: shop, asset: usdc, amount: 1n, at: new Date(march) })).toBeNull();
    expect(tariffSchema.parse('[]')).toEqual(new Tariff());
  });

  it.each([
    ['{', [/must be JSON/]],
    ['{}', [/expected array/]],
    [setting({ from: january }), [/basisPoints/]],
    [setting({ from: january, basisPoints: 10_001 }), [/basisPoints.*10000/]],
    [setting({ from: january, basisPoints: 1.5 }), [/basisPoints.*int/]],
    [setting({ from: '2026-01-01', basisPoints: 1 }), [/from must be a moment/]],
    [setting({ from: january, basisPoints: 1, extra: 1 }), [/extra/]],
    [setting({ merchant: 'acme', from: january, basisPoints: 1 }), [/0\.payTo must list the addresses/]],
    [setting({ merchant: 'A', payTo: [shop], from: january, basisPoints: 1 }), [/0\.merchant must be/]],
    [setting({ payTo: ['0x1'], from: january, basisPoints: 1 }), [/0\.payTo\.0 must be an EVM address/]],
    [setting({ from: january, basisPoints: 1, fixed: { usdc: '1' } }), [/0\.fixed\.usdc must be a CAIP-19/]],
    [
      setting({ from: january, basisPoints: 1, fixed: { [usdc]: '1.5' } }),
      [/0\.fixed\..* must be a whole number/],
    ],
    [
      setting({ from: january, basisPoints: 1, fixed: { [usdc]: (2n ** 256n).toString() } }),
      [/0\.fixed\..* must be a whole number/],
    ],
    [
      setting(
        { merchant: 'acme', payTo: [shop], from: january, basisPoints: 1 },
        { merchant: 'bolt', payTo: [shop], from: march, basisPoints: 1 },
      ),
      [/1\.payTo 0x11.* belongs to acme already/],
    ],
    [
      setting({ from: january, basisPoints: 1 }, { from: january, basisPoints: 2 }),
      [/1\.from has other terms of the same merchant already/],
    ],
  ])('is refused by name: %s', (text, expected) => {
    expect(problemsOf(text)).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });

  it('is a value or a named problem, whatever the setting says', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(typeof tariffSchema.safeParse(text).success).toBe('boolean');
      }),
    );
  });
});
