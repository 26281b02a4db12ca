/** A payment.accepted event whose authorization says something else than its payment. Never to be signed. */
export class PaymentInconsistentError extends Error {
  override readonly name = 'PaymentInconsistentError';
  readonly code = 'payment_inconsistent';
  readonly retryable = false;

  constructor(paymentId: string, field: string) {
    super(`payment.accepted for ${paymentId}: the authorization disagrees with the payment on ${field}`);
  }
}
