/** The node has not (yet) shown that it is the configured chain. */
export class ChainUncheckedError extends Error {
  override readonly name = 'ChainUncheckedError';
  readonly code = 'chain_unchecked';
  readonly retryable = true;

  constructor(chainId: string) {
    super(`The node for ${chainId} has not shown that it is that chain`);
  }
}
