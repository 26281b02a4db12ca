/** Blocks that are read together. */
export const pageBlocksFirst = 64n;
export const pageBlocksMin = 1n;
export const pageBlocksMax = 4_096n;
/** Movements that a page should hold: they are compared in memory. */
const movementsAimed = 5_000;

/** How many blocks the next page takes, by what the last one held. */
export function nextPageBlocks(blocks: bigint, movements: number): bigint {
  if (movements > movementsAimed) return blocks / 2n > pageBlocksMin ? blocks / 2n : pageBlocksMin;
  if (movements * 4 > movementsAimed) return blocks;
  return blocks * 2n < pageBlocksMax ? blocks * 2n : pageBlocksMax;
}

/** The next blocks to read, both ends included; null where all is read. */
export function nextPage(
  next: bigint,
  last: bigint,
  blocks: bigint,
): { readonly fromBlock: bigint; readonly toBlock: bigint } | null {
  if (next > last) return null;
  const end = next + blocks - 1n;
  return { fromBlock: next, toBlock: end < last ? end : last };
}
