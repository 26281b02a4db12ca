import { describe, expect, it } from '@jest/globals';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';
import fc from 'fast-check';

import type { BatchId } from '../batch/batch.js';
import type { ChainReceipt } from '../chain/settlement-chain.js';
import { attemptEndOf, costOf, type Landing } from '../payment/finding.js';
import { costShares, type KnownBatch, revertedBatch, succeededBatch } from './batch-end.js';

const wei = fc.bigInt({ min: 0n, max: 10n ** 24n });
const costs = fc
  .record({ gasUsed: wei, gasPrice: wei, l1Fee: wei, operator: wei })
  .map(({ operator, ...cost }) => ({ ...cost, fee: cost.gasUsed * cost.gasPrice + cost.l1Fee + operator }));
const sizes = fc.integer({ min: 1, max: 300 });
const block = { number: 7n, hash: '0xb', time: 1n } as const;

function batchOf(size: number): KnownBatch {
  return {
    batchId: '1' as BatchId,
    chainId: 'eip155:1' as ChainId,
    relayer: '0xa',
    nonce: 0n,
    state: 'outstanding',
    filledEventId: null,
    topUp: null,
    members: Array.from({ length: size }, (_, position) => ({
      paymentId: `p${position}` as PaymentId,
      n: 1,
      position,
    })),
  };
}

const receiptOf = (cost: {
  gasUsed: bigint;
  gasPrice: bigint;
  l1Fee: bigint;
  fee: bigint;
}): ChainReceipt => ({
  ...cost,
  transaction: '0x1',
  status: 'success',
  blockNumber: 7n,
  blockHash: '0xb',
  from: '0xa',
  operatorFee: null,
  authorizationsUsed: [],
  proxyTransfers: [],
});
const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);

describe('the cost of a batch', () => {
  it('falls to its payments in parts that sum to the whole and differ by one unit at most', () => {
    fc.assert(
      fc.property(costs, sizes, (cost, size) => {
        const shares = costShares(cost, size);
        for (const field of ['gasUsed', 'l1Fee', 'fee'] as const) {
          const parts = shares.map((share) => share[field]);
          expect(sum(parts)).toBe(cost[field]);
          const [least, most] = [parts.at(-1) ?? 0n, parts[0] ?? 0n];
          expect(most - least).toBeLessThanOrEqual(1n);
        }
        for (const share of shares) expect(share.l1Fee).toBeLessThanOrEqual(share.fee);
      }),
    );
  });

  it('is shared by those that landed and those that missed alike, and each payment is told one end', () => {
    fc.assert(
      fc.property(costs, sizes, fc.infiniteStream(fc.boolean()), (cost, size, lands) => {
        const batch = batchOf(size);
        const landing: Landing = { transaction: '0x1', block, logIndex: 0 };
        const landed = batch.members.filter(() => lands.next().value);
        const landings = new Map(landed.map(({ paymentId }) => [paymentId, landing]));
        const { end, findings } = succeededBatch(
          batch,
          { receipt: receiptOf(cost), block },
          { landings, unusedAlone: false },
        );
        expect(findings.map(({ paymentId }) => paymentId)).toEqual(
          batch.members.map(({ paymentId }) => paymentId),
        );
        expect(sum(findings.map((finding) => costOf(finding)?.fee ?? 0n))).toBe(cost.fee);
        for (const finding of findings)
          expect(attemptEndOf(finding)).toBe(landings.has(finding.paymentId) ? 'landed' : 'missed');
        expect(end).toMatchObject({ type: 'mined', succeeded: true, cost: { fee: cost.fee } });
      }),
    );
  });
});

describe('a batch that reverted as a whole', () => {
  it('is halved until each of its payments is alone', () => {
    fc.assert(
      fc.property(costs, fc.integer({ min: 2, max: 1_000 }), (cost, size) => {
        let rounds = 0;
        for (let left = size; left > 1; rounds += 1) {
          const { findings } = revertedBatch(batchOf(left), { receipt: receiptOf(cost), block });
          const [first] = findings;
          const limit = first?.type === 'released' ? (first.batchLimit ?? left) : left;
          expect(limit).toBeLessThan(left);
          left = limit;
        }
        expect(rounds).toBeLessThanOrEqual(Math.ceil(Math.log2(size)));
      }),
      { numRuns: 20 },
    );
  });
});
