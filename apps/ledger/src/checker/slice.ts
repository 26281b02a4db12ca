/** Ids from `first` to `last`, both included. */
export type Range = { readonly first: bigint; readonly last: bigint };

/** What is looked at: everything where a part is left out. */
export type Extent = {
  readonly transactions?: Range;
  readonly accounts?: Range;
  /** Payments by id, from this one on. */
  readonly payments?: { readonly from: string; readonly count: number };
  /** Positions in the sealed order, the last not included. */
  readonly leaves?: { readonly first: number; readonly end: number };
};

/** The highest ids there are, and how many leaves are sealed. */
export type Bounds = { readonly transaction: bigint; readonly account: bigint; readonly sealed: number };

export const sliceTransactions = 2_000n;
export const sliceAccounts = 200n;
export const slicePayments = 200;
export const sliceLeaves = 2_000;

/** `random` gives numbers from 0 up to, not including, 1. */
export function randomSlice(bounds: Bounds, random: () => number): Extent & Required<Extent> {
  return {
    transactions: rangeIn(bounds.transaction, sliceTransactions, random),
    accounts: rangeIn(bounds.account, sliceAccounts, random),
    payments: { from: randomUuid(random), count: slicePayments },
    leaves: leavesIn(bounds.sealed, random),
  };
}

const scale = 2 ** 53;

/** A range that begins anywhere, so that the last ids come as often as the others. */
function rangeIn(highest: bigint, size: bigint, random: () => number): Range {
  const first = 1n + (highest * BigInt(Math.floor(random() * scale))) / BigInt(scale);
  return { first, last: first + size - 1n };
}

function leavesIn(sealed: number, random: () => number): { readonly first: number; readonly end: number } {
  const first = Math.floor(sealed * random());
  return { first, end: Math.min(first + sliceLeaves, sealed) };
}

function randomUuid(random: () => number): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20),
  ].join('-');
}
