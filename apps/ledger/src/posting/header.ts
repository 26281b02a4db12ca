import type { Book } from './account-code.js';
import type { Line } from './line.js';
import type { ChainLog, Posting } from './posting.js';

/** Where a transaction is from: a payment's event, a transfer seen on chain, a journal by hand, the close of a period. */
export const headerSources = ['event', 'transfer', 'journal', 'close'] as const;
export type HeaderSource = (typeof headerSources)[number];

/** A transaction to be posted. */
export type Header = {
  readonly book: Book;
  readonly source: HeaderSource;
  /** What it is posted once for, a book. */
  readonly sourceEventId: string;
  readonly kind: string;
  readonly paymentId: string | null;
  readonly chainTransaction: string | null;
  readonly occurredAt: string;
  /** The transaction that it is the mirror of. */
  readonly reverses: string | null;
  /** n where it settles its payment for the nth time, -n where it takes that back. */
  readonly settlement: number | null;
  /** The log on chain that it books. */
  readonly log: ChainLog | null;
  readonly lines: readonly Line[];
};

/** A posting with the number of what it settles or takes back; null where it does neither. */
export type NumberedPosting = { readonly posting: Posting; readonly settlement: number | null };

export function headerOf({ posting, settlement }: NumberedPosting): Header {
  const { event, book, paymentId, chainTransaction, settlement: move, lines } = posting;
  return {
    book,
    source: 'event',
    sourceEventId: event.id,
    kind: event.type,
    paymentId,
    chainTransaction,
    occurredAt: event.occurredAt,
    reverses: null,
    settlement,
    log: move?.kind === 'settled' ? move.log : null,
    lines,
  };
}

/**
 * The settlements of one payment, counted: n after the nth, -n after it was taken back, 0 before the first. The number
 * of a settlement that is taken back is that of the one before it.
 */
export function settlementAfter(
  before: number,
  { kind }: { readonly kind: 'settled' | 'taken_back' },
): number {
  return kind === 'settled' ? Math.abs(before) + 1 : -before;
}
