import { describe, expect, it } from '@jest/globals';
import type { PaymentEvent } from '@quittance/events';

import { asset, chainId, PaymentStory } from '../../test/payment-events.js';
import { Tariff } from '../merchant/tariff.js';
import { netLines } from './line.js';
import { type PaymentBooks, type PaymentPostings, postEvents } from './posting.js';

const january = new Date('2026-01-01T00:00:00Z');
const story = new PaymentStory({ name: 'charged', amount: 1_000_999n });
const tariff = new Tariff([
  {
    merchant: 'acme',
    payTo: [story.payTo],
    terms: [
      { from: january, basisPoints: 100, fixed: new Map([[asset, 5n]]) },
      // The day after all of this happens.
      { from: new Date('2026-11-21T00:00:00Z'), basisPoints: 5_000, fixed: new Map() },
    ],
  },
]);
const dearer = new Tariff([], [{ from: january, basisPoints: 900, fixed: new Map() }]);
const nothing: PaymentBooks = { facts: null, posted: [] };

const [accepted, submitted, confirmed] = [story.accepted(), story.submitted(), story.confirmed('us')];

function balancesOf(...results: PaymentPostings[]): Record<string, bigint> {
  const lines = results.flatMap(({ postings }) => postings.flatMap((posting) => [...posting.lines]));
  return Object.fromEntries(netLines(lines).map((line) => [`${line.layer} ${line.account}`, line.amount]));
}

const post = (events: readonly PaymentEvent[], by = tariff): PaymentPostings =>
  postEvents(nothing, events, by);
const claimed = { 'settled G:receivable:fees:acme': 10_014n, 'settled G:revenue:fee:exact': -10_014n };
const feesIn = (balances: Record<string, bigint>): Record<string, bigint> =>
  Object.fromEntries(Object.entries(balances).filter(([account]) => account.includes(':fee')));

describe('the fee of a payment', () => {
  it('is claimed from the merchant when we settled it, in the asset that was paid with', () => {
    const result = post([accepted, submitted, confirmed]);
    expect(feesIn(balancesOf(result))).toEqual(claimed);
    const [last] = result.postings.slice(-1);
    expect(last).toMatchObject({ book: 'G', chainTransaction: story.transaction(1) });
    expect(last?.lines.filter(({ account }) => account.includes(':fee')).map((line) => line.asset)).toEqual([
      asset,
      asset,
    ]);
  });

  it.each([
    ['nothing before it is settled', [accepted, submitted]],
    ['nothing where somebody else settled it', [accepted, submitted, story.confirmed('other', null)]],
    ['nothing where it failed', [accepted, submitted, story.failed()]],
    [
      'nothing where a reorganization took it back',
      [accepted, submitted, confirmed, story.reorged(confirmed)],
    ],
    ['nothing as long as the acceptance is missing', [submitted, confirmed]],
  ])('is %s', (_what, events) => {
    expect(feesIn(balancesOf(post(events)))).toEqual({});
  });

  it('is claimed once the acceptance comes after all', () => {
    expect(feesIn(balancesOf(post([confirmed, submitted, accepted])))).toEqual(claimed);
  });

  it('stays what it was when the tariff changes later, through reorganizations too', () => {
    const first = post([accepted, submitted, confirmed]);
    const kept = JSON.parse(JSON.stringify(first.facts)) as NonNullable<typeof first.facts>;
    const before = { facts: kept, posted: netLines(first.postings.flatMap(({ lines }) => [...lines])) };
    const late = {
      ...confirmed,
      id: '00000000-0000-8000-8000-000000000009',
      occurredAt: '2026-11-21T00:00:00.000Z',
    };
    const again = postEvents(before, [confirmed, late], dearer);
    expect(again.postings).toEqual([]);
    const next = story.confirmed('us', { fee: 7n }, 'next block');
    const moved = postEvents(before, [story.reorged(confirmed), next], dearer);
    expect(feesIn(balancesOf(first, moved))).toEqual({
      [`settled G:receivable:fees:${story.payTo}`]: 90_089n,
      'settled G:revenue:fee:exact': -90_089n,
    });
  });

  it('of a payment by upto is of what was taken, and revenue of that scheme', () => {
    const upto = new PaymentStory({ name: 'charged upto', amount: 300n, ceiling: 500n });
    const result = post([upto.accepted(), upto.submitted(), upto.confirmed('us')]);
    expect(feesIn(balancesOf(result))).toEqual({
      'settled G:receivable:fees:acme': 8n,
      'settled G:revenue:fee:upto': -8n,
    });
  });
});

describe('a payment by upto', () => {
  const upto = new PaymentStory({ name: 'upto', amount: 3_200_000n, ceiling: 5_000_000n });
  const flow = (events: readonly PaymentEvent[]): Record<string, bigint> =>
    Object.fromEntries(
      Object.entries(balancesOf(post(events))).filter(([account]) => account.includes(' F:')),
    );
  const payer = `F:payer:${chainId}:${upto.payer}`;
  const sent = [upto.accepted(), upto.submitted()];

  it('encumbers all that the payer signed for', () => {
    expect(flow([upto.accepted()])).toEqual({
      [`encumbered F:authorized:${chainId}`]: 5_000_000n,
      [`encumbered ${payer}`]: -5_000_000n,
    });
  });

  it('releases all of it when what is taken is sent, and settles that', () => {
    expect(flow(sent)).toEqual({
      [`inflight F:transit:${chainId}`]: 3_200_000n,
      [`inflight ${payer}`]: -3_200_000n,
    });
    expect(flow([...sent, upto.confirmed('us')])).toEqual({
      [`settled F:merchant:${chainId}:${upto.payTo}`]: 3_200_000n,
      [`settled ${payer}`]: -3_200_000n,
    });
  });

  it('of which nothing is taken ends as it began, without a fee', () => {
    const none = new PaymentStory({ name: 'nothing taken', amount: 0n, ceiling: 5n });
    expect(Object.keys(flow([none.accepted()]))).toHaveLength(2);
    expect(balancesOf(post([none.accepted(), none.expired()]))).toEqual({});
    expect(flow([none.accepted(), none.submitted(), none.confirmed('us')])).toEqual({});
  });
});
