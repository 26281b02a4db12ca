import type { PaymentId } from '@quittance/protocol';

import type { PaymentTerms } from '../payment/payment.js';

export type ProvingBlock = { readonly number: bigint; readonly hash: string; readonly time: bigint };

/** What proving an expiry needs of a chain. Faults throw. */
export type ExpiryChain = {
  readonly confirmations: number;
  latestBlock(): Promise<ProvingBlock>;
  block(number: bigint): Promise<ProvingBlock | null>;
  /** Whether each of these authorizations is used or canceled now. */
  spent(authorizations: readonly ExpiryCandidate[]): Promise<readonly boolean[]>;
};

/** Where a page of candidates ended; the next one goes on after it. */
export type ExpiryCursor = { readonly validBefore: bigint; readonly id: PaymentId };

export type ExpiryCandidate = Pick<
  PaymentTerms,
  'id' | 'method' | 'asset' | 'payer' | 'nonce' | 'validBefore'
>;

/** The newest block at the configured depth: a time-out in it cannot be taken back by a shallow reorganization. */
export async function provingBlock(chain: ExpiryChain): Promise<ProvingBlock | null> {
  const latest = await chain.latestBlock();
  const depth = BigInt(chain.confirmations - 1);
  if (depth === 0n) return latest;
  return latest.number < depth ? null : chain.block(latest.number - depth);
}

/**
 * Those that the chain proves can never land: the block's time has passed `validBefore`, up to which EIP-3009 is valid,
 * and Permit2 at it too; and the authorization, asked no earlier than that block, is unused. The wall clock proves
 * nothing.
 */
export async function provenExpired(
  chain: ExpiryChain,
  block: ProvingBlock,
  candidates: readonly ExpiryCandidate[],
): Promise<ExpiryCandidate[]> {
  const late = candidates.filter(({ method, validBefore }) =>
    method === 'permit2' ? block.time > validBefore : block.time >= validBefore,
  );
  if (late.length === 0) return [];
  const spent = await chain.spent(late);
  return late.filter((_candidate, index) => spent[index] === false);
}

/** Where to go on: after the last of a full page, from the start after a short one. */
export function nextCursor(page: readonly ExpiryCandidate[], pageMax: number): ExpiryCursor | null {
  const last = page.at(-1);
  return last === undefined || page.length < pageMax ? null : { validBefore: last.validBefore, id: last.id };
}
