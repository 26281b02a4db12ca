/** A node's answers contradict each other, as nodes behind one address at different heights do. Asking again helps. */
export class ChainInconsistentError extends Error {
  override readonly name = 'ChainInconsistentError';
  readonly code = 'chain_inconsistent';
  readonly retryable = true;

  constructor(chainId: string, detail: string) {
    super(`${chainId}: ${detail}`);
  }
}
