import { createEvent, digits, type EventOf, type GasSpent } from '@quittance/events';
import { erc20AssetId } from '@quittance/money';

import type { Attempt, AttemptState } from '../attempt/attempt.js';
import { blockRef, type Cost, type Finding, type Landing } from './finding.js';
import {
  type Hex,
  type Payment,
  type PaymentEvent,
  type PaymentState,
  type Standing,
  transition,
} from './payment.js';

/** Who confirmed a payment, and where. */
export type Settled = { readonly by: 'us' | 'other'; readonly landing: Landing };

/** All about a payment that a finding may change. */
export type Watched = {
  readonly payment: Payment;
  readonly standing: Standing;
  readonly lastEventId: string;
  readonly settled: Settled | null;
  readonly failureReason: string | null;
};

/** The attempt that a finding is about, as stored. */
export type WatchedAttempt = { readonly n: number; readonly relayer: Hex; readonly state: AttemptState };

/** What is new besides the finding: events are stamped with it. */
export type Stamp = { readonly id: string; readonly at: Date };

export type SettlementEvent =
  EventOf<'settlement.submitted'> | EventOf<'settlement.confirmed'> | EventOf<'settlement.failed'>;

export type Outcome = {
  readonly watched: Watched;
  /** The attempt's new state and what it cost; null when it stays as it is. */
  readonly attempt: { readonly n: number; readonly state: AttemptState; readonly cost: Cost | null } | null;
  readonly event: SettlementEvent | null;
};

/**
 * Applies a finding to a payment. Pure, and idempotent: the same finding again changes nothing and says nothing, because
 * both the payment's state and the attempt's remember it.
 */
export function applyFinding(
  before: Watched,
  attempt: WatchedAttempt | null,
  { finding, stamp }: { readonly finding: Finding; readonly stamp: Stamp },
): Outcome {
  const standing = transition(before.standing, paymentEventOf(finding));
  const moved = standing !== before.standing;
  const attemptChange = attemptChangeOf(attempt, finding);
  const settled = before.settled ?? settledBy(finding);
  const failureReason = moved && 'reason' in finding ? finding.reason : before.failureReason;
  const event = eventOf({
    before,
    moved,
    settled,
    finding,
    stamp,
    gas: gasOf(finding, attempt, attemptChange !== null),
    to: standing.state,
  });
  return {
    watched: {
      ...before,
      standing,
      settled: standing.state === 'confirmed' ? settled : null,
      failureReason,
      lastEventId: event?.id ?? before.lastEventId,
    },
    attempt: attemptChange,
    event,
  };
}

function paymentEventOf(finding: Finding): PaymentEvent {
  switch (finding.type) {
    case 'landed':
      return { type: 'landed' };
    case 'reverted':
    case 'displaced':
      return { type: finding.type, attempt: finding.attempt };
    case 'refused':
      return { type: 'refused' };
  }
}

function settledBy(finding: Finding): Settled | null {
  return finding.type === 'landed'
    ? { by: finding.own === null ? 'other' : 'us', landing: finding.landing }
    : null;
}

function attemptChangeOf(attempt: WatchedAttempt | null, finding: Finding): Outcome['attempt'] {
  if (attempt === null || attempt.state === 'succeeded' || attempt.state === 'reverted') return null;
  switch (finding.type) {
    case 'landed':
      return finding.own === null ? null : { n: attempt.n, state: 'succeeded', cost: finding.own.cost };
    case 'reverted':
      return { n: attempt.n, state: 'reverted', cost: finding.cost };
    case 'displaced':
      return attempt.state === 'outstanding' ? { n: attempt.n, state: 'displaced', cost: null } : null;
    case 'refused':
      return null;
  }
}

/** What ours cost, when this is the moment that it becomes known. */
function gasOf(finding: Finding, attempt: WatchedAttempt | null, changed: boolean): GasSpent | null {
  if (attempt === null || !changed) return null;
  if (finding.type === 'landed' && finding.own !== null) return gasSpent(attempt, 'ok', finding.own.cost);
  return finding.type === 'reverted' ? gasSpent(attempt, 'reverted', finding.cost) : null;
}

function gasSpent({ n, relayer }: WatchedAttempt, outcome: 'ok' | 'reverted', cost: Cost): GasSpent {
  return {
    attempt: n,
    relayer,
    outcome,
    gasUsed: digits(cost.gasUsed),
    gasPrice: digits(cost.gasPrice),
    fee: digits(cost.fee),
  };
}

type EventInput = {
  readonly before: Watched;
  readonly moved: boolean;
  readonly to: PaymentState;
  readonly settled: Settled | null;
  readonly finding: Finding;
  readonly stamp: Stamp;
  readonly gas: GasSpent | null;
};

/**
 * A change of state is told, and so is a cost that becomes known afterwards; anything else is silent. That includes a
 * transaction of ours that is displaced after somebody else landed the payment: it cost nothing.
 */
function eventOf({ before, moved, to, settled, finding, stamp, gas }: EventInput): SettlementEvent | null {
  if (!moved && gas === null) return null;
  const parts = { id: stamp.id, occurredAt: stamp.at, causationId: before.lastEventId };
  if (to === 'confirmed' && settled !== null) {
    const { landing, by } = settled;
    return createEvent({
      ...parts,
      type: 'settlement.confirmed',
      data: {
        ...paymentData(before.payment),
        transaction: landing.transaction,
        block: blockRef(landing.block),
        logIndex: landing.logIndex,
        settledBy: by,
        gas,
      },
    });
  }
  if (to !== 'failed' || (finding.type !== 'reverted' && finding.type !== 'refused')) return null;
  const mined = finding.type === 'reverted' ? finding : null;
  return createEvent({
    ...parts,
    type: 'settlement.failed',
    data: {
      ...paymentData(before.payment),
      reason: finding.reason,
      detail: finding.detail,
      authorizationSpent: finding.authorizationSpent,
      transaction: mined?.transaction ?? null,
      block: mined === null ? null : blockRef(mined.block),
      gas,
    },
  });
}

/** The event that a signed transaction is stored and about to be broadcast. */
export function submittedEvent(
  payment: Payment,
  attempt: Attempt,
  stamp: Stamp & { readonly causationId: string },
): EventOf<'settlement.submitted'> {
  return createEvent({
    id: stamp.id,
    occurredAt: stamp.at,
    causationId: stamp.causationId,
    type: 'settlement.submitted',
    data: {
      ...paymentData(payment),
      attempt: attempt.n,
      relayer: attempt.relayer,
      relayerNonce: digits(attempt.nonce),
      transaction: attempt.hash,
      gasLimit: digits(attempt.gasLimit),
      gasPriceMax: digits(attempt.maxFeePerGas),
    },
  });
}

function paymentData(payment: Payment) {
  return {
    paymentId: payment.paymentId,
    chainId: payment.chainId,
    asset: erc20AssetId(payment.chainId, payment.asset),
    payer: payment.payer,
    payTo: payment.payTo,
    amount: digits(payment.amount),
  };
}
