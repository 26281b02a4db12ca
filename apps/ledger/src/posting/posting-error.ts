/** An event says something of a payment that an earlier one said differently. Nothing of it is posted. */
export class EventContradictsError extends Error {
  override readonly name = 'EventContradictsError';
  readonly code = 'event_contradicts';
  readonly retryable = false;

  constructor(
    readonly eventId: string,
    readonly paymentId: string,
    what: string,
  ) {
    super(`Event ${eventId} contradicts what is known of payment ${paymentId}: ${what}.`);
  }
}

/** A line named an account that is not in the books. A defect of the service: it opens accounts before it posts. */
export class UnknownAccountError extends Error {
  override readonly name = 'UnknownAccountError';
  readonly code = 'unknown_account';
  readonly retryable = false;

  constructor(account: string) {
    super(`A line names the account ${account}, which is not in the books.`);
  }
}
