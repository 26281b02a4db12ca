import type { BatchId } from '../batch/batch.js';

/** The transactions of a batch have to be missing for this long before its nonce counts as lost. */
export const missingMinMs = 1_000;

/**
 * Holds back that a batch was displaced until that has been seen for a while. A node may count the transactions of a
 * block that it is still making, and nodes behind one address may lag: both look like a displacement, and payments
 * submitted again because of that would burn gas.
 */
export class DisplacementWatch {
  private missingSinceMs = new Map<BatchId, number>();

  /** Gives those that are certain. To be given all of each look, so that what was found again is forgotten. */
  certain(missing: readonly BatchId[], nowMs: number): ReadonlySet<BatchId> {
    const before = this.missingSinceMs;
    this.missingSinceMs = new Map(missing.map((batchId) => [batchId, before.get(batchId) ?? nowMs]));
    const since = [...this.missingSinceMs];
    return new Set(
      since.filter(([, sinceMs]) => nowMs - sinceMs >= missingMinMs).map(([batchId]) => batchId),
    );
  }
}
