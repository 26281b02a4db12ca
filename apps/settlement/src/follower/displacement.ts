import type { Finding } from '../payment/finding.js';

/** A transaction has to be missing for this long before its nonce counts as lost. */
export const missingMinMs = 1_000;

/**
 * Holds back findings that a transaction was displaced until they have come again for a while. A node may count the
 * transactions of a block that it is still making, and nodes behind one address may lag: both look like a displacement,
 * and a payment submitted again because of that would burn gas.
 */
export class DisplacementWatch {
  private missingSinceMs = new Map<string, number>();

  /** Lets through what is certain. To be given all findings of each look, so that what was found again is forgotten. */
  sift(findings: readonly Finding[], nowMs: number): Finding[] {
    const before = this.missingSinceMs;
    this.missingSinceMs = new Map();
    return findings.filter((finding) => {
      if (finding.type !== 'displaced') return true;
      const key = `${finding.paymentId}/${finding.attempt}`;
      const sinceMs = before.get(key) ?? nowMs;
      this.missingSinceMs.set(key, sinceMs);
      return nowMs - sinceMs >= missingMinMs;
    });
  }
}
