import type { ChainEvent } from '@quittance/events';
import { type ChainId, parseChainId } from '@quittance/money';

/** What a batch of events tells of one chain as a whole. */
export type ChainNews = {
  readonly chainId: ChainId;
  /** Up to where it is final; null where nothing was told. */
  readonly finalBlock: bigint | null;
  readonly suspension: Suspension | null;
};

/** Whether a chain settles, by the newest word on it. */
export type Suspension = {
  readonly reason: string | null;
  readonly detail: string | null;
  readonly changedAt: Date;
};

/**
 * Sums up events of chains, one entry a chain. The furthest finality and the newest word on a suspension count, however
 * the events came; of two words of one moment the later to come does, for a chain's events keep their order.
 */
export function chainNewsOf(events: readonly ChainEvent[]): ChainNews[] {
  const byChain = new Map<string, ChainNews>();
  for (const event of events) {
    const chainId = parseChainId(event.data.chainId);
    const known = byChain.get(chainId) ?? { chainId, finalBlock: null, suspension: null };
    byChain.set(chainId, newsAfter(known, event));
  }
  return [...byChain.values()]
    .filter(({ finalBlock, suspension }) => finalBlock !== null || suspension !== null)
    .sort((one, other) => (one.chainId < other.chainId ? -1 : 1));
}

function newsAfter(known: ChainNews, event: ChainEvent): ChainNews {
  const changedAt = new Date(event.occurredAt);
  switch (event.type) {
    case 'settlement.finalized': {
      const finalBlock = BigInt(event.data.block.number);
      return known.finalBlock !== null && known.finalBlock >= finalBlock ? known : { ...known, finalBlock };
    }
    case 'settlement.suspended': {
      const { reason, detail } = event.data;
      return withSuspension(known, { reason, detail, changedAt });
    }
    case 'settlement.resumed':
      return withSuspension(known, { reason: null, detail: null, changedAt });
    case 'settlement.filled':
      return known;
  }
}

function withSuspension(known: ChainNews, suspension: Suspension): ChainNews {
  return known.suspension !== null && known.suspension.changedAt > suspension.changedAt
    ? known
    : { ...known, suspension };
}
