import type { ChainId } from '@quittance/money';

/**
 * The node did not answer, or not usably: time-out, connection, HTTP error, rate limit, malformed answer. Nothing is
 * known about the chain then, so nothing may be concluded. The message never holds the node's URL, which may hold a key.
 */
export class ChainUnavailableError extends Error {
  override readonly name = 'ChainUnavailableError';
  readonly code = 'chain_unavailable';
  readonly retryable = true;

  constructor(
    readonly chainId: ChainId,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(`The node of ${chainId} ${detail}.`, options);
  }
}

/** A node at a configured URL is one of another chain. */
export class ChainMismatchError extends Error {
  override readonly name = 'ChainMismatchError';
  readonly code = 'chain_mismatch';
  readonly retryable = false;

  constructor(
    readonly expected: ChainId,
    readonly actual: ChainId,
  ) {
    super(`The node configured for ${expected} is one of ${actual}: correct rpcUrls or chainId.`);
  }
}
