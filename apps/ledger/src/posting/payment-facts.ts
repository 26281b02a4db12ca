import type { EventOf, GasSpent, QuittanceEvent } from '@quittance/events';
import { type AssetId, atomicAmount, type ChainId, parseAtomicAmount } from '@quittance/money';

import { EventContradictsError } from './posting-error.js';

/** When something happened, and the event that told us. */
export type Told = { readonly at: string; readonly eventId: string };

export type Submission = Told & {
  readonly relayer: string;
  readonly relayerNonce: string;
  readonly transaction: string;
  /** The most it may cost, in wei: gas limit × highest gas price. */
  readonly reserve: string;
};

export type GasFact = Told & {
  readonly relayer: string;
  readonly outcome: 'ok' | 'reverted';
  readonly fee: string;
};

export type Attempt = {
  readonly attempt: number;
  readonly submitted: Submission | null;
  readonly gas: GasFact | null;
};

/**
 * All that the books need to know of one payment, folded from its events: in any order, with any repetition, the same
 * events give the same facts. Plain JSON, because that is how they are kept; amounts are decimal strings.
 */
export type PaymentFacts = {
  readonly version: 1;
  readonly paymentId: string;
  readonly chainId: ChainId;
  readonly asset: AssetId;
  readonly payer: string;
  readonly payTo: string;
  readonly amount: string;
  readonly accepted:
    | (Told & { readonly resource: string | null; readonly validBefore: string; readonly nonce: string })
    | null;
  readonly expired: Told | null;
  readonly failed:
    (Told & { readonly reason: string; readonly detail: string; readonly transaction: string | null }) | null;
  readonly confirmed:
    | (Told & {
        readonly transaction: string;
        readonly blockNumber: string;
        readonly blockHash: string;
        readonly logIndex: number;
        readonly settledBy: 'us' | 'other';
      })
    | null;
  readonly attempts: readonly Attempt[];
};

export type PaymentState = 'accepted' | 'submitted' | 'confirmed' | 'failed' | 'expired';

/** Where a payment stands. The chain wins: what it confirmed is confirmed, whatever was reported besides. */
export function stateOf(facts: PaymentFacts): PaymentState {
  if (facts.confirmed !== null) return 'confirmed';
  if (facts.failed !== null) return 'failed';
  if (facts.expired !== null) return 'expired';
  return facts.attempts.length > 0 ? 'submitted' : 'accepted';
}

/**
 * Adds what an event tells to what is known.
 *
 * @throws EventContradictsError when it speaks of other money than earlier events did; MoneyError when a gas reserve
 * is beyond 2^256 − 1.
 */
export function withEvent(facts: PaymentFacts | null, event: QuittanceEvent): PaymentFacts {
  const known = facts ?? nothingKnown(event);
  requireSamePayment(known, event);
  switch (event.type) {
    case 'payment.accepted': {
      const { resource, authorization } = event.data;
      const { validBefore, nonce } = authorization;
      return {
        ...known,
        accepted: earlier(known.accepted, { ...told(event), resource, validBefore, nonce }),
      };
    }
    case 'payment.expired':
      return { ...known, expired: earlier(known.expired, told(event)) };
    case 'settlement.submitted':
      return withSubmission(known, event);
    case 'settlement.confirmed':
      return withGas(withConfirmation(known, event), event, event.data.gas);
    case 'settlement.failed': {
      const { reason, detail, transaction } = event.data;
      const failed = earlier(known.failed, { ...told(event), reason, detail, transaction });
      return withGas({ ...known, failed }, event, event.data.gas);
    }
  }
}

const told = (event: QuittanceEvent): Told => ({ at: event.occurredAt, eventId: event.id });

/** Of two reports of one thing the one that happened first; the event id decides between equals. */
function earlier<T extends Told>(a: T | null, b: T): T {
  if (a === null) return b;
  const [timeA, timeB] = [Date.parse(a.at), Date.parse(b.at)];
  if (timeA !== timeB) return timeA < timeB ? a : b;
  return a.eventId <= b.eventId ? a : b;
}

function nothingKnown(event: QuittanceEvent): PaymentFacts {
  const { paymentId, chainId, asset, payer, payTo, amount } = event.data;
  const none = { accepted: null, expired: null, failed: null, confirmed: null, attempts: [] };
  return { version: 1, paymentId, chainId, asset, payer, payTo, amount, ...none };
}

function requireSamePayment(facts: PaymentFacts, event: QuittanceEvent): void {
  const told = event.data;
  for (const field of ['paymentId', 'chainId', 'asset', 'payer', 'payTo', 'amount'] as const) {
    if (facts[field] !== told[field]) {
      const what = `${field} was "${facts[field]}" and is now "${told[field]}"`;
      throw new EventContradictsError(event.id, facts.paymentId, what);
    }
  }
}

function withConfirmation(facts: PaymentFacts, event: EventOf<'settlement.confirmed'>): PaymentFacts {
  const { transaction, block, logIndex, settledBy } = event.data;
  const reported = {
    ...told(event),
    transaction,
    blockNumber: block.number,
    blockHash: block.hash,
    logIndex,
    settledBy,
  };
  return { ...facts, confirmed: earlier(facts.confirmed, reported) };
}

function withSubmission(facts: PaymentFacts, event: EventOf<'settlement.submitted'>): PaymentFacts {
  const { attempt, relayer, relayerNonce, transaction, gasLimit, gasPriceMax } = event.data;
  const reserve = atomicAmount(parseAtomicAmount(gasLimit) * parseAtomicAmount(gasPriceMax)).toString();
  const submitted: Submission = { ...told(event), relayer, relayerNonce, transaction, reserve };
  return withAttempt(facts, attempt, (known) => {
    const fields = ['relayer', 'relayerNonce', 'transaction', 'reserve'] as const;
    requireSame(
      { event, facts, what: `submission ${attempt}`, known: known.submitted, reported: submitted },
      fields,
    );
    return { ...known, submitted: earlier(known.submitted, submitted) };
  });
}

function withGas(facts: PaymentFacts, event: QuittanceEvent, spent: GasSpent | null): PaymentFacts {
  if (spent === null) return facts;
  const { attempt, relayer, outcome, fee } = spent;
  const gas: GasFact = { ...told(event), relayer, outcome, fee };
  return withAttempt(facts, attempt, (known) => {
    const fields = ['relayer', 'outcome', 'fee'] as const;
    requireSame({ event, facts, what: `gas of attempt ${attempt}`, known: known.gas, reported: gas }, fields);
    return { ...known, gas: earlier(known.gas, gas) };
  });
}

function withAttempt(
  facts: PaymentFacts,
  attempt: number,
  change: (known: Attempt) => Attempt,
): PaymentFacts {
  const known = facts.attempts.find((one) => one.attempt === attempt) ?? {
    attempt,
    submitted: null,
    gas: null,
  };
  const others = facts.attempts.filter((one) => one.attempt !== attempt);
  return { ...facts, attempts: [...others, change(known)].sort((a, b) => a.attempt - b.attempt) };
}

type Comparison<T> = {
  readonly event: QuittanceEvent;
  readonly facts: PaymentFacts;
  readonly what: string;
  readonly known: T | null;
  readonly reported: T;
};

/** A second report of one thing may differ in its time, never in what it says of money. */
function requireSame<T extends object>(
  comparison: Comparison<T>,
  fields: readonly (keyof T & string)[],
): void {
  const { event, facts, what, known, reported } = comparison;
  if (known === null) return;
  for (const field of fields) {
    if (known[field] !== reported[field]) {
      const detail = `${field} of ${what} was "${String(known[field])}" and is now "${String(reported[field])}"`;
      throw new EventContradictsError(event.id, facts.paymentId, detail);
    }
  }
}
