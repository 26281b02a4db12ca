import { allocate, atomicAmount } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import type { BatchId, BatchState, Slot } from '../batch/batch.js';
import type { ChainReceipt } from '../chain/settlement-chain.js';
import type { TopUp } from '../sponsoring/top-up.js';
import type { Cost, Finding, FoundBlock, Landing } from '../payment/finding.js';
import type { Hex } from '../payment/payment.js';

/** A payment's place in a batch; `n` counts the payment's attempts from 1. */
export type BatchMember = { readonly paymentId: PaymentId; readonly n: number; readonly position: number };

/** A batch with what it carries, as stored. */
export type KnownBatch = Slot & {
  readonly batchId: BatchId;
  readonly state: BatchState;
  /** The event that told of it before, when it carries nothing. */
  readonly filledEventId: string | null;
  /** What it gives a payer; null where it gives nothing. */
  readonly topUp: TopUp | null;
  /** By position. */
  readonly members: readonly BatchMember[];
};

/** How a batch ended. */
export type BatchEnd =
  | {
      readonly type: 'mined';
      readonly batch: KnownBatch;
      readonly transaction: Hex;
      readonly succeeded: boolean;
      readonly block: FoundBlock;
      readonly cost: Cost;
    }
  | { readonly type: 'displaced'; readonly batch: KnownBatch };

/** How a batch ended, and what that means for its payments. */
export type EndedBatch = { readonly end: BatchEnd; readonly findings: readonly Finding[] };

/** A mined transaction of a batch. */
export type Mined = { readonly receipt: ChainReceipt; readonly block: FoundBlock };

const notALog = {
  reason: 'invalid_exact_evm_transaction_failed',
  detail: 'Mined, and the token wrote no AuthorizationUsed log.',
  authorizationSpent: false,
} as const;

export function costOfReceipt({ gasUsed, gasPrice, l1Fee, fee }: ChainReceipt): Cost {
  return { gasUsed, gasPrice, l1Fee: l1Fee ?? 0n, fee };
}

/** A cost in equal parts that sum to it; what does not divide goes to the first. */
export function costShares(cost: Cost, parts: number): Cost[] {
  if (parts === 0) return [];
  const weights = Array.from({ length: parts }, () => 1n);
  const [gasUsed, l1Fee, fee] = [cost.gasUsed, cost.l1Fee, cost.fee].map((total) =>
    allocate(atomicAmount(total), weights),
  );
  return weights.map((_, index) => ({
    gasUsed: gasUsed?.[index] ?? 0n,
    gasPrice: cost.gasPrice,
    l1Fee: l1Fee?.[index] ?? 0n,
    fee: fee?.[index] ?? 0n,
  }));
}

/** What the logs of a mined transaction say of its payments. */
export type Landed = {
  readonly landings: ReadonlyMap<PaymentId, Landing>;
  /** The authorization of a payment alone is known to be unused although its transaction succeeded. */
  readonly unusedAlone: boolean;
};

/**
 * A batch whose transaction succeeded: payments with a log of it landed, the others missed. Nobody knows here why one
 * missed, except that a payment alone would have made the transaction fail: its token does not do what it should.
 */
export function succeededBatch(
  batch: KnownBatch,
  mined: Mined,
  { landings, unusedAlone }: Landed,
): EndedBatch {
  const findings = eachMember(batch, mined, ({ paymentId, n }, cost): Finding => {
    const landing = landings.get(paymentId);
    if (landing !== undefined)
      return { type: 'landed', paymentId, landing, by: 'us', own: { attempt: n, cost } };
    const { transaction } = mined.receipt;
    const missed = { paymentId, attempt: n, cause: 'missed', transaction } as const;
    return unusedAlone
      ? { type: 'reverted', ...missed, ...notALog, block: mined.block, cost }
      : { type: 'released', ...missed, mined: { block: mined.block, cost }, batchLimit: null };
  });
  return { end: minedEnd(batch, mined), findings };
}

/** A batch that failed as a whole, for what reason ever: each of its payments is tried again among half as many. */
export function revertedBatch(batch: KnownBatch, mined: Mined): EndedBatch {
  const batchLimit = Math.max(1, Math.ceil(batch.members.length / 2));
  const findings = eachMember(batch, mined, ({ paymentId, n }, cost) => ({
    type: 'released',
    paymentId,
    attempt: n,
    cause: 'reverted',
    transaction: mined.receipt.transaction,
    mined: { block: mined.block, cost },
    batchLimit,
  }));
  return { end: minedEnd(batch, mined), findings };
}

/** What the transaction of a batch of one says about its payment when it failed. */
export type Verdict = Pick<
  Extract<Finding, { readonly type: 'reverted' }>,
  'reason' | 'detail' | 'authorizationSpent'
>;

export function revertedSingle(batch: KnownBatch, mined: Mined, verdict: Verdict): EndedBatch {
  const findings = eachMember(batch, mined, ({ paymentId, n }, cost) => ({
    type: 'reverted',
    paymentId,
    attempt: n,
    cause: 'reverted',
    transaction: mined.receipt.transaction,
    block: mined.block,
    cost,
    ...verdict,
  }));
  return { end: minedEnd(batch, mined), findings };
}

/** A batch whose nonce another transaction used. */
export function displacedBatch(batch: KnownBatch, newest: Hex): EndedBatch {
  const findings = batch.members.map(({ paymentId, n }): Finding => ({
    type: 'released',
    paymentId,
    attempt: n,
    cause: 'displaced',
    transaction: newest,
    mined: null,
    batchLimit: null,
  }));
  return { end: { type: 'displaced', batch }, findings };
}

function eachMember(
  batch: KnownBatch,
  { receipt }: Mined,
  findingOf: (member: BatchMember, cost: Cost) => Finding,
): Finding[] {
  const shares = costShares(costOfReceipt(receipt), batch.members.length);
  return batch.members.flatMap((member, index) => {
    const share = shares[index];
    return share === undefined ? [] : [findingOf(member, share)];
  });
}

function minedEnd(batch: KnownBatch, { receipt, block }: Mined): BatchEnd {
  return {
    type: 'mined',
    batch,
    transaction: receipt.transaction,
    succeeded: receipt.status === 'success',
    block,
    cost: costOfReceipt(receipt),
  };
}
