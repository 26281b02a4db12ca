/** The chain has another block where it had called one final, or none that was ever applied: nothing is followed there. */
export class FinalBlockGoneError extends Error {
  override readonly name = 'FinalBlockGoneError';
  readonly code = 'final_block_gone';
  readonly retryable = false;

  constructor(chainId: string) {
    super(`${chainId} took back a final block, or is another chain than the one that was followed`);
  }
}
