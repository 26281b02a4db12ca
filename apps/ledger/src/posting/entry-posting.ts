import type { Book } from './account-code.js';
import type { HeaderSource } from './header.js';
import type { Line } from './line.js';
import type { ChainLog } from './posting.js';

/** Something other than a payment's event that is to be in the books. */
export type EntryPosting = {
  readonly book: Book;
  readonly source: Exclude<HeaderSource, 'event'>;
  /** Posted once for this id and book, however often it is asked for. */
  readonly sourceEventId: string;
  /** Words of lower-case letters and underscores with points between, such as `transfer.unknown_inbound`. */
  readonly kind: string;
  readonly paymentId: string | null;
  readonly chainTransaction: string | null;
  /** The log of that transaction that it books; each is booked once in a book, unless what booked it was taken back. */
  readonly log?: ChainLog | null;
  /** When it happened. A transfer that comes after the close of its period counts from the first open moment on. */
  readonly effectiveAt: Date;
  /** They add up to 0 by asset and layer; those of one account, asset and layer are summed. */
  readonly lines: readonly Line[];
  /** The transaction that this one is the mirror of: it must have the same lines with the other sign. */
  readonly reverses?: string | null;
};

export type EntryPosted = {
  readonly transactionId: string;
  /** False where it stood in the books before, exactly so. */
  readonly isNew: boolean;
};
