/** A header of the books, to be looked for on its chain. */
export type SweptHeader = {
  readonly id: string;
  readonly transaction: string;
  readonly occurredAt: Date;
  readonly recordedAt: Date;
  /** When its transaction was compared, and whether the chain still had it; null when it never was seen. */
  readonly seen: { readonly isCanonical: boolean; readonly at: Date } | null;
};

export type SweepPlan = {
  /** Transactions to be compared by themselves. */
  readonly transactions: readonly string[];
  /** The last header that is done with; null when none is. */
  readonly upTo: string | null;
  /** Whether all that were given are done with. */
  readonly isComplete: boolean;
};

export type SweepClock = {
  /** Time of the last block that was compared. */
  readonly reconciledAt: Date;
  /** What the clocks of chain and services may differ by. */
  readonly graceMs: number;
};

/**
 * What has to be looked for, of headers in the order of posting: what was posted after its transaction was compared, what
 * the chain took back, and what the chain should have had by now. Ends before the first that the chain may still get to.
 */
export function planSweep(headers: readonly SweptHeader[], { reconciledAt, graceMs }: SweepClock): SweepPlan {
  const transactions = new Set<string>();
  let upTo: string | null = null;
  for (const { id, transaction, occurredAt, recordedAt, seen } of headers) {
    if (seen === null) {
      const isDue = occurredAt.getTime() + graceMs <= reconciledAt.getTime();
      if (!isDue) return { transactions: [...transactions], upTo, isComplete: false };
      transactions.add(transaction);
    } else if (!seen.isCanonical || recordedAt > seen.at) transactions.add(transaction);
    upTo = id;
  }
  return { transactions: [...transactions], upTo, isComplete: true };
}
