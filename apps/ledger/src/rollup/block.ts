/** Blocks of the sealed order that are rolled up: see the migration of `ledger.rollup`, which has the same numbers. */
export const blockSizes = [1_024n, 131_072n] as const;
const [smallSize, largeSize] = blockSizes;
export const blocksInLarge = largeSize / smallSize;

/** How many blocks of each level are rolled up: they are the first ones. */
export type Rolled = { readonly small: bigint; readonly large: bigint };

/** The first transactions of the sealed order, as whole blocks and the rest. */
export type Cover = {
  /** Blocks 0 to this, without it, of level 1. */
  readonly largeEnd: bigint;
  readonly smallStart: bigint;
  readonly smallEnd: bigint;
  /** From here to `size` no block is whole. */
  readonly restStart: bigint;
  readonly size: bigint;
};

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

export function coverOf(size: bigint, rolled: Rolled): Cover {
  const largeEnd = least(rolled.large, size / largeSize);
  const smallStart = largeEnd * blocksInLarge;
  const whole = least(rolled.small, size / smallSize);
  const smallEnd = whole > smallStart ? whole : smallStart;
  return { largeEnd, smallStart, smallEnd, restStart: smallEnd * smallSize, size };
}

/** A run of the sealed order: `start` included, `end` not. */
export type Run = { readonly start: bigint; readonly end: bigint };

export const runOf = (level: number, block: bigint): Run => {
  const size = level === 0 ? smallSize : largeSize;
  return { start: block * size, end: (block + 1n) * size };
};

/** What of the cover lies in none of these blocks, as runs in order; neighbours joined. */
export function gapsOf(cover: Pick<Cover, 'size'>, covered: readonly Run[]): Run[] {
  const gaps: Run[] = [];
  let start = 0n;
  for (const run of [...covered].sort((a, b) => (a.start < b.start ? -1 : 1))) {
    if (run.start > start) gaps.push({ start, end: run.start });
    start = run.end;
  }
  if (start < cover.size) gaps.push({ start, end: cover.size });
  return gaps;
}
