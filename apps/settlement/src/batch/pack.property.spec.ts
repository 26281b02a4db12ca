import { describe, expect, it } from '@jest/globals';
import { batchCalldataBytes, encodeBatch } from '@quittance/chain';
import { encodeTransferWithAuthorization } from '@quittance/exact-evm';
import { atomicAmount } from '@quittance/money';
import fc from 'fast-check';

import type { Hex } from '../payment/payment.js';
import { batchGasLimit, batchGasMax } from './gas.js';
import { batchSizeMax, pack, transactionBytesMax } from './pack.js';

const address = (value: number): Hex => `0x${value.toString(16).padStart(40, '0')}`;
const accountSignature: Hex = `0x${'11'.repeat(64)}1b`;
const contractSignature: Hex = `0x${'22'.repeat(97)}`;

const calldataOf = (signature: Hex): Hex =>
  encodeTransferWithAuthorization({
    payer: address(1),
    payTo: address(2),
    value: atomicAmount(2n ** 256n - 1n),
    validAfter: 0n,
    validBefore: 2n ** 256n - 1n,
    nonce: `0x${'ff'.repeat(32)}`,
    signature,
  });
const calldatas = { account: calldataOf(accountSignature), contract: calldataOf(contractSignature) };

const candidates = (lengthMax: number) =>
  fc
    .array(
      fc.record({
        asset: fc.integer({ min: 1, max: 3 }).map(address),
        payer: fc.integer({ min: 10, max: 30 }).map(address),
        payTo: fc.integer({ min: 100, max: 600 }).map(address),
        calldata: fc.constantFrom(...Array<Hex>(9).fill(calldatas.account), calldatas.contract),
        batchLimit: fc.constantFrom(1_000, 1_000, 1_000, 1, 5, 40),
      }),
      { maxLength: lengthMax },
    )
    .map((list) => list.map((candidate, place) => ({ ...candidate, place })));
const holds = (payTo: Hex) => Number.parseInt(payTo.slice(-2), 16) % 3 === 0;
const options = (batchesMax: number) => ({
  batchesMax,
  payeeHolds: ({ payTo }: { readonly payTo: Hex }) => holds(payTo),
});

describe('packing', () => {
  it('keeps each batch within gas, bytes, one asset and what its members allow', () => {
    fc.assert(
      fc.property(candidates(900), (list) => {
        for (const { asset, members, gas } of pack(list, options(50))) {
          expect(members.length).toBeGreaterThan(0);
          expect(gas).toHaveLength(members.length);
          expect(batchGasLimit(gas)).toBeLessThanOrEqual(batchGasMax);
          expect(members.every((member) => member.asset === asset)).toBe(true);
          expect(members.length).toBeLessThanOrEqual(
            Math.min(batchSizeMax, ...members.map(({ batchLimit }) => batchLimit)),
          );
          if (members.length > 1) {
            expect(members.every(({ calldata }) => calldata === calldatas.account)).toBe(true);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('places each payment once, and all of them when there are batches enough', () => {
    fc.assert(
      fc.property(candidates(200), (list) => {
        const places = pack(list, options(1_000)).flatMap(({ members }) => members.map(({ place }) => place));
        expect(places.toSorted((a, b) => a - b)).toEqual(list.map(({ place }) => place));
      }),
      { numRuns: 50 },
    );
  });

  it('never puts a payment before an earlier one of the same payer and asset, nor signs it without that', () => {
    fc.assert(
      fc.property(candidates(200), fc.integer({ min: 1, max: 8 }), (list, batchesMax) => {
        const packs = pack(list, options(batchesMax));
        expect(packs.length).toBeLessThanOrEqual(batchesMax);
        const placed = packs.flatMap(({ members }) => members);
        const ofPayer = (
          some: readonly { readonly asset: Hex; readonly payer: Hex; readonly place: number }[],
        ) => Map.groupBy(some, ({ asset, payer }) => asset + payer);
        const all = ofPayer(list);
        for (const [key, members] of ofPayer(placed)) {
          const first = all.get(key)?.slice(0, members.length);
          expect(members.map(({ place }) => place)).toEqual(first?.map(({ place }) => place));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('counts the payee of an earlier member as one that will hold the token', () => {
    const [only] = pack(
      [1, 2, 3].map((place) => ({
        asset: address(1),
        payer: address(10 + place),
        payTo: address(101),
        calldata: calldatas.account,
        batchLimit: 1_000,
      })),
      options(1),
    );
    const [first, second, third] = only?.gas ?? [];
    expect(second).toBe(third);
    expect(Number(first)).toBeGreaterThan(Number(second));
  });

  it('knows how many bytes a member takes', () => {
    const calls = Array.from({ length: batchSizeMax }, () => ({ to: address(1), data: calldatas.account }));
    const bytes = (encodeBatch(calls).length - 2) / 2;
    expect(bytes).toBe(batchCalldataBytes(batchSizeMax, (calldatas.account.length - 2) / 2));
    expect(bytes + 200).toBeLessThanOrEqual(transactionBytesMax);
  });
});
