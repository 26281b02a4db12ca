import { createEvent, digits, type EventOf, type GasSpent } from '@quittance/events';
import { erc20AssetId } from '@quittance/money';

import { attemptEndOf, blockRef, costOf, type Finding, type FoundBlock, type Landing } from './finding.js';
import type { Hex, Payment } from './payment.js';

/** What an event is stamped with: what is new besides the facts that it tells. */
export type Stamp = { readonly id: string; readonly at: Date };

export type SettlementEvent =
  | EventOf<'settlement.submitted'>
  | EventOf<'settlement.confirmed'>
  | EventOf<'settlement.failed'>
  | EventOf<'settlement.released'>
  | EventOf<'settlement.reorged'>;

/** What all events of a payment begin with. */
export type EventFrame = { readonly payment: Payment; readonly stamp: Stamp; readonly causationId: string };

/** The signed transaction that an event tells of, for one of its payments. */
export type SubmittedAttempt = {
  readonly n: number;
  readonly relayer: Hex;
  readonly nonce: bigint;
  readonly hash: Hex;
  readonly batchSize: number;
  readonly gasLimit: bigint;
  readonly maxFeePerGas: bigint;
  /** The payment's part of gas limit × max fee. */
  readonly gasReserve: bigint;
};

/** The event that a signed transaction is stored and about to be broadcast. */
export function submittedEvent(
  payment: Payment,
  attempt: SubmittedAttempt,
  stamp: Stamp & { readonly causationId: string },
): EventOf<'settlement.submitted'> {
  return createEvent({
    ...frameParts({ payment, stamp, causationId: stamp.causationId }),
    type: 'settlement.submitted',
    data: {
      ...paymentData(payment),
      attempt: attempt.n,
      relayer: attempt.relayer,
      relayerNonce: digits(attempt.nonce),
      transaction: attempt.hash,
      batchSize: attempt.batchSize,
      gasLimit: digits(attempt.gasLimit),
      gasPriceMax: digits(attempt.maxFeePerGas),
      gasReserve: digits(attempt.gasReserve),
    },
  });
}

export function confirmedEvent(
  frame: EventFrame,
  {
    landing,
    by,
    gas,
  }: { readonly landing: Landing; readonly by: 'us' | 'other'; readonly gas: GasSpent | null },
): EventOf<'settlement.confirmed'> {
  return createEvent({
    ...frameParts(frame),
    type: 'settlement.confirmed',
    data: {
      ...paymentData(frame.payment),
      transaction: landing.transaction,
      block: blockRef(landing.block),
      logIndex: landing.logIndex,
      settledBy: by,
      gas,
    },
  });
}

export function failedEvent(
  frame: EventFrame,
  finding: Extract<Finding, { readonly type: 'reverted' | 'refused' }>,
  gas: GasSpent | null,
): EventOf<'settlement.failed'> {
  const mined = finding.type === 'reverted' ? finding : null;
  return createEvent({
    ...frameParts(frame),
    type: 'settlement.failed',
    data: {
      ...paymentData(frame.payment),
      reason: finding.reason,
      detail: finding.detail,
      authorizationSpent: finding.authorizationSpent,
      transaction: mined?.transaction ?? null,
      block: mined === null ? null : blockRef(mined.block),
      gas,
    },
  });
}

export function releasedEvent(
  frame: EventFrame,
  finding: Extract<Finding, { readonly type: 'reverted' | 'released' }>,
  gas: GasSpent | null,
): EventOf<'settlement.released'> {
  const block = finding.type === 'reverted' ? finding.block : (finding.mined?.block ?? null);
  return createEvent({
    ...frameParts(frame),
    type: 'settlement.released',
    data: {
      ...paymentData(frame.payment),
      attempt: finding.attempt,
      cause: finding.cause,
      transaction: finding.transaction,
      block: block === null ? null : blockRef(block),
      gas,
    },
  });
}

/** What an earlier event told, and which block made it so. */
export type Told = { readonly eventId: string; readonly transaction: Hex; readonly block: FoundBlock };

export function reorgedEvent(frame: EventFrame, told: Told): EventOf<'settlement.reorged'> {
  return createEvent({
    ...frameParts(frame),
    type: 'settlement.reorged',
    data: {
      ...paymentData(frame.payment),
      takesBack: told.eventId,
      transaction: told.transaction,
      block: blockRef(told.block),
    },
  });
}

/** What an attempt cost a payment, as events tell it; null when it was not mined. */
export function gasSpent(finding: Finding, { n, relayer }: { n: number; relayer: Hex }): GasSpent | null {
  const cost = costOf(finding);
  const end = attemptEndOf(finding);
  if (cost === null || end === null || end === 'displaced') return null;
  return {
    attempt: n,
    relayer,
    outcome: end === 'landed' ? 'ok' : end,
    gasUsed: digits(cost.gasUsed),
    gasPrice: digits(cost.gasPrice),
    l1Fee: digits(cost.l1Fee),
    fee: digits(cost.fee),
  };
}

/** Who pays whom what: the fields that every event of a payment has. */
export function paymentData(payment: Payment) {
  return {
    paymentId: payment.paymentId,
    chainId: payment.chainId,
    asset: erc20AssetId(payment.chainId, payment.asset),
    payer: payment.payer,
    payTo: payment.payTo,
    amount: digits(payment.amount),
  };
}

function frameParts({ stamp, causationId }: EventFrame) {
  return { id: stamp.id, occurredAt: stamp.at, causationId };
}
