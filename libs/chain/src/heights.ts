/** How far behind the best a node may be and still be read from first. */
export const lagBlocksMax = 3n;
/** A node that claims to be this far ahead of several that agree is not believed. */
const leadBlocksMax = 1_000n;

/**
 * Whether a node's height is one to stay away from, seen against the others': too far behind the best, or so far ahead
 * of others who agree that it must be of another chain or a lie. With two nodes alone the higher one is believed: nodes
 * that are stuck are common.
 */
export function isOutOfStep(height: bigint, others: readonly bigint[]): boolean {
  const [first, second] = [...others].sort((a, b) => (a > b ? -1 : a < b ? 1 : 0));
  if (first === undefined) return false;
  if (second === undefined) return first - height > lagBlocksMax;
  // The best of the others may itself be the one that lies.
  const best = first - second > leadBlocksMax && near(second, height) ? second : first;
  if (best - height > lagBlocksMax) return true;
  return near(first, second) && height - first > leadBlocksMax;
}

function near(one: bigint, other: bigint): boolean {
  const distance = one > other ? one - other : other - one;
  return distance <= lagBlocksMax;
}
