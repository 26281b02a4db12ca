import type { PaymentId } from '@quittance/protocol';

const doubtsMax = 10_000;

/**
 * Payments that spoilt a batch when it was tried, with how many may try together the next time. Kept in the process: after
 * a restart they spoil one more trial, which costs nothing.
 */
export class Doubts {
  private readonly limits = new Map<PaymentId, number>();

  limitOf(paymentId: PaymentId): number {
    return this.limits.get(paymentId) ?? Number.POSITIVE_INFINITY;
  }

  raise(paymentIds: readonly PaymentId[], limit: number): void {
    for (const paymentId of paymentIds) this.limits.set(paymentId, limit);
    for (const [oldest] of this.limits) {
      if (this.limits.size <= doubtsMax) break;
      this.limits.delete(oldest);
    }
  }

  settle(paymentIds: readonly PaymentId[]): void {
    for (const paymentId of paymentIds) this.limits.delete(paymentId);
  }
}
