import { describe, expect, it } from '@jest/globals';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import type { AuthorizationLog, ChainReceipt, SettlementChain } from '../chain/settlement-chain.js';
import type { FollowerRepository } from '../follower/follower.repository.js';
import type { QueuedPayment } from '../payment/payment-row.js';
import { Decider } from './decider.js';
import type { Estimate } from './estimate.js';

const payment = {
  paymentId: 'p' as PaymentId,
  method: 'eip3009',
  asset: '0xa',
  payer: '0xb',
  nonce: '0xc',
  attempts: 1,
  reorgs: 0,
  faults: 0,
  spentSeenAt: null,
  acceptedSeconds: 0n,
  validBefore: 50n,
} as unknown as QueuedPayment;
const log = {
  asset: '0xa',
  authorizer: '0xb',
  nonce: '0xc',
  transaction: '0x1',
  blockNumber: 90n,
  blockHash: '0xbb',
  logIndex: 0,
} as AuthorizationLog;
const poor: Estimate = { ok: false, revert: 'ERC20: transfer amount exceeds balance' };
const block = { number: 100n, hash: '0xbb', time: 100n };

/** A chain at block 100, with what it says of the authorization and of our only transaction. */
function deciding(says: { cursor?: bigint; spent?: boolean; used?: boolean; cancelled?: boolean }): Decider {
  const receipt = { authorizationsUsed: says.used === true ? [log] : [] } as unknown as ChainReceipt;
  const chain = {
    network: { chainId: 'eip155:1' as ChainId, confirmations: 1 },
    latestBlock: async () => block,
    block: async (number: bigint) => ({ ...block, number }),
    spentOf: async () => [says.spent === true],
    authorizationEnds: async () => ({ used: [], cancelled: says.cancelled === true ? [log] : [] }),
    receipt: async () => receipt,
  } as unknown as SettlementChain;
  const follower = {
    cursor: async () => ({ number: says.cursor ?? 100n, hash: '0xbb', finalNumber: 0n }),
    transactionsOf: async () => ['0x1'],
    match: async () => [{ log, paymentId: payment.paymentId, batchId: '1' }],
    takenFrom: () => async () => false,
  } as unknown as FollowerRepository;
  const write = () => undefined;
  const approver = { step: async () => ({ kind: 'under_way' }) as const };
  return new Decider({ chain, follower, approver, log: { info: write, warn: write, error: write } });
}

/** What comes of refusals that go on for as long as it takes. */
async function refusedForGood(decider: Decider) {
  for (let look = 0; look < 3; look += 1) await decider.judge(payment, poor, { nowSeconds: 0n });
  await new Promise((resolve) => setTimeout(resolve, 1_010));
  return decider.judge(payment, poor, { nowSeconds: 0n });
}

const isRefused = (reason: string) => ({ kind: 'conclude', finding: { type: 'refused', reason } });
const hasLanded = { kind: 'conclude', finding: { type: 'landed', by: 'us' } };

describe('a refusal that goes on', () => {
  it('is a verdict where the authorization is unused and no receipt of ours says otherwise', async () => {
    expect(await refusedForGood(deciding({}))).toMatchObject(isRefused('insufficient_funds'));
  });

  it('is none from a node that is behind what was read already', async () => {
    expect(await refusedForGood(deciding({ cursor: 101n }))).toMatchObject({ kind: 'defer' });
  });

  it('is none where the authorization is spent: that is looked into', async () => {
    expect(await refusedForGood(deciding({ spent: true, used: true }))).toMatchObject(hasLanded);
    expect(await refusedForGood(deciding({ spent: true }))).toMatchObject({ kind: 'defer' });
  });

  it('is none against a receipt of ours', async () => {
    expect(await refusedForGood(deciding({ used: true }))).toMatchObject({ kind: 'defer' });
  });
});

describe('an overdue payment', () => {
  it('is concluded where the authorization is unused, unless a receipt of ours says otherwise', async () => {
    expect(await deciding({}).overdue(payment)).toMatchObject(isRefused('payment_expired'));
    expect(await deciding({ used: true }).overdue(payment)).toMatchObject({ kind: 'defer' });
  });

  it('whose authorization is spent landed by the receipt of ours, was cancelled by the log of that, or waits', async () => {
    expect(await deciding({ spent: true, used: true }).overdue(payment)).toMatchObject(hasLanded);
    expect(await deciding({ spent: true, cancelled: true }).overdue(payment)).toMatchObject(
      isRefused('invalid_exact_evm_nonce_already_used'),
    );
    expect(await deciding({ spent: true }).overdue(payment)).toMatchObject({ kind: 'defer' });
  });
});
