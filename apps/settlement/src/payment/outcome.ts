import type { GasSpent } from '@quittance/events';

import type { AttemptState } from '../batch/batch.js';
import { attemptEndOf, type Cost, costOf, type Finding, type FoundBlock, type Landing } from './finding.js';
import { type Hex, type Payment, type PaymentEvent, type Standing, transition } from './payment.js';
import {
  confirmedEvent,
  type EventFrame,
  failedEvent,
  gasSpent,
  releasedEvent,
  reorgedEvent,
  type SettlementEvent,
  type Stamp,
  type Told,
} from './settlement-event.js';

/** Who confirmed a payment, and where. */
export type Settled = { readonly by: 'us' | 'other'; readonly landing: Landing };

/** All about a payment that a finding may change. */
export type Watched = {
  readonly payment: Payment;
  /** When the facilitator accepted it, milliseconds since 1970. */
  readonly acceptedMs: number;
  readonly standing: Standing;
  readonly lastEventId: string;
  /** The event that told what the payment came to, while that holds. */
  readonly outcomeEventId: string | null;
  readonly settled: Settled | null;
  readonly failureReason: string | null;
  readonly batchLimit: number;
  /** How often blocks that told something of it left the chain. */
  readonly reorgs: number;
};

/** The attempt that a finding is about, as stored. */
export type WatchedAttempt = { readonly n: number; readonly relayer: Hex; readonly state: AttemptState };

export type AttemptChange = {
  readonly n: number;
  readonly state: AttemptState;
  readonly cost: Cost | null;
  /** The event that tells it, null when the attempt is under way again. */
  readonly eventId: string | null;
};

export type Outcome = {
  readonly watched: Watched;
  /** What became of the attempt; null when it stays as it is. */
  readonly attempt: AttemptChange | null;
  readonly event: SettlementEvent | null;
};

/**
 * Applies a finding to a payment. Pure, and idempotent: the same finding again changes nothing and says nothing, because
 * both the payment's state and the attempt's remember it. An attempt that ends is always told.
 */
export function applyFinding(
  before: Watched,
  attempt: WatchedAttempt | null,
  { finding, stamp }: { readonly finding: Finding; readonly stamp: Stamp },
): Outcome {
  const standing = transition(before.standing, paymentEventOf(finding));
  const moved = standing.state !== before.standing.state;
  const ending = attempt !== null && endsAttempt(attempt, finding) ? attempt : null;
  const settled = standing.state === 'confirmed' ? (before.settled ?? settledBy(finding)) : null;
  const event = eventOf({ before, moved, settled, finding, stamp, attempt: ending });
  const watched = { ...before, standing, settled, lastEventId: event?.id ?? before.lastEventId };
  return {
    watched: {
      ...watched,
      ...(moved ? concluded(before, finding, { standing, event }) : {}),
      batchLimit: ending === null ? before.batchLimit : batchLimitAfter(before.batchLimit, finding),
    },
    attempt: ending === null ? null : attemptChange(ending, finding, event),
    event,
  };
}

/** What is noted with a change of state. */
function concluded(
  before: Watched,
  finding: Finding,
  { standing, event }: { readonly standing: Standing; readonly event: SettlementEvent | null },
): Partial<Watched> {
  const failureReason = 'reason' in finding ? finding.reason : before.failureReason;
  const isOutcome = standing.state === 'confirmed' || standing.state === 'failed';
  return { failureReason, outcomeEventId: isOutcome ? (event?.id ?? null) : before.outcomeEventId };
}

function attemptChange(
  { n, state }: WatchedAttempt,
  finding: Finding,
  event: SettlementEvent | null,
): AttemptChange {
  return {
    n,
    state: attemptEndOf(finding) ?? state,
    cost: costOf(finding),
    eventId: event?.id ?? null,
  };
}

/** What was told of a payment by blocks that have left the chain. */
export type TakenBack = {
  /** Attempts that ended in those blocks. */
  readonly attempts: readonly { readonly n: number; readonly told: Told }[];
};

export type Reorged = {
  readonly watched: Watched;
  readonly attempts: readonly AttemptChange[];
  readonly events: readonly SettlementEvent[];
};

/**
 * Takes back what blocks after `ancestor` told of a payment: each event once, though it may have told of both the
 * payment and an attempt.
 */
export function takeBack(
  before: Watched,
  { attempts }: TakenBack,
  { ancestor, stamp }: { readonly ancestor: bigint; readonly stamp: () => Stamp },
): Reorged {
  const settled = before.settled;
  const gone = settled !== null && settled.landing.block.number > ancestor ? settled.landing : null;
  const told = new Map(attempts.map((attempt) => [attempt.told.eventId, attempt.told]));
  if (gone !== null && before.outcomeEventId !== null)
    told.set(before.outcomeEventId, { ...gone, eventId: before.outcomeEventId });
  const outcome = settled === null ? told.has(before.outcomeEventId ?? '') : gone !== null;
  const standing = transition(before.standing, {
    type: 'reorged',
    attempts: attempts.map(({ n }) => n),
    outcome,
  });
  const events: SettlementEvent[] = [];
  let causationId = before.lastEventId;
  for (const each of told.values()) {
    const event = reorgedEvent({ payment: before.payment, stamp: stamp(), causationId }, each);
    events.push(event);
    causationId = event.id;
  }
  return {
    watched: {
      ...before,
      standing,
      lastEventId: causationId,
      reorgs: before.reorgs + 1,
      ...(outcome ? { outcomeEventId: null, settled: null, failureReason: null } : {}),
    },
    attempts: attempts.map(({ n }) => ({ n, state: 'outstanding', cost: null, eventId: null })),
    events,
  };
}

/** The block that a finding stands in, null for one that stands in none. */
export function blockOf(finding: Finding): FoundBlock | null {
  switch (finding.type) {
    case 'landed':
      return finding.landing.block;
    case 'reverted':
      return finding.block;
    case 'released':
      return finding.mined?.block ?? null;
    case 'refused':
      return null;
  }
}

function paymentEventOf(finding: Finding): PaymentEvent {
  switch (finding.type) {
    case 'landed':
      return { type: 'landed', attempt: finding.own?.attempt ?? null };
    case 'reverted':
    case 'released':
      return { type: finding.type, attempt: finding.attempt };
    case 'refused':
      return { type: 'refused' };
  }
}

function settledBy(finding: Finding): Settled | null {
  return finding.type === 'landed' ? { by: finding.by, landing: finding.landing } : null;
}

/** One that was taken for displaced may turn out to be mined. */
function endsAttempt(attempt: WatchedAttempt, finding: Finding): boolean {
  const end = attemptEndOf(finding);
  if (end === null) return false;
  return attempt.state === 'outstanding' || (attempt.state === 'displaced' && end !== 'displaced');
}

function batchLimitAfter(before: number, finding: Finding): number {
  if (finding.type !== 'released' || finding.batchLimit === null) return before;
  return Math.min(before, finding.batchLimit);
}

type EventInput = {
  readonly before: Watched;
  readonly moved: boolean;
  readonly settled: Settled | null;
  readonly finding: Finding;
  readonly stamp: Stamp;
  /** The attempt that ends with this. */
  readonly attempt: WatchedAttempt | null;
};

function eventOf({ before, moved, settled, finding, stamp, attempt }: EventInput): SettlementEvent | null {
  const frame = { payment: before.payment, stamp, causationId: before.lastEventId };
  const gas = attempt === null ? null : gasSpent(finding, attempt);
  switch (finding.type) {
    case 'landed':
      if (settled === null || (!moved && attempt === null)) return null;
      return confirmedEvent(frame, { ...settled, gas });
    case 'refused':
      return moved ? failedEvent(frame, finding, null) : null;
    case 'reverted':
      return moved ? failedEvent(frame, finding, gas) : endEvent(frame, finding, { attempt, gas });
    case 'released':
      return endEvent(frame, finding, { attempt, gas });
  }
}

function endEvent(
  frame: EventFrame,
  finding: Parameters<typeof releasedEvent>[1],
  { attempt, gas }: { readonly attempt: WatchedAttempt | null; readonly gas: GasSpent | null },
): SettlementEvent | null {
  return attempt === null ? null : releasedEvent(frame, finding, gas);
}
