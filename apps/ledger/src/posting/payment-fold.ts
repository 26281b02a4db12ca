import type { EventOf, GasSpent, PaymentEvent } from '@quittance/events';

import type { Fee, Tariff } from '../merchant/tariff.js';
import {
  type Acceptance,
  type Attempt,
  byTime,
  type Outcome,
  type PaymentFacts,
  type Replacement,
  type Submission,
  type Told,
} from './payment-facts.js';
import { EventContradictsError } from './posting-error.js';

/**
 * Adds what an event tells to what is known: total over all events, in any order. The tariff says what is owed for a
 * settlement that is new.
 *
 * @throws EventContradictsError when it speaks of other money than earlier events did.
 */
export function withEvent(facts: PaymentFacts | null, event: PaymentEvent, tariff: Tariff): PaymentFacts {
  const known = facts ?? nothingKnown(event);
  requireSamePayment(known, event);
  switch (event.type) {
    case 'payment.accepted':
      return { ...known, accepted: earlier(known.accepted, acceptanceOf(event)) };
    case 'payment.expired':
      return { ...known, expired: earlier(known.expired, told(event)) };
    case 'settlement.submitted':
      return withSubmission(known, event);
    case 'settlement.replaced':
      return withReplacement(known, event);
    case 'settlement.confirmed':
    case 'settlement.failed':
    case 'settlement.released':
      return withOutcome(known, event, tariff);
    case 'settlement.reorged': {
      const { takesBack, transaction, block } = event.data;
      const reorg = {
        ...told(event),
        takesBack: takesBack.toLowerCase(),
        transaction,
        blockNumber: block.number,
      };
      return { ...known, reorgs: withReport(known.reorgs, reorg) };
    }
  }
}

const told = (event: PaymentEvent): Told => ({ at: event.occurredAt, eventId: event.id.toLowerCase() });

function acceptanceOf(event: EventOf<'payment.accepted'>): Acceptance {
  const { scheme, resource, authorization } = event.data;
  const { validBefore, nonce, value } = authorization;
  const acceptance = { ...told(event), resource, validBefore, nonce };
  return scheme === 'upto' ? { ...acceptance, ceiling: value } : acceptance;
}

/** Of two reports of one thing the one that happened first. */
function earlier<T extends Told>(a: T | null, b: T): T {
  return a !== null && byTime(a, b) <= 0 ? a : b;
}

/** Each event once, in the order in which they happened. */
function withReport<T extends Told>(known: readonly T[], report: T): readonly T[] {
  if (known.some(({ eventId }) => eventId === report.eventId)) return known;
  return [...known, report].sort(byTime);
}

function nothingKnown(event: PaymentEvent): PaymentFacts {
  const { paymentId, chainId, asset, payer, payTo, amount } = event.data;
  const none = { accepted: null, expired: null, attempts: [], outcomes: [], reorgs: [] };
  return { version: 1, paymentId, chainId, asset, payer, payTo, amount, ...none };
}

function requireSamePayment(facts: PaymentFacts, event: PaymentEvent): void {
  const told = event.data;
  for (const field of ['paymentId', 'chainId', 'asset', 'payer', 'payTo', 'amount'] as const) {
    if (facts[field] !== told[field]) {
      const what = `${field} was "${facts[field]}" and is now "${told[field]}"`;
      throw new EventContradictsError(event.id, facts.paymentId, what);
    }
  }
}

function withSubmission(facts: PaymentFacts, event: EventOf<'settlement.submitted'>): PaymentFacts {
  const { attempt, relayer, relayerNonce, transaction, gasReserve } = event.data;
  const submitted: Submission = {
    ...told(event),
    relayer,
    relayerNonce,
    transaction,
    reserve: gasReserve,
  };
  return withAttempt(facts, attempt, (known) => {
    const what = `submission ${attempt}`;
    requireSame({ event, facts, what, known: known.submitted, reported: submitted }, submissionFields);
    return { ...known, submitted: earlier(known.submitted, submitted) };
  });
}

const submissionFields = ['relayer', 'relayerNonce', 'transaction', 'reserve'] as const;

function withReplacement(facts: PaymentFacts, event: EventOf<'settlement.replaced'>): PaymentFacts {
  const { attempt, version, transaction, gasReserve } = event.data;
  const replacement: Replacement = { ...told(event), version, transaction, reserve: gasReserve };
  return withAttempt(facts, attempt, (known) => {
    const same = known.replacements.find((one) => one.version === version) ?? null;
    const what = `version ${version} of attempt ${attempt}`;
    requireSame({ event, facts, what, known: same, reported: replacement }, ['transaction', 'reserve']);
    const others = known.replacements.filter((one) => one !== same);
    const replacements = [...others, earlier(same, replacement)].sort((a, b) => a.version - b.version);
    return { ...known, replacements };
  });
}

type OutcomeEvent = EventOf<'settlement.confirmed' | 'settlement.failed' | 'settlement.released'>;

function withOutcome(facts: PaymentFacts, event: OutcomeEvent, tariff: Tariff): PaymentFacts {
  const outcome = outcomeOf(event, tariff);
  for (const known of facts.outcomes) {
    if (!isSameReport(known, outcome)) continue;
    const what = `gas of attempt ${outcome.gas?.attempt ?? known.gas?.attempt}`;
    requireSame({ event, facts, what, known: known.gas, reported: outcome.gas }, gasFields);
  }
  return { ...facts, outcomes: withReport(facts.outcomes, outcome) };
}

const gasFields = ['attempt', 'relayer', 'outcome', 'fee'] as const;

/** What a transaction cost can differ by the block that it is in, and by nothing else. */
function isSameReport(a: Outcome, b: Outcome): boolean {
  if (a.eventId === b.eventId) return true;
  const isSameBlock = a.kind === b.kind && a.transaction === b.transaction && a.blockHash === b.blockHash;
  return isSameBlock && a.gas?.attempt === b.gas?.attempt;
}

function outcomeOf(event: OutcomeEvent, tariff: Tariff): Outcome {
  const { transaction, block, gas } = event.data;
  const report = { ...told(event), blockHash: block?.hash ?? null, gas: gas === null ? null : gasOf(gas) };
  switch (event.type) {
    case 'settlement.confirmed': {
      const { block, logIndex, settledBy, transaction } = event.data;
      const place = { transaction, blockNumber: block.number, blockHash: block.hash, logIndex };
      const confirmed = { ...report, ...place, kind: 'confirmed', settledBy } as const;
      const fee = feeFor(event, tariff);
      return fee === null ? confirmed : { ...confirmed, fee };
    }
    case 'settlement.failed': {
      const { reason, detail } = event.data;
      return { ...report, kind: 'failed', reason, detail, transaction };
    }
    case 'settlement.released': {
      const { attempt, cause, transaction } = event.data;
      return { ...report, kind: 'released', attempt, cause, transaction };
    }
  }
}

/** For what we settled ourselves, and for nothing else. */
function feeFor({ data, occurredAt }: EventOf<'settlement.confirmed'>, tariff: Tariff): Fee | null {
  const { settledBy, payTo, asset } = data;
  if (settledBy === 'other') return null;
  return tariff.feeOf({ payTo, asset, amount: BigInt(data.amount), at: new Date(occurredAt) });
}

const gasOf = ({ attempt, relayer, outcome, fee }: GasSpent): NonNullable<Outcome['gas']> => ({
  attempt,
  relayer,
  outcome,
  fee,
});

function withAttempt(
  facts: PaymentFacts,
  attempt: number,
  change: (known: Attempt) => Attempt,
): PaymentFacts {
  const none: Attempt = { attempt, submitted: null, replacements: [] };
  const known = facts.attempts.find((one) => one.attempt === attempt) ?? none;
  const others = facts.attempts.filter((one) => one.attempt !== attempt);
  return { ...facts, attempts: [...others, change(known)].sort((a, b) => a.attempt - b.attempt) };
}

type Comparison<T> = {
  readonly event: PaymentEvent;
  readonly facts: PaymentFacts;
  readonly what: string;
  readonly known: T | null;
  readonly reported: T | null;
};

/** A second report of one thing may differ in its time, never in what it says of money. */
function requireSame<T extends object>(
  comparison: Comparison<T>,
  fields: readonly (keyof T & string)[],
): void {
  const { event, facts, what, known, reported } = comparison;
  if (known === null || reported === null) return;
  for (const field of fields) {
    if (known[field] !== reported[field]) {
      const detail = `${field} of ${what} was "${String(known[field])}" and is now "${String(reported[field])}"`;
      throw new EventContradictsError(event.id, facts.paymentId, detail);
    }
  }
}
