import { describe, expect, it } from '@jest/globals';
import { ChainUnavailableError, type PermitEnds, type TransferLog } from '@quittance/chain';
import { settlementCallOf } from '@quittance/exact-evm';
import { atomicAmount } from '@quittance/money';

import type { Hex } from '../payment/payment.js';
import { permitEndIn, type PermitEndReader, type TakenTransfers } from './permit-search.js';
import type { ChainReceipt } from './settlement-chain.js';

const address = (digit: string): Hex => `0x${digit.repeat(40)}`;
const word = (digit: string): Hex => `0x${digit.repeat(64)}`;
const payment = {
  method: 'permit2',
  asset: address('a'),
  payer: address('b'),
  payTo: address('c'),
  amount: 7n,
  nonce: word('1'),
} as const;
const place = { transaction: word('e'), blockNumber: 50n, blockHash: word('f'), logIndex: 3 };
const transfer: TransferLog = {
  ...place,
  asset: payment.asset,
  from: payment.payer,
  to: payment.payTo,
  value: 7n,
};

/** What a relayer sends to a proxy for a permit with this nonce and signature. */
const settling = (nonce: Hex, signature: Hex = '0x'): Hex =>
  settlementCallOf({
    method: 'permit2',
    token: payment.asset,
    payer: payment.payer,
    payTo: payment.payTo,
    value: atomicAmount(7n),
    validAfter: 0n,
    validBefore: 1n,
    nonce,
    signature,
    requirements: { amount: atomicAmount(7n) },
    facilitator: null,
    sponsoring: null,
  }).data;

type Seen = {
  readonly ends?: Partial<PermitEnds>;
  readonly calldata?: Hex;
  /** The block in which the nonce became spent; null where the node knows of no old states. */
  readonly spentIn?: bigint | null;
  readonly isOfProxy?: boolean;
  readonly isTaken?: TakenTransfers;
};

function endSeen({
  ends,
  calldata = settling(payment.nonce),
  spentIn = 50n,
  isOfProxy = true,
  isTaken = async () => false,
}: Seen) {
  const chain: PermitEndReader = {
    permitEnds: async () => ({ transfers: [transfer], invalidations: [], ...ends }),
    receipt: async () => ({ proxyTransfers: isOfProxy ? [transfer] : [] }) as unknown as ChainReceipt,
    calldataOf: async () => calldata,
    spentOf: async (_, at) => {
      if (spentIn === null)
        throw Object.setPrototypeOf(new Error('missing trie node'), ChainUnavailableError.prototype) as Error;
      return [at === 'latest' || at >= spentIn];
    },
    ping: async () => undefined,
  };
  return permitEndIn(chain, payment, { fromBlock: 1n, toBlock: 100n, isTaken });
}

const used = { how: 'used', log: { transaction: place.transaction, logIndex: 3 } };
const cancelled = { how: 'cancelled', log: { transaction: word('d') } };
const invalidationAt = (blockNumber: bigint) => ({
  invalidations: [{ ...place, transaction: word('d'), blockNumber, logIndex: 9 }],
});

describe('a transfer as a permit would make it', () => {
  it('is its use where its nonce became spent with it, and the proxy was asked for that one', async () => {
    await expect(endSeen({})).resolves.toMatchObject(used);
    await expect(endSeen({ spentIn: null })).resolves.toMatchObject(used);
    const within: Hex = `0xdeadbeef${settling(payment.nonce).slice(2)}`;
    await expect(endSeen({ calldata: within })).resolves.toMatchObject(used);
  });

  it.each<[string, Seen]>([
    ['without a proxy', { isOfProxy: false }],
    ['of a block before', { spentIn: 51n }],
    ['of a block after', { spentIn: 49n }],
    ['by a permit with another nonce', { calldata: settling(word('2')) }],
    ['by another whose signature has its nonce in it', { calldata: settling(word('2'), payment.nonce) }],
    ['that pays another payment', { isTaken: async ({ logIndex }) => logIndex === 3 }],
  ])('is not: %s', async (_, seen) => {
    await expect(endSeen(seen)).resolves.toBeNull();
  });

  it('is not where its payer took it back before, or in the same block', async () => {
    for (const at of [49n, 50n])
      await expect(endSeen({ ends: invalidationAt(at), spentIn: at })).resolves.toMatchObject(cancelled);
    await expect(endSeen({ ends: invalidationAt(51n) })).resolves.toMatchObject(used);
  });
});
