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

/** Something else was posted under the same id. What is in the books stays as it is. */
export class PostingContradictsError extends Error {
  override readonly name = 'PostingContradictsError';
  readonly code = 'posting_contradicts';
  readonly retryable = false;

  constructor(readonly sourceEventId: string) {
    super(
      `Something else was posted for ${sourceEventId} before: a posting never changes, and a mirror takes it back.`,
    );
  }
}

/** A posting whose lines come to nothing. */
export class EmptyPostingError extends Error {
  override readonly name = 'EmptyPostingError';
  readonly code = 'empty_posting';
  readonly retryable = false;

  constructor(readonly sourceEventId: string) {
    super(`Posting ${sourceEventId} moves nothing: its lines come to 0 on every account.`);
  }
}

/** Others kept posting the same payments. The batch comes again, and by then they are done. */
export class OutdatedPlanError extends Error {
  override readonly name = 'OutdatedPlanError';
  readonly code = 'outdated_plan';
  readonly retryable = true;

  constructor(plans: number, cause: unknown) {
    super(`Somebody else changed payments of this batch each of the ${plans} times that it was planned.`, {
      cause,
    });
  }
}
