import type { BlockRef, EventOf, GasSpent } from '@quittance/events';

import type { MovingEvent } from './transition.js';

export const attemptOutcomes = [
  'pending',
  'settled',
  'replaced',
  'displaced',
  'missed',
  'reverted',
  'reorged',
] as const;

/**
 * Pending: out, and in no block that we know of. Settled: it moved the money. Replaced: one that pays more went out for
 * it. Displaced: another transaction took its nonce. Missed: mined, without settling this payment. Reverted: mined, all
 * of it failed. Reorged: its block left the chain; it may be mined again.
 */
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** One signed transaction of ours for a payment; versions of an attempt share a nonce, so at most one is ever mined. */
export type Attempt = {
  readonly attempt: number;
  readonly version: number;
  readonly transaction: string;
  /** Null only where the event that told of the first version is missing. */
  readonly relayer: string | null;
  readonly relayerNonce: bigint | null;
  readonly batchSize: number | null;
  readonly submittedAt: Date;
  readonly outcome: AttemptOutcome;
  /** The event that told of the outcome. */
  readonly outcomeEventId: string | null;
  readonly blockNumber: bigint | null;
  /** This payment's part of what it cost, in wei. */
  readonly fee: bigint | null;
};

/** What an event makes of a payment's attempts. Total, as the transition is; an attempt that it leaves alone is the same object. */
export function attemptsAfter(attempts: readonly Attempt[], event: MovingEvent): readonly Attempt[] {
  switch (event.type) {
    case 'settlement.submitted':
      return submitted(attempts, event);
    case 'settlement.replaced':
      return replaced(attempts, event);
    case 'settlement.released':
      return released(attempts, event);
    case 'settlement.confirmed':
      return confirmed(attempts, event);
    case 'settlement.failed':
      return failed(attempts, event);
    case 'settlement.reorged':
      return reorged(attempts, event);
    case 'payment.expired':
      return attempts;
  }
}

function submitted(attempts: readonly Attempt[], event: EventOf<'settlement.submitted'>): readonly Attempt[] {
  const { data, occurredAt } = event;
  if (has(attempts, data.attempt, 1)) return attempts;
  const later = attempts.find((other) => other.attempt === data.attempt);
  return [
    ...attempts,
    {
      attempt: data.attempt,
      version: 1,
      transaction: data.transaction,
      relayer: data.relayer,
      relayerNonce: BigInt(data.relayerNonce),
      batchSize: data.batchSize,
      submittedAt: new Date(occurredAt),
      ...(later === undefined ? pending : ended('replaced', event.id)),
    },
  ];
}

function replaced(attempts: readonly Attempt[], event: EventOf<'settlement.replaced'>): readonly Attempt[] {
  const { data, occurredAt, id } = event;
  if (has(attempts, data.attempt, data.version)) return attempts;
  const versions = attempts.filter(({ attempt }) => attempt === data.attempt);
  const { relayer = null, relayerNonce = null, batchSize = null } = versions[0] ?? {};
  const isNewest = versions.every(({ version }) => version < data.version);
  return [
    ...attempts.map((other) =>
      other.attempt === data.attempt && other.version < data.version && isOut(other)
        ? { ...other, ...ended('replaced', id) }
        : other,
    ),
    {
      attempt: data.attempt,
      version: data.version,
      transaction: data.transaction,
      relayer,
      relayerNonce,
      batchSize,
      submittedAt: new Date(occurredAt),
      ...(isNewest ? pending : ended('replaced', id)),
    },
  ];
}

function released(attempts: readonly Attempt[], event: EventOf<'settlement.released'>): readonly Attempt[] {
  const { attempt, transaction, cause, block, gas } = event.data;
  const mined = carrier(attempts, transaction) ?? newest(attempts, attempt);
  return end(attempts, mined, { outcome: cause, eventId: event.id, block, gas });
}

function confirmed(attempts: readonly Attempt[], event: EventOf<'settlement.confirmed'>): readonly Attempt[] {
  const { transaction, block, gas } = event.data;
  const eventId = event.id;
  const ours = carrier(attempts, transaction);
  const own = gas?.outcome === 'ok' ? gas : null;
  const after = end(attempts, ours, { outcome: 'settled', eventId, block, gas: own });
  if (gas === null || gas.outcome === 'ok') return after;
  // Somebody else's transaction settled it, and ours was mined for nothing.
  return end(after, newest(after, gas.attempt), { outcome: gas.outcome, eventId, block: null, gas });
}

function failed(attempts: readonly Attempt[], event: EventOf<'settlement.failed'>): readonly Attempt[] {
  const { transaction, block, gas } = event.data;
  if (transaction === null || block === null) return attempts;
  const outcome = gas?.outcome === 'missed' ? 'missed' : 'reverted';
  return end(attempts, carrier(attempts, transaction), { outcome, eventId: event.id, block, gas });
}

/** What the named event told did not happen: neither the outcome, nor that others lost their nonce to it. */
function reorged(attempts: readonly Attempt[], event: EventOf<'settlement.reorged'>): readonly Attempt[] {
  const takesBack = idOf(event.data.takesBack);
  return attempts.map((attempt) => {
    if (attempt.outcomeEventId !== takesBack || !isEnded(attempt)) return attempt;
    return { ...attempt, ...ended(attempt.outcome === 'displaced' ? 'pending' : 'reorged', event.id) };
  });
}

type End = {
  readonly outcome: AttemptOutcome;
  readonly eventId: string;
  readonly block: BlockRef | null;
  readonly gas: GasSpent | null;
};

/** Ends one transaction; others of its attempt, which waited for the same nonce, can no longer be mined. */
function end(
  attempts: readonly Attempt[],
  target: Attempt | undefined,
  { outcome, eventId, block, gas }: End,
): readonly Attempt[] {
  if (target === undefined || isEnded(target)) return attempts;
  const rivals = attempts.filter(({ attempt }) => attempt === target.attempt);
  if (rivals.some(isMined)) return attempts;
  const isInBlock = outcome !== 'displaced';
  const ending = {
    outcome,
    outcomeEventId: idOf(eventId),
    blockNumber: isInBlock && block !== null ? BigInt(block.number) : null,
    fee: isInBlock && gas !== null ? BigInt(gas.fee) : null,
  };
  return attempts.map((other) => {
    if (other === target) return { ...other, ...ending };
    return other.attempt === target.attempt && isOut(other)
      ? { ...other, ...ended('displaced', eventId) }
      : other;
  });
}

const pending = { outcome: 'pending', outcomeEventId: null, blockNumber: null, fee: null } as const;

function ended(outcome: AttemptOutcome, eventId: string) {
  return { outcome, outcomeEventId: idOf(eventId), blockNumber: null, fee: null };
}

function has(attempts: readonly Attempt[], attempt: number, version: number): boolean {
  return attempts.some((other) => other.attempt === attempt && other.version === version);
}

function carrier(attempts: readonly Attempt[], transaction: string): Attempt | undefined {
  return attempts.find((attempt) => attempt.transaction === transaction);
}

function newest(attempts: readonly Attempt[], attempt: number): Attempt | undefined {
  const versions = attempts.filter((other) => other.attempt === attempt);
  return versions.sort((one, other) => other.version - one.version)[0];
}

/** Whether it is the one that would be mined next. */
function isOut({ outcome }: Attempt): boolean {
  return outcome === 'pending' || outcome === 'reorged';
}

/** Whether the chain has spoken of it; one that was replaced may still be mined. */
function isEnded(attempt: Attempt): boolean {
  return isMined(attempt) || attempt.outcome === 'displaced';
}

function isMined({ outcome }: Attempt): boolean {
  return outcome === 'settled' || outcome === 'missed' || outcome === 'reverted';
}

function idOf(eventId: string): string {
  return eventId.toLowerCase();
}
