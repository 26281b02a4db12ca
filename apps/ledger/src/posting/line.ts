import { type AssetId, atomicAmount } from '@quittance/money';

/** Reserved, on its way, done. A move between layers is one transaction that takes from the one and adds to the other. */
export const layers = ['encumbered', 'inflight', 'settled'] as const;
export type Layer = (typeof layers)[number];

/** One line of a transaction: a debit when positive, a credit when negative; never 0. */
export type Line = {
  readonly account: string;
  readonly asset: AssetId;
  readonly layer: Layer;
  readonly amount: bigint;
};

/**
 * Lines by position, each position once: amounts of equal account, asset and layer are summed, zeros left out, in one
 * order whatever the order they came in.
 *
 * @throws MoneyError `amount_out_of_range` when a sum is beyond 2^256 − 1 either way.
 */
export function netLines(lines: Iterable<Line>): Line[] {
  const sums = new Map<string, Line>();
  for (const line of lines) {
    const key = `${line.account} ${line.asset} ${line.layer}`;
    sums.set(key, { ...line, amount: (sums.get(key)?.amount ?? 0n) + line.amount });
  }
  const net = [...sums].filter(([, line]) => line.amount !== 0n);
  for (const [, { amount }] of net) atomicAmount(amount < 0n ? -amount : amount);
  return net.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
}

/** What must be added to `posted` to come to `target`. */
export function difference(target: readonly Line[], posted: readonly Line[]): Line[] {
  return netLines([...target, ...mirrorOf(posted)]);
}

export type Move = {
  readonly to: string;
  readonly from: string;
  readonly asset: AssetId;
  readonly layer: Layer;
  readonly amount: bigint;
};

/** A debit and the credit that it comes from; none where nothing moves. */
export function move({ to, from, asset, layer, amount }: Move): Line[] {
  if (amount === 0n) return [];
  return [
    { account: to, asset, layer, amount },
    { account: from, asset, layer, amount: -amount },
  ];
}

/** What takes lines back: the same with the other sign. */
export function mirrorOf(lines: readonly Line[]): Line[] {
  return lines.map((line) => ({ ...line, amount: -line.amount }));
}
