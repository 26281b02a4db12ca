import type { PaymentId } from '@quittance/protocol';

/** How often, and for how many milliseconds, the same was seen of a payment in a row. */
export type Sighting = {
  readonly times: number;
  readonly forMs: number;
  /** Since anything was seen of it, the same or not. */
  readonly anyForMs: number;
};

type Record = {
  readonly what: string;
  readonly times: number;
  readonly sinceMs: number;
  readonly anySinceMs: number;
};

/** Payments remembered at most; the one seen least recently is forgotten first, which only makes its verdict later. */
const paymentsMax = 10_000;

/**
 * Remembers what the chain said about payments, because nodes behind one address may lag: one answer is no verdict.
 * Kept in the process, so that a restart forgets and asks again.
 */
export class Sightings {
  private readonly records = new Map<PaymentId, Record>();

  see(paymentId: PaymentId, what: string, nowMs: number): Sighting {
    const before = this.records.get(paymentId);
    const same = before?.what === what ? before : undefined;
    const record: Record = {
      what,
      times: (same?.times ?? 0) + 1,
      sinceMs: same?.sinceMs ?? nowMs,
      anySinceMs: before?.anySinceMs ?? nowMs,
    };
    this.records.delete(paymentId);
    this.records.set(paymentId, record);
    this.forgetOldest();
    return { times: record.times, forMs: nowMs - record.sinceMs, anyForMs: nowMs - record.anySinceMs };
  }

  forget(paymentId: PaymentId): void {
    this.records.delete(paymentId);
  }

  private forgetOldest(): void {
    if (this.records.size <= paymentsMax) return;
    const [oldest] = this.records.keys();
    if (oldest !== undefined) this.records.delete(oldest);
  }
}
