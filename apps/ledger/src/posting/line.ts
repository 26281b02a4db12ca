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
  const net: Line[] = [];
  // Sorted, those of one position follow each other: to find them by a key of text costs several times as much.
  for (const line of [...lines].sort(byPosition)) {
    const before = net.at(-1);
    if (before === undefined || byPosition(before, line) !== 0) net.push(line);
    else net[net.length - 1] = { ...before, amount: before.amount + line.amount };
  }
  for (const { amount } of net) atomicAmount(amount < 0n ? -amount : amount);
  return net.filter(({ amount }) => amount !== 0n);
}

function byPosition(a: Line, b: Line): number {
  return compare(a.account, b.account) || compare(a.asset, b.asset) || compare(a.layer, b.layer);
}

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

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
