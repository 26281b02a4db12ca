import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Address, type Hex, keccak256 } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { Relayer } from './relayer.js';
import type { RelayerTransaction } from './transaction-bytes.js';

const hexOf = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((bytes): Hex => `0x${Buffer.from(bytes).toString('hex')}`);
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const privateKeys = fc
  .bigInt({ min: 1n, max: order - 1n })
  .map((key): Hex => `0x${key.toString(16).padStart(64, '0')}`);
const wei = fc.bigInt({ min: 0n, max: 10n ** 30n });

const transactions = fc
  .record({
    type: fc.constantFrom('eip1559' as const, 'legacy' as const),
    chainNumber: fc.integer({ min: 1, max: 2 ** 31 }),
    nonce: fc.bigInt({ min: 0n, max: 2n ** 40n }),
    to: hexOf(20, 20).map((to) => to as Address),
    data: hexOf(0, 600),
    gas: fc.bigInt({ min: 0n, max: 2n ** 40n }),
    prices: fc.tuple(wei, wei),
    value: fc.constant(0n as const),
  })
  .map(({ prices: [a, b], ...rest }): RelayerTransaction => ({
    ...rest,
    fees: a > b ? { maxFeePerGas: a, maxPriorityFeePerGas: b } : { maxFeePerGas: b, maxPriorityFeePerGas: a },
  }));

describe('A transaction signed by a relayer', () => {
  it('has the bytes that an independent implementation gives it', async () => {
    await fc.assert(
      fc.asyncProperty(privateKeys, transactions, async (privateKey, transaction) => {
        const { type, chainNumber, nonce, fees, ...rest } = transaction;
        const common = { ...rest, chainId: chainNumber, nonce: Number(nonce) };
        const raw = await privateKeyToAccount(privateKey).signTransaction(
          type === 'legacy' ? { type, ...common, gasPrice: fees.maxFeePerGas } : { type, ...common, ...fees },
        );
        expect(Relayer.fromKey(privateKey).sign(transaction)).toEqual({ raw, hash: keccak256(raw) });
      }),
      { numRuns: 300 },
    );
  });

  it('has them whatever the length of its calldata', async () => {
    const lengths = fc.constantFrom(0, 1, 31, 55, 56, 255, 256, 65_535, 65_536, 100_000);
    const calldata = fc.tuple(lengths, fc.nat({ max: 255 })).map(([length, byte]) => ({
      data: `0x${byte.toString(16).padStart(2, '0').repeat(length)}` as Hex,
    }));
    await fc.assert(
      fc.asyncProperty(privateKeys, transactions, calldata, async (privateKey, transaction, { data }) => {
        const { chainNumber, nonce, fees, ...rest } = transaction;
        const common = { ...rest, type: 'eip1559' as const, data };
        const raw = await privateKeyToAccount(privateKey).signTransaction({
          ...common,
          ...fees,
          chainId: chainNumber,
          nonce: Number(nonce),
        });
        const signed = Relayer.fromKey(privateKey).sign({ ...common, chainNumber, nonce, fees });
        expect(signed).toEqual({ raw, hash: keccak256(raw) });
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['to a cut address', { to: '0x036cbd53842c5426634e7929541ec2318f3dcf' as const }],
    ['with half a byte of calldata', { data: '0x123' as const }],
    ['with calldata that is no hex', { data: '0x12zz' as const }],
    ['with a tip above its fee', { fees: { maxFeePerGas: 1n, maxPriorityFeePerGas: 2n } }],
  ])('is refused %s', (_what, spoilt) => {
    const transaction = {
      type: 'eip1559' as const,
      chainNumber: 84_532,
      nonce: 7n,
      to: '0x036cbd53842c5426634e7929541ec2318f3dcf7e' as const,
      data: '0x12' as const,
      gas: 100_000n,
      fees: { maxFeePerGas: 2n, maxPriorityFeePerGas: 1n },
      value: 0n as const,
    };
    const relayer = Relayer.fromKey(`0x${'11'.repeat(32)}`);
    expect(relayer.sign(transaction).raw).toMatch(/^0x02/);
    expect(() => relayer.sign({ ...transaction, ...spoilt })).toThrow(RangeError);
  });
});
