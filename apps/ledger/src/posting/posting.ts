import type { PaymentEvent, QuittanceEvent } from '@quittance/events';

import { type Book, bookOf } from './account-code.js';
import { difference, type Line } from './line.js';
import { ownTransaction, type PaymentFacts } from './payment-facts.js';
import { withEvent } from './payment-fold.js';
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
  readonly lines: readonly Line[];
};

export type PaymentPostings = { readonly facts: PaymentFacts | null; readonly postings: readonly Posting[] };

/**
 * Posts events of one payment one after the other: each gives a header in each book that it changes.
 *
 * @throws EventContradictsError, MoneyError: nothing of the payment's events is to be posted then.
 */
export function postEvents(before: PaymentBooks, events: readonly PaymentEvent[]): PaymentPostings {
  let facts = before.facts;
  let posted = before.posted;
  const postings: Posting[] = [];
  for (const event of events) {
    facts = withEvent(facts, event);
    const goal = target(facts);
    const missing = difference(goal, posted);
    posted = goal;
    for (const book of ['F', 'G'] as const) {
      const lines = missing.filter((line) => bookOf(line.account) === book);
      if (lines.length === 0) continue;
      const chainTransaction = chainTransactionOf(event, book, facts);
      postings.push({ event, paymentId: facts.paymentId, book, chainTransaction, lines });
    }
  }
  return { facts, postings };
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
