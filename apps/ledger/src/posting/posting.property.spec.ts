import type { QuittanceEvent } from '@quittance/events';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { PaymentStory } from '../../test/payment-events.js';
import { difference, type Line, netLines } from './line.js';
import { target } from './target.js';
import { type PaymentPostings, postEvents } from './posting.js';

const edges = [0n, 1n, 2n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 128n, 2n ** 256n - 1n];
const amounts = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }));
/** Two attempts, one fee each and one reserve each must still sum to what a line can hold. */
const fees = fc.oneof(
  fc.constantFrom(0n, 1n, 2n ** 63n, 2n ** 254n),
  fc.bigInt({ min: 0n, max: 2n ** 254n }),
);

/** Every shape that a payment can take, in the order in which it happens. */
const histories = fc
  .record({
    amount: amounts,
    fees: fc.tuple(fees, fees),
    priceMax: fees,
    sameNonce: fc.boolean(),
    ending: fc.constantFrom(
      'none',
      'us',
      'other',
      'otherThenOurRevert',
      'failed',
      'failedEarly',
      'expired',
      'failedThenOther',
      'second',
      'displacedThenUs',
      'displacedThenOther',
      'displacedThenOtherThenOurRevert',
      'displacedThenFailed',
    ),
    steps: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ amount, fees: [first, second], priceMax, sameNonce, ending, steps }) => {
    const story = new PaymentStory({ name: 'any', amount });
    const submissions = [
      story.submitted(1, { limit: 1n, priceMax, relayerNonce: 1n }),
      story.submitted(2, { limit: 1n, priceMax: priceMax / 2n, relayerNonce: sameNonce ? 1n : 2n }),
      // Displaced again: a new nonce, whatever the ones before it had.
      story.submitted(3, { limit: 1n, priceMax, relayerNonce: 3n }),
    ].slice(0, steps);
    const newest = Math.max(steps, 1);
    const endings: Record<typeof ending, QuittanceEvent[]> = {
      none: [],
      us: [story.confirmed('us', { fee: first })],
      other: [story.confirmed('other', null)],
      otherThenOurRevert: [story.confirmed('other', null), story.confirmed('other', { fee: first })],
      failed: [story.failed({ fee: first })],
      failedEarly: [story.failed(null)],
      expired: [story.expired()],
      failedThenOther: [story.failed({ fee: first }), story.confirmed('other', null)],
      second: [story.failed({ fee: first }), story.confirmed('us', { attempt: 2, fee: second })],
      displacedThenUs: [story.confirmed('us', { attempt: newest, fee: first })],
      displacedThenOther: [story.confirmed('other', null)],
      displacedThenOtherThenOurRevert: [
        story.confirmed('other', null),
        story.confirmed('other', { attempt: newest, fee: second }),
      ],
      displacedThenFailed: [story.failed({ attempt: newest, fee: first })],
    };
    return [story.accepted(), ...submissions, ...endings[ending]];
  });

const post = (events: readonly QuittanceEvent[]): PaymentPostings =>
  postEvents({ facts: null, posted: [] }, events);
const allLines = (result: PaymentPostings): Line[] => result.postings.flatMap(({ lines }) => [...lines]);

describe('posting', () => {
  it('comes to the same facts and balances in any order, with any repetition', () => {
    const disordered = histories.chain((history) =>
      fc.record({
        history: fc.constant(history),
        delivered: fc
          .array(fc.constantFrom(...history), { maxLength: 6 })
          .chain((again) =>
            fc.shuffledSubarray([...history, ...again], { minLength: history.length + again.length }),
          ),
      }),
    );
    fc.assert(
      fc.property(disordered, ({ history, delivered }) => {
        const [inOrder, shuffled] = [post(history), post(delivered)];
        expect(shuffled.facts).toEqual(inOrder.facts);
        expect(netLines(allLines(shuffled))).toEqual(netLines(allLines(inOrder)));
      }),
      { numRuns: 400 },
    );
  });

  it('reserves gas for the newest attempt alone, until its gas is known or the payment failed', () => {
    fc.assert(
      fc.property(
        histories.chain((history) => fc.shuffledSubarray(history, { minLength: history.length })),
        (history) => {
          const { facts } = post(history);
          const newest = facts?.attempts.findLast(({ submitted }) => submitted !== null);
          const reserve = BigInt(newest?.submitted?.reserve ?? 0);
          const sameNonceMined = facts?.attempts.some(
            ({ gas, submitted }) =>
              gas !== null && submitted?.relayerNonce === newest?.submitted?.relayerNonce,
          );
          const released = facts?.failed !== null || newest?.gas !== null || sameNonceMined === true;
          const inflight = netLines(allLines(post(history))).filter(
            ({ account, layer }) => layer === 'inflight' && account.startsWith('G:transit:gas'),
          );
          const expected = released || reserve === 0n ? [] : [reserve];
          expect(inflight.map(({ amount }) => amount)).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('balances every header by asset and layer, without a zero line, in one book', () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const { book, lines } of post(history).postings) {
          const sums = new Map<string, bigint>();
          for (const line of lines) {
            expect(line.amount).not.toBe(0n);
            expect(line.account.startsWith(`${book}:`)).toBe(true);
            const key = `${line.asset} ${line.layer}`;
            sums.set(key, (sums.get(key) ?? 0n) + line.amount);
          }
          expect([...sums.values()].every((sum) => sum === 0n)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('comes to the same end in parts as at once: what stands is all that it needs', () => {
    fc.assert(
      fc.property(histories, fc.nat(6), (history, cut) => {
        const first = post(history.slice(0, cut));
        // Through JSON, as the facts are kept.
        const kept = JSON.parse(JSON.stringify(first.facts)) as typeof first.facts;
        const rest = postEvents({ facts: kept, posted: netLines(allLines(first)) }, history.slice(cut));
        expect(netLines([...allLines(first), ...allLines(rest)])).toEqual(netLines(allLines(post(history))));
      }),
      { numRuns: 200 },
    );
  });

  it('mends what stands wrong: the lines posted are always the difference to the target', () => {
    const strays = fc.array(
      fc.record({
        amount: fc.bigInt({ min: 1n, max: 2n ** 64n }),
        layer: fc.constantFrom('settled' as const, 'inflight' as const),
      }),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(histories, strays, (history, stray) => {
        const { facts } = post(history);
        if (facts === null) return;
        const goal = target(facts).filter(
          (line) => (line.amount < 0n ? -line.amount : line.amount) < 2n ** 255n,
        );
        const first = goal[0];
        if (first === undefined) return;
        const posted = netLines(stray.map((one) => ({ ...first, ...one })));
        expect(netLines([...posted, ...difference(goal, posted)])).toEqual(netLines(goal));
      }),
    );
  });
});
