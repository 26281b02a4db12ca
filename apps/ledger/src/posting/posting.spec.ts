import type { PaymentEvent } from '@quittance/events';
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
const post = (...events: PaymentEvent[]): PaymentPostings => postEvents({ facts: null, posted: [] }, events);

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
const gasSpent = (outcome: 'ok' | 'reverted' | 'missed'): Record<string, bigint> => ({
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
    const dearer = story.submitted(2, { relayerNonce: 1n, reserve: 360n });
    const both = post(accepted, submitted, dearer);
    expect(balancesOf(both)).toMatchObject({ [`inflight ${gasTransit}`]: 360n });
    const mined = post(accepted, submitted, dearer, story.confirmed('us', { attempt: 2 }));
    expect(balancesOf(mined)).toEqual({ ...settled, ...gasSpent('ok') });
  });

  it('reserve what the newest version of an attempt may cost, in any order', () => {
    const [second, third] = [story.replaced(1, 2, 270n), story.replaced(1, 3, 300n)];
    for (const events of [
      [accepted, submitted, second, third],
      [third, second, submitted, accepted, second],
    ]) {
      const books = post(...events);
      expect(balancesOf(books)).toMatchObject({
        [`inflight ${gasTransit}`]: 300n,
        [`inflight ${wallet}`]: -300n,
      });
      expect(balancesOf(post(...events, confirmed))).toEqual({ ...settled, ...gasSpent('ok') });
    }
    expect(post(accepted, submitted, second).postings.at(-1)).toMatchObject({
      book: 'G',
      chainTransaction: story.transaction(1, 2),
    });
  });

  it('let the reserve of a displaced attempt go, and spend nothing', () => {
    const again = story.submitted(2, { reserve: 120n });
    const displaced = story.released(1, 'displaced');
    expect(balancesOf(post(accepted, submitted, displaced))).toEqual({
      [`inflight ${transit}`]: amount,
      [`inflight ${payer}`]: -amount,
    });
    for (const events of [
      [accepted, submitted, displaced, again],
      [displaced, again, accepted, submitted, submitted],
    ])
      expect(balancesOf(post(...events))).toMatchObject({
        [`inflight ${gasTransit}`]: 120n,
        [`inflight ${wallet}`]: -120n,
      });
  });

  it('leave no reserve when somebody else paid and our own attempt was displaced after it', () => {
    const other = story.confirmed('other', null);
    const displaced = story.released(1, 'displaced');
    for (const events of [
      [accepted, submitted, other, displaced],
      [displaced, other, submitted, accepted],
    ])
      expect(balancesOf(post(...events))).toEqual(settled);
  });

  it.each(['missed', 'reverted'] as const)('spend what an attempt cost that was %s', (cause) => {
    const released = story.released(1, cause);
    expect(balancesOf(post(accepted, submitted, released))).toEqual({
      [`inflight ${transit}`]: amount,
      [`inflight ${payer}`]: -amount,
      ...gasSpent(cause),
    });
    expect(post(accepted, submitted, released).postings.at(-1)).toMatchObject({
      book: 'G',
      chainTransaction: story.transaction(1),
    });
  });

  it('reserve for each attempt that is under way', () => {
    const again = story.submitted(2);
    const both = post(accepted, submitted, again);
    expect(balancesOf(both)).toMatchObject({ [`inflight ${gasTransit}`]: 2n * reserve });
    const one = post(accepted, submitted, again, story.confirmed('us', { attempt: 2 }));
    expect(balancesOf(one)).toMatchObject({ ...settled, [`inflight ${gasTransit}`]: reserve });
    const none = post(
      accepted,
      submitted,
      again,
      story.confirmed('us', { attempt: 2 }),
      story.released(1, 'displaced'),
    );
    expect(balancesOf(none)).toEqual({ ...settled, ...gasSpent('ok') });
  });

  it('are none for an amount of 0 but the gas is booked', () => {
    const free = new PaymentStory({ name: 'free', amount: 0n });
    expect(balancesOf(post(free.accepted(), free.submitted(), free.confirmed('us')))).toEqual(gasSpent('ok'));
  });
});

describe('a reorganisation', () => {
  const reorged = story.reorged(confirmed);
  const underWay = {
    [`inflight ${transit}`]: amount,
    [`inflight ${payer}`]: -amount,
    [`inflight ${gasTransit}`]: reserve,
    [`inflight ${wallet}`]: -reserve,
  };

  it('puts a confirmed payment back under way, and its gas was not spent', () => {
    for (const events of [
      [accepted, submitted, confirmed, reorged],
      [accepted, submitted, reorged, confirmed],
      [reorged, confirmed, submitted, accepted, reorged],
    ]) {
      const { facts, ...books } = post(...events);
      expect(balancesOf({ facts, ...books })).toEqual(underWay);
      expect(facts === null ? null : stateOf(facts)).toBe('submitted');
    }
  });

  it('is forgotten when the payment is confirmed again, at what that cost', () => {
    const again = story.confirmed('us', { fee: 7n }, 'next block');
    for (const events of [
      [accepted, submitted, confirmed, reorged, again],
      [again, confirmed, reorged, submitted, accepted],
    ])
      expect(balancesOf(post(...events))).toEqual({
        ...settled,
        [`settled G:expense:gas:${chainId}:ok`]: 7n,
        [`settled ${wallet}`]: -7n,
      });
  });

  it('that is not told yet leaves the gas of one attempt counted once, as it was told first', () => {
    const again = story.confirmed('us', { fee: 7n }, 'next block');
    for (const events of [
      [accepted, submitted, confirmed, again],
      [again, submitted, confirmed, accepted],
    ])
      expect(balancesOf(post(...events))).toEqual({ ...settled, ...gasSpent('ok') });
  });

  it.each([
    ['failure', story.failed()],
    ['release that cost gas', story.released(1, 'missed')],
    ['release that cost nothing', story.released(1, 'displaced')],
  ])('takes a %s back', (_name, event) => {
    expect(balancesOf(post(accepted, submitted, event, story.reorged(event)))).toEqual(underWay);
  });

  it('counts the reserve of the attempt that is under way again beside that of the next', () => {
    const missed = story.released(1, 'missed');
    const again = story.submitted(2, { reserve: 5n });
    expect(balancesOf(post(accepted, submitted, missed, again, story.reorged(missed)))).toMatchObject({
      [`inflight ${gasTransit}`]: reserve + 5n,
    });
  });

  it('leaves a payment that was never ours to submit as it was accepted', () => {
    const other = story.confirmed('other', null);
    expect(balancesOf(post(accepted, other, story.reorged(other)))).toEqual({
      [`encumbered ${authorized}`]: amount,
      [`encumbered ${payer}`]: -amount,
    });
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
    const other = { ...submitted, data: { ...submitted.data, ...data } } as PaymentEvent;
    expect(() => post(accepted, other)).toThrow(new RegExp(`contradicts.*${field}`));
  });

  it('is refused when it reports other gas for the same attempt', () => {
    const cheaper = {
      ...story.confirmed('us', { fee: 1n }),
      id: '00000000-0000-8000-8000-000000000002',
    } as PaymentEvent;
    expect(() => post(accepted, submitted, confirmed, cheaper)).toThrow(EventContradictsError);
  });

  it('is refused when gas reserves together are beyond what a chain can hold', () => {
    const reserve = 2n ** 256n - 1n;
    expect(() => post(story.submitted(1, { reserve }), story.submitted(2, { reserve }))).toThrow(MoneyError);
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
