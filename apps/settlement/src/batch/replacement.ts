import { bumpedFees, cappedBy, type Fees } from '@quittance/chain';

/** Versions of a batch that replace the first, at most. */
export const replacementsMax = 10;

/** A batch that has been on its way for long, as far as its replacement depends on it. */
export type Waiting = {
  /** Which signed version is the newest, from 1. */
  readonly version: number;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
  /** The head when that was signed. */
  readonly signedAt: bigint;
  /** Nothing of its relayer comes before it: no other batch is what it waits for. */
  readonly isNext: boolean;
};

export type Market = {
  readonly head: bigint;
  /** What is usual now, whatever the cap. */
  readonly fees: Fees;
  readonly gasPriceMaxWei: bigint;
  readonly replaceAfterBlocks: number;
};

export type Replacement =
  | { readonly kind: 'wait' }
  | { readonly kind: 'replace'; readonly fees: Fees }
  /** Somebody has to look at it: it will not be mined and must not be offered more. */
  | { readonly kind: 'stuck'; readonly why: 'at_cap' | 'replaced_too_often' };

/**
 * Whether a transaction is signed anew for more: when blocks have passed it over, and either it offers too little for the
 * next block or nothing of ours is before it.
 */
export function replacementOf(waiting: Waiting, market: Market): Replacement {
  const { head, fees, gasPriceMaxWei, replaceAfterBlocks } = market;
  const late = head - waiting.signedAt >= BigInt(replaceAfterBlocks);
  if (!late || (!waiting.isNext && !isTooCheap(waiting, fees))) return { kind: 'wait' };
  if (waiting.version > replacementsMax) return { kind: 'stuck', why: 'replaced_too_often' };
  const offered = cappedBy(bumpedFees(waiting, fees), gasPriceMaxWei);
  if (offered === 'above_cap' || !isAcceptable(waiting, offered)) return { kind: 'stuck', why: 'at_cap' };
  return { kind: 'replace', fees: offered };
}

function isTooCheap({ maxFeePerGas }: Waiting, fees: Fees): boolean {
  return maxFeePerGas < (fees.baseFee ?? fees.maxFeePerGas);
}

/** Nodes take nothing that pays less than a tenth more of both. */
function isAcceptable(before: Waiting, offered: Fees): boolean {
  return (
    offered.maxFeePerGas * 10n >= before.maxFeePerGas * 11n &&
    offered.maxPriorityFeePerGas * 10n >= before.maxPriorityFeePerGas * 11n
  );
}
