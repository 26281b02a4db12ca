/** Something that this machine has to be changed for before a start can work; the message says what. */
export class StandaloneError extends Error {
  constructor(
    readonly code:
      | 'already_running'
      | 'chain_behind_database'
      | 'data_unreadable'
      | 'not_ready'
      | 'part_ended'
      | 'port_taken'
      | 'purchase_failed'
      | 'stopped_early'
      | 'books_wrong',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StandaloneError';
  }
}
