import type { PaymentId } from '@quittance/protocol';

/** The time to wait was over before the registry had answered once. */
export class PaymentUnseenError extends Error {
  override readonly name = 'PaymentUnseenError';
  readonly code = 'database_unavailable';
  readonly retryable = true;

  constructor(id: PaymentId) {
    super(`The registry did not show payment ${id} in time.`);
  }
}
