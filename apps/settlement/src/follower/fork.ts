import type { Hex } from '../payment/payment.js';
import type { BlockId } from './follower.repository.js';

/** Nodes behind one address may follow different forks for a moment: the same answer has to come again after this long. */
export const forkSeenMinMs = 200;

/** Holds back that an applied block has left the chain until the same has been seen for a while. */
export class ForkSuspicion {
  private suspected: { readonly what: string; readonly sinceMs: number } | null = null;

  /** Whether it is certain that the chain has `found` where `applied` was. */
  certain(applied: BlockId, found: Hex, nowMs: number): boolean {
    const what = `${applied.number}/${applied.hash}/${found}`;
    if (this.suspected?.what !== what) this.suspected = { what, sinceMs: nowMs };
    return nowMs - this.suspected.sinceMs >= forkSeenMinMs;
  }

  /** The chain agrees with what was applied. */
  clear(): void {
    this.suspected = null;
  }
}

/**
 * The newest of the known blocks, given newest first, that the chain still has; null when it has none of them. Asks
 * about few: a block that is on the chain has all of those before it there too.
 */
export async function newestShared(
  known: readonly BlockId[],
  hashAt: (number: bigint) => Promise<Hex | null>,
): Promise<BlockId | null> {
  let [gone, shared] = [-1, known.length];
  // Forks are short: steps that double from the newest end, then halving between.
  for (let step = 1; shared - gone > 1; step *= 2) {
    const at = shared === known.length ? Math.min(gone + step, known.length - 1) : (gone + shared) >> 1;
    const block = known[at];
    if (block === undefined) break;
    if ((await hashAt(block.number)) === block.hash) shared = at;
    else gone = at;
  }
  return known[shared] ?? null;
}
