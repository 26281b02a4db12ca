/** Blocks whose logs are asked for at once: what public nodes still answer. */
export const blockRangeMax = 500n;

/** How far back a chain is read when it is first seen. */
export const firstLookbackBlocks = 64n;

/** The deepest block that counts as confirmed: with one confirmation that is the head itself. Below 0 there is none. */
export function confirmedBlock(head: bigint, confirmations: number): bigint {
  return head - BigInt(confirmations - 1);
}

/** Where to start on a chain seen for the first time: the last block taken as applied. */
export function firstCursor(confirmed: bigint): bigint {
  return confirmed > firstLookbackBlocks ? confirmed - firstLookbackBlocks : 0n;
}

export type BlockRange = { readonly fromBlock: bigint; readonly toBlock: bigint };

/** The next blocks to apply after `cursor`, or null when all that is confirmed has been. */
export function nextRange(cursor: bigint, confirmed: bigint): BlockRange | null {
  if (confirmed <= cursor) return null;
  const last = cursor + blockRangeMax;
  return { fromBlock: cursor + 1n, toBlock: confirmed < last ? confirmed : last };
}

/**
 * Ranges that cover `head` down to `oldest`, newest first: where to look for a log of unknown block.
 */
export function* rangesDownFrom(head: bigint, oldest: bigint): Generator<BlockRange> {
  for (let toBlock = head; toBlock >= oldest; toBlock -= blockRangeMax) {
    const fromBlock = toBlock - blockRangeMax + 1n;
    yield { fromBlock: fromBlock > oldest ? fromBlock : oldest, toBlock };
  }
}
