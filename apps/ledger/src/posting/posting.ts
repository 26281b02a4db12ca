import type { QuittanceEvent } from '@quittance/events';

import { type Book, bookOf } from './account-code.js';
import { difference, type Line, netLines } from './line.js';
import { type PaymentFacts, withEvent } from './payment-facts.js';
import { target } from './target.js';

/** What is known of a payment, and what stands in the books for it. */
export type PaymentBooks = { readonly facts: PaymentFacts | null; readonly posted: readonly Line[] };

/** A header to be: what one event means for one book. */
export type Posting = {
  readonly event: QuittanceEvent;
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
export function postEvents(before: PaymentBooks, events: readonly QuittanceEvent[]): PaymentPostings {
  let facts = before.facts;
  let posted = before.posted;
  const postings: Posting[] = [];
  for (const event of events) {
    facts = withEvent(facts, event);
    const missing = difference(target(facts), posted);
    posted = netLines([...posted, ...missing]);
    for (const book of ['F', 'G'] as const) {
      const lines = missing.filter((line) => bookOf(line.account) === book);
      if (lines.length > 0)
        postings.push({ event, book, chainTransaction: chainTransactionOf(event, book, facts), lines });
    }
  }
  return { facts, postings };
}

/** The transaction that the lines are about. In book G that is always one of ours, even where another's settled. */
function chainTransactionOf(event: QuittanceEvent, book: Book, facts: PaymentFacts): string | null {
  if (event.type === 'payment.accepted' || event.type === 'payment.expired') return null;
  if (book === 'F' || event.type === 'settlement.submitted') return event.data.transaction;
  const attempt = facts.attempts.find((one) => one.attempt === event.data.gas?.attempt);
  return attempt?.submitted?.transaction ?? (attempt?.gas?.outcome === 'ok' ? event.data.transaction : null);
}
