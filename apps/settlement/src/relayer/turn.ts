import type { Hex } from '../payment/payment.js';

/** Batches of a relayer that are on their way at most: nodes keep so many of an account's transactions, and twice that. */
export const pipelineMax = 8;

/**
 * Whose turn it is for the next `count` batches, in order: always one with the fewest on their way, and none that is full.
 * Gives fewer when all are full.
 */
export function takeTurns<Leased extends { readonly relayer: { readonly address: Hex } }>(
  leased: readonly Leased[],
  onTheirWay: ReadonlyMap<Hex, number>,
  count: number,
): Leased[] {
  const load = new Map(leased.map(({ relayer }) => [relayer.address, onTheirWay.get(relayer.address) ?? 0]));
  const turns: Leased[] = [];
  while (turns.length < count) {
    const next = leased.reduce<{ readonly one: Leased; readonly load: number } | null>((least, one) => {
      const own = load.get(one.relayer.address) ?? 0;
      return own < pipelineMax && (least === null || own < least.load) ? { one, load: own } : least;
    }, null);
    if (next === null) break;
    load.set(next.one.relayer.address, next.load + 1);
    turns.push(next.one);
  }
  return turns;
}
