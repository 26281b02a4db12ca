/** The broker or database that carries events does not answer; nothing is known to be lost, try again. */
export class TransportUnavailableError extends Error {
  override readonly name = 'TransportUnavailableError';
  readonly code = 'transport_unavailable';
  readonly retryable = true;

  constructor(detail: string, options?: { readonly cause?: unknown }) {
    super(`The event transport is unavailable: ${detail}`, options);
  }
}

/** What the broker holds contradicts what the code was built for; trying again changes nothing. */
export class TransportMisconfiguredError extends Error {
  override readonly name = 'TransportMisconfiguredError';
  readonly code = 'transport_misconfigured';
  readonly retryable = false;
}

/** A Nest handler failed, and its exception filter hid how: see `OnEventBatch`. */
export class EventHandlerFaultHiddenError extends Error {
  override readonly name = 'EventHandlerFaultHiddenError';
  readonly code = 'event_handler_fault_hidden';
  readonly retryable = true;

  constructor(topic: string) {
    super(
      `The handler of ${topic} failed, and Nest's default exception filter hid the reason. ` +
        'Declare the handler with @OnEventBatch(topic) instead of @EventPattern(topic).',
    );
  }
}
