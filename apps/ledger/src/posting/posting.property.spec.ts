import type { PaymentEvent } from '@quittance/events';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Auditor } from '../../test/auditor.js';
import { chainId, filled, PaymentStory, relayer } from '../../test/payment-events.js';
import { disordered, disorderedHistories, histories, type History } from '../../test/payment-histories.js';
import { fillerOf, postFillers } from './filler.js';
import { difference, type Line, netLines } from './line.js';
import { stateOf } from './payment-facts.js';
import { target } from './target.js';
import { type PaymentBooks, type PaymentPostings, postEvents } from './posting.js';

const post = (events: readonly PaymentEvent[]): PaymentPostings =>
  postEvents({ facts: null, posted: [] }, events);
const allLines = (result: PaymentPostings): Line[] => result.postings.flatMap(({ lines }) => [...lines]);

/** What is left of the lines, by layer and account. */
function balancesOf(lines: readonly Line[]): Record<string, bigint> {
  return Object.fromEntries(netLines(lines).map((line) => [`${line.layer} ${line.account}`, line.amount]));
}

/** What the books must show, from what survives alone. */
function expectedOf({ story, amount: taken, ceiling, survivors }: History): Record<string, bigint> {
  const { flow, spent, reserved } = survivors;
  const amount = flow === 'encumbered' ? (ceiling ?? taken) : taken;
  const to = {
    encumbered: `F:authorized:${chainId}`,
    inflight: `F:transit:${chainId}`,
    settled: `F:merchant:${chainId}:${story.payTo}`,
  };
  const wallet = `G:wallet:relayer:${chainId}:${relayer}`;
  const sums: Record<string, bigint> = {
    ...(flow === null
      ? {}
      : { [`${flow} ${to[flow]}`]: amount, [`${flow} F:payer:${chainId}:${story.payer}`]: -amount }),
    [`settled G:expense:gas:${chainId}:ok`]: spent.ok,
    [`settled G:expense:gas:${chainId}:reverted`]: spent.reverted,
    [`settled G:expense:gas:${chainId}:missed`]: spent.missed,
    [`settled ${wallet}`]: -(spent.ok + spent.reverted + spent.missed),
    [`inflight G:transit:gas:${chainId}`]: reserved,
    [`inflight ${wallet}`]: -reserved,
  };
  return Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum !== 0n));
}

/** `npm run test:ledger` asks for more. */
const numRuns = Number(process.env['LEDGER_HISTORIES'] ?? 1_000);
const seed = Number(process.env['LEDGER_SEED'] ?? 20_261_128);

describe('posting', () => {
  it('comes to the same facts and balances in any order, with any repetition', () => {
    fc.assert(
      fc.property(disorderedHistories, ({ history, delivered }) => {
        const [inOrder, shuffled] = [post(history.events), post(delivered)];
        expect(shuffled.facts).toEqual(inOrder.facts);
        expect(netLines(allLines(shuffled))).toEqual(netLines(allLines(inOrder)));
      }),
      { numRuns, seed },
    );
  });

  it('comes to what the surviving events say, to the last wei', () => {
    fc.assert(
      fc.property(disorderedHistories, ({ history, delivered }) => {
        expect(balancesOf(allLines(post(delivered)))).toEqual(expectedOf(history));
      }),
      { numRuns, seed },
    );
  });

  it('agrees with the auditor after every single event, with whatever is missing or repeated by then', () => {
    fc.assert(
      fc.property(disorderedHistories, ({ delivered }) => {
        const auditor = new Auditor(() => null);
        let books: PaymentBooks = { facts: null, posted: [] };
        for (const event of delivered) {
          auditor.hear(event);
          const { facts, postings } = postEvents(books, [event]);
          books = {
            facts,
            posted: netLines([...books.posted, ...postings.flatMap(({ lines }) => [...lines])]),
          };
          const shown = books.posted.map((line) => [
            `${line.layer} ${line.account} ${line.asset}`,
            line.amount,
          ]);
          expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(auditor.books()));
        }
      }),
      { numRuns: Math.ceil(numRuns / 4), seed },
    );
  });

  it('settles a payment once, however often it was taken back and confirmed again', () => {
    const confirmations = fc.array(fc.bigInt({ min: 1n, max: 2n ** 200n }), { minLength: 2, maxLength: 6 });
    const orders = confirmations.chain((fees) => {
      const story = new PaymentStory({ name: 'again', amount: 5n });
      const confirmed = fees.map((fee, index) => story.confirmed('us', { fee }, `block ${index}`));
      const events = [
        story.accepted(),
        story.submitted(),
        ...confirmed,
        ...confirmed.slice(0, -1).map((event) => story.reorged(event)),
      ];
      return fc.record({ fee: fc.constant(fees.at(-1)), delivered: disordered(events) });
    });
    fc.assert(
      fc.property(orders, ({ fee, delivered }) => {
        const result = post(delivered);
        expect(result.facts === null ? null : stateOf(result.facts)).toBe('confirmed');
        expect(Object.values(balancesOf(allLines(result))).filter((sum) => sum > 0n)).toEqual([5n, fee]);
      }),
      { numRuns: 200 },
    );
  });

  it('balances every header by asset and layer, without a zero line, in one book', () => {
    fc.assert(
      fc.property(disorderedHistories, ({ delivered }) => {
        for (const { book, lines } of post(delivered).postings) {
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
      fc.property(histories, fc.nat(12), ({ events }, cut) => {
        const first = post(events.slice(0, cut));
        // Through JSON, as the facts are kept.
        const kept = JSON.parse(JSON.stringify(first.facts)) as typeof first.facts;
        const rest = postEvents({ facts: kept, posted: netLines(allLines(first)) }, events.slice(cut));
        expect(netLines([...allLines(first), ...allLines(rest)])).toEqual(netLines(allLines(post(events))));
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
      fc.property(histories, strays, ({ events }, stray) => {
        const { facts } = post(events);
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

describe('fillers', () => {
  it('cost what was not taken back, whatever comes first and however it is cut into batches', () => {
    const chains = fc
      .array(fc.bigInt({ min: 0n, max: 2n ** 128n }), { minLength: 1, maxLength: 5 })
      .chain((fees) => {
        const events: ReturnType<typeof filled>[] = [];
        for (const [index, fee] of fees.entries())
          events.push(filled(`${index}`, fee, { takesBack: events.at(-1) ?? null }));
        const order = fc.shuffledSubarray(events, { minLength: events.length });
        return fc.record({ last: fc.constant(fees.at(-1)), order, cut: fc.nat(events.length) });
      });
    fc.assert(
      fc.property(chains, ({ last = 0n, order, cut }) => {
        const [first, second] = [order.slice(0, cut), order.slice(cut)];
        const postings = [...postFillers([], first), ...postFillers(first.map(fillerOf), second)];
        const balances = Object.values(balancesOf(postings.flatMap(({ lines }) => [...lines])));
        expect(balances).toEqual(last === 0n ? [] : [last, -last]);
      }),
    );
  });
});
