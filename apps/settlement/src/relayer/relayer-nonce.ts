export type NonceAllocation = { readonly nonces: readonly bigint[]; readonly next: bigint };

/**
 * Gives out nonces without a gap. The chain's count wins when it is higher, as the key was then used elsewhere; a lower
 * one is a node that lags or has not seen our transactions yet, and never brings a nonce back.
 */
export function allocateNonces(stored: bigint, onChain: bigint, count: number): NonceAllocation {
  const first = onChain > stored ? onChain : stored;
  const nonces = Array.from({ length: count }, (_, index) => first + BigInt(index));
  return { nonces, next: first + BigInt(count) };
}
