import type { PaymentEvent, QuittanceEvent } from '@quittance/events';

import { noFees, type Tariff } from '../merchant/tariff.js';
import { type Book, bookOf } from './account-code.js';
import { difference, type Line } from './line.js';
import { confirmationOf, ownTransaction, type PaymentFacts } from './payment-facts.js';
import { withEvent } from './payment-fold.js';
import { eventsIn, stepsOf } from './posting-step.js';
import { target } from './target.js';

/** What is known of a payment, and what stands in the books for it. */
export type PaymentBooks = { readonly facts: PaymentFacts | null; readonly posted: readonly Line[] };

/** A header to be: what one event means for one book. */
export type Posting = {
  readonly event: QuittanceEvent;
  /** Null where it is about no single payment. */
  readonly paymentId: string | null;
  readonly book: Book;
  readonly chainTransaction: string | null;
  /** Left out where it neither settles a payment nor takes that back. */
  readonly settlement?: SettlementMove | undefined;
  readonly lines: readonly Line[];
};

/** A log on chain: where it is, in a block that may leave the chain again. */
export type ChainLog = { readonly blockHash: string; readonly logIndex: number };

export type SettlementMove =
  { readonly kind: 'settled'; readonly log: ChainLog } | { readonly kind: 'taken_back' };

export type PaymentPostings = {
  readonly facts: PaymentFacts | null;
  readonly postings: readonly Posting[];
  /** What stands in the books afterwards. */
  readonly posted: readonly Line[];
  /** The events that were not part of what was known. */
  readonly fresh: readonly PaymentEvent[];
};

/**
 * Posts events of one payment one after the other: each gives a header in each book that it changes.
 *
 * @throws EventContradictsError, MoneyError: nothing of the payment's events is to be posted then.
 */
export function postEvents(
  before: PaymentBooks,
  events: readonly PaymentEvent[],
  tariff: Tariff = noFees,
): PaymentPostings {
  const steps = events.map((event) => [event]);
  return postSteps({ before, steps, tariff });
}

/**
 * As `postEvents`, for events that came together: what only announced is posted with what came of it.
 *
 * @throws as `postEvents`.
 */
export function postTogether(
  before: PaymentBooks,
  events: readonly PaymentEvent[],
  tariff: Tariff = noFees,
): PaymentPostings {
  return postSteps({ before, steps: stepsOf(events), tariff });
}

type Steps = {
  readonly before: PaymentBooks;
  readonly steps: readonly (readonly PaymentEvent[])[];
  readonly tariff: Tariff;
};

function postSteps({ before, steps, tariff }: Steps): PaymentPostings {
  let facts = before.facts;
  let posted = before.posted;
  const known = eventsIn(facts);
  const postings: Posting[] = [];
  const fresh: PaymentEvent[] = [];
  for (const step of steps) {
    let event: PaymentEvent | undefined;
    for (const one of step) {
      const id = one.id.toLowerCase();
      if (known.has(id)) continue;
      known.add(id);
      fresh.push(one);
      facts = withEvent(facts, one, tariff);
      event = one;
    }
    // Nothing new: whatever was to be posted for it was.
    if (event === undefined || facts === null) continue;
    const goal = target(facts);
    const missing = posted.length === 0 ? goal : difference(goal, posted);
    posted = goal;
    for (const book of ['F', 'G'] as const) {
      const lines = missing.filter((line) => bookOf(line.account) === book);
      if (lines.length === 0) continue;
      const chainTransaction = chainTransactionOf(event, book, facts);
      const settlement = book === 'F' ? settlementOf(lines, facts) : undefined;
      postings.push({ event, paymentId: facts.paymentId, book, chainTransaction, settlement, lines });
    }
  }
  return { facts, postings, posted, fresh };
}

/** What lines of book F do to the money: only a settlement, or what takes one back, moves it on the settled layer. */
function settlementOf(lines: readonly Line[], facts: PaymentFacts): SettlementMove | undefined {
  if (!lines.some(({ layer }) => layer === 'settled')) return undefined;
  const confirmation = confirmationOf(facts);
  if (confirmation === null) return { kind: 'taken_back' };
  const { blockHash, logIndex } = confirmation;
  return { kind: 'settled', log: { blockHash, logIndex } };
}

/** What stands in the books for a payment of which this is known, if these rules posted it. */
export function booksOf(facts: PaymentFacts): PaymentBooks {
  return { facts, posted: target(facts) };
}

/** The transaction that the lines are about. In book G that is always one of ours, even where another's settled. */
function chainTransactionOf(event: PaymentEvent, book: Book, facts: PaymentFacts): string | null {
  switch (event.type) {
    case 'payment.accepted':
    case 'payment.expired':
      return null;
    case 'settlement.confirmed':
    case 'settlement.reorged': {
      const told = event.type === 'settlement.reorged' ? event.data.takesBack : event.id;
      const outcome = facts.outcomes.find(({ eventId }) => eventId === told.toLowerCase());
      if (book === 'F' || outcome === undefined) return event.data.transaction;
      return ownTransaction(facts, outcome);
    }
    case 'settlement.failed':
    case 'settlement.submitted':
    case 'settlement.replaced':
    case 'settlement.released':
      return event.data.transaction;
  }
}
