import { describe, expect, it } from '@jest/globals';
import type { BatchSimulation } from '@quittance/chain';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import type { Decision } from '../attempt/decider.js';
import type { SettlementChain } from '../chain/settlement-chain.js';
import type { Hex } from '../payment/payment.js';
import { Doubts } from './doubts.js';
import { batchGasLimit } from './gas.js';
import { type Candidate, type Plan, Trial } from './trial.js';

const address: Hex = `0x${'11'.repeat(20)}`;
const id = (index: number) => `payment-${index}` as PaymentId;

const candidate = (index: number): Candidate => ({
  paymentId: id(index),
  chainId: 'eip155:1' as ChainId,
  scheme: 'exact',
  method: 'eip3009',
  asset: address,
  payer: address,
  payTo: address,
  amount: 1n,
  ceiling: 1n,
  validAfter: 0n,
  validBefore: 10_000n,
  nonce: `0x${'22'.repeat(32)}`,
  signature: '0x',
  facilitator: null,
  sponsoring: null,
  attempts: 0,
  batchLimit: 1_000,
  reorgs: 0,
  faults: 0,
  spentSeenAt: null,
  acceptedSeconds: 0n,
  waitedMs: 0,
  calldata: '0x',
});

const planOf = (...indexes: number[]): Plan => ({
  signer: { relayer: { address, sign: () => ({ raw: '0x', hash: '0x' }) }, token: 1n },
  pack: {
    asset: address,
    members: indexes.map(candidate),
    gas: indexes.map((index) => BigInt(1_000 * index)),
  },
});

type Simulate = () => Promise<BatchSimulation>;
const block = { blockNumber: 1n, blockTime: 1n, baseFeePerGas: 1n };
const down = new Error('the node does not answer');

/** Refuses what reverts and signs the rest. */
const decider = {
  alone: async ({ paymentId }: Candidate): Promise<Decision> => ({ kind: 'sign', paymentId, gasLimit: 7n }),
  judge: async (
    { paymentId }: { readonly paymentId: PaymentId },
    estimate: { readonly ok: boolean },
  ): Promise<Decision> =>
    estimate.ok
      ? { kind: 'sign', paymentId, gasLimit: 7n }
      : { kind: 'defer', deferral: { paymentId, delayMs: 500, spentSeenAt: null } },
};

function trialOn(simulate: Simulate, ping: () => Promise<void> = async () => undefined) {
  const doubts = new Doubts();
  const silent = () => undefined;
  const trial = new Trial({
    chain: {
      network: { chainId: 'eip155:1' } as unknown as SettlementChain['network'],
      ping,
      simulateBatch: simulate,
    },
    decider: decider as never,
    doubts,
    log: { info: silent, warn: silent, error: silent },
  });
  return { trial, doubts };
}

describe('a batch that is tried', () => {
  it('loses those that fail, each to its own verdict, and keeps the others in their order', async () => {
    const { trial } = trialOn(async () => ({
      results: [{ ok: true }, { ok: false, revert: 'exceeds balance' }, { ok: true }],
      ...block,
    }));
    const [tried] = await trial.run([planOf(1, 2, 3)], 100n);
    expect(tried).toMatchObject({
      toSign: [id(1), id(3)],
      gasLimit: batchGasLimit([1_000n, 3_000n]),
      others: [{ kind: 'defer', deferral: { paymentId: id(2) } }],
    });
  });

  it('leaves a member that fails without a reason to be tried alone, which is no verdict', async () => {
    const { trial, doubts } = trialOn(async () => ({
      results: [{ ok: true }, { ok: false, revert: '' }],
      ...block,
    }));
    const [tried] = await trial.run([planOf(1, 2)], 100n);
    expect(tried).toMatchObject({ toSign: [id(1)], others: [] });
    expect([doubts.limitOf(id(1)), doubts.limitOf(id(2))]).toEqual([Number.POSITIVE_INFINITY, 1]);
  });

  it('is halved when it would revert as a whole', async () => {
    const { trial, doubts } = trialOn(async () => ({ reverted: 'out of gas' }));
    const [tried] = await trial.run([planOf(1, 2, 3)], 100n);
    expect(tried).toMatchObject({ toSign: [], others: [] });
    expect([1, 2, 3].map((index) => doubts.limitOf(id(index)))).toEqual([2, 2, 2]);
  });

  it('is halved and waits when the node cannot say, and does not hold up what it can', async () => {
    const { trial, doubts } = trialOn(() => Promise.reject(down));
    const [batch, single] = await trial.run([planOf(1, 2, 3, 4), planOf(5)], 100n);
    expect(batch?.others.map(({ kind }) => kind)).toEqual(['defer', 'defer', 'defer', 'defer']);
    expect(doubts.limitOf(id(4))).toBe(2);
    expect(single).toMatchObject({ toSign: [id(5)], gasLimit: 7n });
  });

  it('changes nothing when the node does not answer at all', async () => {
    const { trial, doubts } = trialOn(
      () => Promise.reject(down),
      () => Promise.reject(down),
    );
    await expect(trial.run([planOf(1, 2)], 100n)).rejects.toBe(down);
    expect(doubts.limitOf(id(1))).toBe(Number.POSITIVE_INFINITY);
  });
});
