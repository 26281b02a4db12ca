import type { ChainId } from '@quittance/money';

/** Another process has taken the relayer over, or may: nothing can be signed with its key here any more. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
  readonly code = 'lease_lost';
  readonly retryable = true;

  constructor(
    chainId: ChainId,
    readonly relayer: string,
  ) {
    super(`The lease of relayer ${relayer} on ${chainId} was lost; another process may sign with it`);
  }
}
