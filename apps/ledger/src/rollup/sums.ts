import type { Layer } from '../posting/line.js';

/** What lines come to: how many there are on each side, and how much. */
export type Sums = {
  readonly debits: number;
  readonly credits: number;
  readonly debit: bigint;
  readonly credit: bigint;
};

export const noSums: Sums = { debits: 0, credits: 0, debit: 0n, credit: 0n };

export const addSums = (a: Sums, b: Sums): Sums => ({
  debits: a.debits + b.debits,
  credits: a.credits + b.credits,
  debit: a.debit + b.debit,
  credit: a.credit + b.credit,
});

export const lessSums = (a: Sums, b: Sums): Sums => ({
  debits: a.debits - b.debits,
  credits: a.credits - b.credits,
  debit: a.debit - b.debit,
  credit: a.credit - b.credit,
});

export const balanceOf = ({ debit, credit }: Sums): bigint => debit - credit;

/** As a statement gives them: amounts as text. */
export type SumsRow = { debits: string; credits: string; debit: string; credit: string };

export const sumsOf = (row: SumsRow): Sums => ({
  debits: Number(row.debits),
  credits: Number(row.credits),
  debit: BigInt(row.debit),
  credit: BigInt(row.credit),
});

/** Adds to what is kept under a key. */
export function addTo<Value extends { readonly sums: Sums }>(
  kept: Map<string, Value>,
  key: string,
  value: Value,
): void {
  const before = kept.get(key);
  kept.set(key, before === undefined ? value : { ...before, sums: addSums(before.sums, value.sums) });
}

export type LayerSums = { readonly layer: Layer; readonly sums: Sums };
