/** An embedded part did not come up; the message says which, why, and what to do about it. */
export class EmbeddedStartError extends Error {
  readonly code = 'embedded_start_failed';

  constructor(
    readonly part: 'postgres' | 'anvil',
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`${part} did not start: ${detail}`, options);
    this.name = 'EmbeddedStartError';
  }
}
