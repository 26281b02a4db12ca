import type { EventOf } from '@quittance/events';
import { evmNativeAssetId } from '@quittance/money';

import { accountCode } from './account-code.js';
import { type Line, move } from './line.js';
import type { Posting } from './posting.js';

export type FilledEvent = EventOf<'settlement.filled'>;

/** What a transaction without payments cost and gave away, and the event of it that this one says no longer holds. */
export type Filler = {
  readonly eventId: string;
  readonly takesBack: string | null;
  readonly relayer: string;
  readonly fee: string;
  /** What a payer got for the gas of an approval; 0 where the transaction only filled a gap. */
  readonly given: string;
};

export function fillerOf({ id, data }: FilledEvent): Filler {
  const { relayer, fee, takesBack, topUp } = data;
  return {
    eventId: id.toLowerCase(),
    takesBack: takesBack?.toLowerCase() ?? null,
    relayer,
    fee,
    given: topUp?.amount ?? '0',
  };
}

/**
 * The headers of new fillers of one chain: each posts its cost unless another took it back, and the mirror of what it
 * takes back itself. Whichever of the two comes first, the same stands in the end.
 */
export function postFillers(known: readonly Filler[], events: readonly FilledEvent[]): Posting[] {
  const posted = new Map(known.map((filler) => [filler.eventId, filler]));
  const takenBack = new Set(known.flatMap(({ takesBack }) => (takesBack === null ? [] : [takesBack])));
  return events.flatMap((event) => {
    const filler = fillerOf(event);
    const lines: Line[] = takenBack.has(filler.eventId) ? [] : costLines(event, filler, 1n);
    if (filler.takesBack !== null && !takenBack.has(filler.takesBack)) {
      takenBack.add(filler.takesBack);
      const before = posted.get(filler.takesBack);
      if (before !== undefined) lines.push(...costLines(event, before, -1n));
    }
    posted.set(filler.eventId, filler);
    const chainTransaction = event.data.transaction;
    return lines.length === 0 ? [] : [{ event, paymentId: null, book: 'G', chainTransaction, lines }];
  });
}

function costLines({ data }: FilledEvent, { relayer, fee, given }: Filler, sign: 1n | -1n): Line[] {
  const { chainId } = data;
  const expense = (outcome: 'filler' | 'topup' | 'given', amount: string) =>
    move({
      to: accountCode.gasExpense(chainId, outcome),
      from: accountCode.relayerWallet(chainId, relayer),
      asset: evmNativeAssetId(chainId),
      layer: 'settled',
      amount: sign * BigInt(amount),
    });
  return given === '0' ? expense('filler', fee) : [...expense('topup', fee), ...expense('given', given)];
}
