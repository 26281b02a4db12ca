import type { EventOf } from '@quittance/events';

import { difference, type Line, mirrorOf } from './line.js';

/** The kind of a header that takes back what was final: it stands apart in the books, and somebody is called. */
export const afterFinalKind = 'settlement.reorged_after_final';

/** What is final on a chain, and since when. */
export type Finality = { readonly block: bigint; readonly at: Date | null };

/**
 * Whether a block left the chain after it was final. Finality and reorganizations come by different partitions: one that
 * was told before the block became final is an ordinary one, whichever of the two is read first.
 */
export function isAfterFinal(event: EventOf<'settlement.reorged'>, finality: Finality | undefined): boolean {
  if (finality === undefined || finality.at === null) return false;
  const { block } = event.data;
  return BigInt(block.number) <= finality.block && Date.parse(event.occurredAt) > finality.at.getTime();
}

/** Whether lines are those of another transaction with the other sign, all of them and no others. */
export function isMirror(lines: readonly Line[], original: readonly Line[]): boolean {
  return difference(lines, mirrorOf(original)).length === 0;
}
