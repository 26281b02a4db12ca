import type { QuittanceEvent } from '@quittance/events';
import { MoneyError } from '@quittance/money';
import { describe, expect, it } from '@jest/globals';

import { asset, chainId, native, PaymentStory, relayer } from '../../test/payment-events.js';
import { stateOf } from './payment-facts.js';
import { EventContradictsError } from './posting-error.js';
import { type PaymentPostings, postEvents } from './posting.js';

const amount = 1_000_000n;
const reserve = 240_000_000_000_000n;
const fee = 85_672_000_000_000n;

const story = new PaymentStory({ name: 'one', amount });
const post = (...events: QuittanceEvent[]): PaymentPostings =>
  postEvents({ facts: null, posted: [] }, events);

const accepted = story.accepted();
const submitted = story.submitted();
const confirmed = story.confirmed('us');

const payer = `F:payer:${chainId}:${story.payer}`;
const merchant = `F:merchant:${chainId}:${story.payTo}`;
const transit = `F:transit:${chainId}`;
const authorized = `F:authorized:${chainId}`;
const wallet = `G:wallet:relayer:${chainId}:${relayer}`;
const gasTransit = `G:transit:gas:${chainId}`;

const linesOf = ({ postings }: PaymentPostings): string[][] =>
  postings.map(({ book, lines }) => [
    book,
    ...lines.map(
      (line) => `${line.layer} ${line.account} ${line.amount} ${line.asset === asset ? 'token' : line.asset}`,
    ),
  ]);

/** What is left on the accounts when everything is summed, zeros left out. */
function balancesOf(result: PaymentPostings): Record<string, bigint> {
  const sums: Record<string, bigint> = {};
  for (const line of result.postings.flatMap((posting) => posting.lines)) {
    const key = `${line.layer} ${line.account}`;
    sums[key] = (sums[key] ?? 0n) + line.amount;
  }
  return Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum !== 0n));
}

const settled = { [`settled ${merchant}`]: amount, [`settled ${payer}`]: -amount };
const gasSpent = (outcome: 'ok' | 'reverted'): Record<string, bigint> => ({
  [`settled G:expense:gas:${chainId}:${outcome}`]: fee,
  [`settled ${wallet}`]: -fee,
});

describe('the lines of a payment', () => {
  it('go from encumbered through inflight to settled, with the gas in the other book', () => {
    expect(linesOf(post(accepted, submitted, confirmed))).toEqual([
      ['F', `encumbered ${authorized} ${amount} token`, `encumbered ${payer} -${amount} token`],
      [
        'F',
        `encumbered ${authorized} -${amount} token`,
        `encumbered ${payer} ${amount} token`,
        `inflight ${payer} -${amount} token`,
        `inflight ${transit} ${amount} token`,
      ],
      ['G', `inflight ${gasTransit} ${reserve} ${native}`, `inflight ${wallet} -${reserve} ${native}`],
      [
        'F',
        `settled ${merchant} ${amount} token`,
        `inflight ${payer} ${amount} token`,
        `settled ${payer} -${amount} token`,
        `inflight ${transit} -${amount} token`,
      ],
      [
        'G',
        `settled G:expense:gas:${chainId}:ok ${fee} ${native}`,
        `inflight ${gasTransit} -${reserve} ${native}`,
        `inflight ${wallet} ${reserve} ${native}`,
        `settled ${wallet} -${fee} ${native}`,
      ],
    ]);
  });

  it('end with what the chain did, and nothing under way', () => {
    expect(balancesOf(post(accepted, submitted, confirmed))).toEqual({ ...settled, ...gasSpent('ok') });
  });

  it('name the transaction and the event that they come from', () => {
    expect(
      post(accepted, submitted, confirmed).postings.map(({ event, chainTransaction }) => [
        event.type,
        chainTransaction,
      ]),
    ).toEqual([
      ['payment.accepted', null],
      ['settlement.submitted', story.transaction(1)],
      ['settlement.submitted', story.transaction(1)],
      ['settlement.confirmed', story.transaction(1)],
      ['settlement.confirmed', story.transaction(1)],
    ]);
  });

  it('release everything when the payment expires', () => {
    const result = post(accepted, story.expired());
    expect(balancesOf(result)).toEqual({});
    expect(result.postings).toHaveLength(2);
  });

  it('keep the gas of a revert, and release the rest', () => {
    expect(balancesOf(post(accepted, submitted, story.failed()))).toEqual(gasSpent('reverted'));
  });

  it('release the reserve of a submission that failed before it was broadcast', () => {
    expect(balancesOf(post(accepted, submitted, story.failed(null)))).toEqual({});
  });

  it('take the gas of our reverted transaction when somebody else landed the payment', () => {
    const first = story.confirmed('other', null);
    const second = story.confirmed('other', { attempt: 1 });
    expect(balancesOf(post(accepted, submitted, first))).toEqual({
      ...settled,
      [`inflight ${gasTransit}`]: reserve,
      [`inflight ${wallet}`]: -reserve,
    });
    const both = post(accepted, submitted, first, second);
    expect(balancesOf(both)).toEqual({ ...settled, ...gasSpent('reverted') });
    expect(both.postings.at(-1)).toMatchObject({ book: 'G', chainTransaction: story.transaction(1) });
  });

  it.each([
    ['failed', story.failed()],
    ['expired', story.expired()],
  ])('follow the chain when a payment that %s is confirmed after all', (_name, before) => {
    expect(balancesOf(post(accepted, submitted, before, story.confirmed('other', null)))).toMatchObject(
      settled,
    );
  });

  it('reserve the gas of two submissions with one relayer nonce once, and release both when either is mined', () => {
    const dearer = story.submitted(2, { relayerNonce: 1n, priceMax: 3_000_000_000n });
    const both = post(accepted, submitted, dearer);
    expect(balancesOf(both)).toMatchObject({ [`inflight ${gasTransit}`]: 360_000_000_000_000n });
    const mined = post(accepted, submitted, dearer, story.confirmed('us', { attempt: 2 }));
    expect(balancesOf(mined)).toEqual({ ...settled, ...gasSpent('ok') });
  });

  it('release the reserve of a displaced attempt when the next is submitted, in any order', () => {
    const again = story.submitted(2, { relayerNonce: 2n, priceMax: 1_000_000_000n });
    const mined = story.confirmed('us', { attempt: 2 });
    for (const events of [
      [accepted, submitted, again],
      [again, accepted, submitted, submitted],
    ])
      expect(balancesOf(post(...events))).toMatchObject({
        [`inflight ${gasTransit}`]: 120_000_000_000_000n,
        [`inflight ${wallet}`]: -120_000_000_000_000n,
      });
    for (const events of [
      [accepted, submitted, again, mined],
      [mined, again, submitted, accepted, again],
    ])
      expect(balancesOf(post(...events))).toEqual({ ...settled, ...gasSpent('ok') });
  });

  it('keep the reserve of the newest attempt while its own gas is unknown, whatever an older one cost', () => {
    const again = story.submitted(2, { relayerNonce: 2n });
    const other = story.confirmed('other', { attempt: 1 });
    const books = post(accepted, submitted, again, other);
    expect(balancesOf(books)).toMatchObject({ [`inflight ${gasTransit}`]: reserve });
    expect(
      balancesOf(post(accepted, submitted, again, other, story.confirmed('other', { attempt: 2 }))),
    ).toEqual({
      ...settled,
      [`settled G:expense:gas:${chainId}:reverted`]: 2n * fee,
      [`settled ${wallet}`]: -2n * fee,
    });
  });

  it('are none for an amount of 0 but the gas is booked', () => {
    const free = new PaymentStory({ name: 'free', amount: 0n });
    expect(balancesOf(post(free.accepted(), free.submitted(), free.confirmed('us')))).toEqual(gasSpent('ok'));
  });
});

describe('an event that does not fit', () => {
  it('posts nothing when it is a repetition under another id', () => {
    const again = {
      ...confirmed,
      id: '00000000-0000-8000-8000-000000000001',
      occurredAt: '2026-11-20T13:00:00.000Z',
    };
    expect(post(accepted, submitted, confirmed, again).postings).toEqual(
      post(accepted, submitted, confirmed).postings,
    );
  });

  it.each([
    ['amount', { amount: '999999' }],
    ['payTo', { payTo: `0x${'00'.repeat(20)}` }],
    ['payer', { payer: `0x${'00'.repeat(20)}` }],
  ])('is refused by name when it speaks of another %s', (field, data) => {
    const other = { ...submitted, data: { ...submitted.data, ...data } } as QuittanceEvent;
    expect(() => post(accepted, other)).toThrow(new RegExp(`contradicts.*${field}`));
  });

  it('is refused when it reports other gas for the same attempt', () => {
    const cheaper = story.confirmed('us', { fee: 1n });
    expect(() => post(accepted, submitted, confirmed, cheaper)).toThrow(EventContradictsError);
  });

  it('is refused when a gas reserve is beyond what a chain can hold', () => {
    expect(() => post(story.submitted(1, { limit: 2n ** 200n, priceMax: 2n ** 100n }))).toThrow(MoneyError);
  });
});

describe('the state of a payment', () => {
  it.each([
    ['accepted', [accepted]],
    ['submitted', [submitted, accepted]],
    ['submitted', [submitted]],
    ['expired', [story.expired(), accepted]],
    ['failed', [accepted, story.failed(), submitted]],
    ['confirmed', [story.failed(), story.confirmed('other', null), story.expired()]],
  ])('is %s', (state, events) => {
    const { facts } = post(...events);
    expect(facts === null ? null : stateOf(facts)).toBe(state);
  });
});
