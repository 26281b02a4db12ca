import { describe, expect, it } from '@jest/globals';
import { catalogue, type ChainEvent, type EventOf } from '@quittance/events';
import fc from 'fast-check';

import { chainNewsOf } from './chain-news.js';

const at = (second: number) => `2026-11-20T12:00:0${second}.000Z`;
const chains = fc.constantFrom('eip155:1', 'eip155:2').map((id) => id as never);
const [finalized, suspended, resumed] = [
  catalogue['settlement.finalized'].fixture,
  catalogue['settlement.suspended'].fixture,
  catalogue['settlement.resumed'].fixture,
] as unknown as [
  EventOf<'settlement.finalized'>,
  EventOf<'settlement.suspended'>,
  EventOf<'settlement.resumed'>,
];
const seconds = fc.nat({ max: 9 }).map(at);
const events: fc.Arbitrary<ChainEvent> = fc.oneof(
  fc.record({ chainId: chains, number: fc.nat() }).map(({ chainId, number }) => ({
    ...finalized,
    data: { chainId, block: { ...finalized.data.block, number: `${number}` } },
  })),
  fc.record({ chainId: chains, occurredAt: seconds }).map(({ chainId, occurredAt }) => ({
    ...suspended,
    occurredAt,
    data: { ...suspended.data, chainId },
  })),
  fc.record({ chainId: chains, occurredAt: seconds }).map(({ chainId, occurredAt }) => ({
    ...resumed,
    occurredAt,
    data: { chainId },
  })),
);

describe('the news of a batch', () => {
  it('has one entry a chain, sorted, with the furthest finality and the newest word on its suspension', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 20 }), (batch) => {
        const news = chainNewsOf(batch);
        expect(news.map(({ chainId }) => chainId)).toEqual(
          [...new Set(batch.map(({ data }) => data.chainId))].sort(),
        );
        for (const { chainId, finalBlock, suspension } of news) {
          const own = batch.filter(({ data }) => data.chainId === chainId);
          const blocks = own.flatMap((event) =>
            event.type === 'settlement.finalized' ? [Number(event.data.block.number)] : [],
          );
          expect(finalBlock).toBe(blocks.length === 0 ? null : BigInt(Math.max(...blocks)));
          const words = own.filter(({ type }) => type !== 'settlement.finalized');
          const newest = words
            .map(({ occurredAt }) => occurredAt)
            .sort()
            .at(-1);
          const last = words.filter(({ occurredAt }) => occurredAt === newest).at(-1);
          expect(suspension?.changedAt.toISOString()).toBe(newest);
          if (last !== undefined)
            expect(suspension?.reason).toBe(last.type === 'settlement.suspended' ? last.data.reason : null);
        }
      }),
    );
  });

  it('has nothing to say of a filled nonce', () => {
    expect(chainNewsOf([catalogue['settlement.filled'].fixture as unknown as ChainEvent])).toEqual([]);
  });
});
