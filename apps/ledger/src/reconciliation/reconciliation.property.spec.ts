import { describe, expect, it } from '@jest/globals';
import { erc20AssetId, evmChainId } from '@quittance/money';
import fc from 'fast-check';

import {
  type BreakChange,
  type BreakStanding,
  breakStates,
  newBreak,
  type Resolution,
  transition,
} from './break.js';
import { changesBetween } from './change-search.js';
import { type BreakType, findingOf } from './finding.js';
import { pairUp, UnsortedMovementsError } from './matching.js';
import { type BookedMovement, byPlace, type ChainMovement, logPart, placeKey } from './movement.js';
import { nextPage, nextPageBlocks, pageBlocksMax, pageBlocksMin } from './page-size.js';
import { planSweep } from './sweep.js';

const asset = erc20AssetId(evmChainId(1), `0x${'1'.repeat(40)}`);
const other = erc20AssetId(evmChainId(1), `0x${'2'.repeat(40)}`);
const hashAt = (block: bigint): string => `hash ${block}`;
const ground = { hashAt, own: new Set<string>() };

function onChain(index: number): ChainMovement {
  const block = BigInt(Math.floor(index / 3));
  return {
    place: { block, blockHash: hashAt(block), transaction: `t${index % 3}`, part: logPart(index) },
    role: 'settlement',
    asset,
    from: `payer ${index % 5}`,
    to: 'shop',
    amount: BigInt(index + 1),
    nonce: null,
    fee: 0n,
    awaitedBy: null,
  };
}

const booked = ({ place, asset: of, from, to, amount }: ChainMovement, index: number): BookedMovement => ({
  place,
  asset: of,
  from,
  to,
  amount,
  paymentId: `payment ${index}`,
  transactionId: String(index),
});

type Fault = Exclude<BreakType, 'balance'> | 'none' | 'foreign';
const faults: readonly Fault[] = [
  'none',
  'none',
  'none',
  'foreign',
  'missing_in_ledger',
  'late',
  'missing_on_chain',
  'orphaned',
  'amount',
  'party',
  'duplicate',
];

/** One movement on both sides, with a fault. */
function sides(index: number, fault: Fault): { chain: ChainMovement[]; books: BookedMovement[] } {
  const chain = onChain(index);
  const book = booked(chain, index);
  switch (fault) {
    case 'none':
      return { chain: [chain], books: [book] };
    case 'foreign':
      return { chain: [{ ...chain, role: 'foreign' }], books: [] };
    case 'missing_in_ledger':
      return { chain: [chain], books: [] };
    case 'late':
      return { chain: [{ ...chain, awaitedBy: book.paymentId }], books: [] };
    case 'missing_on_chain':
      return { chain: [], books: [book] };
    case 'orphaned':
      return { chain: [], books: [{ ...book, place: { ...book.place, blockHash: 'gone' } }] };
    case 'amount':
      return { chain: [chain], books: [{ ...book, amount: book.amount + 1n }] };
    case 'party':
      return {
        chain: [chain],
        books: [index % 2 === 0 ? { ...book, to: 'another' } : { ...book, asset: other }],
      };
    case 'duplicate':
      return { chain: [chain], books: [book, { ...book, transactionId: `${index}0`, paymentId: null }] };
  }
}

describe('the comparison of a chain with the books', () => {
  it('finds just the faults that there are, each by its name and place', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...faults), { maxLength: 200 }), (wanted) => {
        const parts = wanted.map((fault, index) => sides(index, fault));
        const chain = parts.flatMap((part) => part.chain).sort((a, b) => byPlace(a.place, b.place));
        const books = parts.flatMap((part) => part.books).sort((a, b) => byPlace(a.place, b.place));
        const pairings = [...pairUp(chain, books)];
        const found = pairings.flatMap((pairing) => findingOf(pairing, ground) ?? []);
        const expected = wanted.flatMap((fault, index) => {
          const part = sides(index, fault);
          const place = (part.books[0] ?? part.chain[0])?.place;
          return fault === 'none' || fault === 'foreign' || place === undefined
            ? []
            : [`${fault} ${placeKey(place)}`];
        });
        expect(found.map(({ type, subject }) => `${type} ${subject.replace(/#.*/, '')}`).sort()).toEqual(
          expected.sort(),
        );
        const count = (kind: string): number => pairings.filter((pairing) => pairing.kind === kind).length;
        expect(count('matched') + count('unbooked')).toBe(chain.length);
        expect(count('matched') + count('unseen') + count('again')).toBe(books.length);
      }),
      { numRuns: 300 },
    );
  });

  it('finds one of each among 100,000, holding one movement of each side', () => {
    const places: Readonly<Record<number, Fault>> = {
      1_000: 'missing_in_ledger',
      20_000: 'late',
      30_000: 'missing_on_chain',
      40_000: 'orphaned',
      50_000: 'amount',
      60_000: 'party',
      70_000: 'duplicate',
    };
    function* side<Movement>(of: (part: ReturnType<typeof sides>) => readonly Movement[]) {
      for (let index = 0; index < 100_000; index += 1) yield* of(sides(index, places[index] ?? 'none'));
    }
    // Places come sorted as they are made: three transactions a block, one log each.
    const [chain, books] = [side((part) => part.chain), side((part) => part.books)];
    const found = [];
    for (const pairing of pairUp(chain, books)) found.push(...[findingOf(pairing, ground) ?? []].flat());
    expect(found.map(({ type }) => type)).toEqual(Object.values(places));
  });

  it('refuses sides that are out of order', () => {
    const chain = [onChain(5), onChain(1)];
    expect(() => [...pairUp(chain, [])]).toThrow(UnsortedMovementsError);
    expect(() => [...pairUp([], chain.map(booked))]).toThrow(UnsortedMovementsError);
  });

  it('says of a wallet of ours how much more the chain has', () => {
    const wallet = { has: (address: string) => address === 'shop' };
    const [missing] = [...pairUp([onChain(4)], [])].map((pairing) =>
      findingOf(pairing, { hashAt, own: wallet }),
    );
    expect(missing).toMatchObject({ wallet: 'shop', effect: 5n });
    const [gone] = [...pairUp([], [booked(onChain(4), 4)])].map((pairing) =>
      findingOf(pairing, { hashAt, own: wallet }),
    );
    expect(gone).toMatchObject({ wallet: 'shop', effect: -5n });
  });
});

const names = fc.constantFrom('ada', 'ben', 'cleo');
const change: fc.Arbitrary<BreakChange> = fc.oneof(
  fc.constant<BreakChange>({ kind: 'found' }),
  fc.record({ kind: fc.constant('gone' as const), fixedBy: fc.constantFrom(null, '7') }),
  fc.record({ kind: fc.constant('assign' as const), owner: names }),
  fc.record({
    kind: fc.constant('propose' as const),
    resolution: fc.constantFrom<Resolution>('explained', 'written_off'),
    reason: fc.constant('because'),
    by: names,
    fixedBy: fc.constantFrom(null, '8'),
  }),
  fc.record({ kind: fc.constant('approve' as const), by: names }),
  fc.record({ kind: fc.constant('reject' as const), by: names }),
);

describe('a break', () => {
  it('ends by itself or by two people, and what people ended stays so', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        let standing: BreakStanding = newBreak;
        for (const one of changes) {
          const step = transition(standing, one);
          const before = standing;
          if (step.ok) standing = step.standing;
          expect(breakStates).toContain(standing.state);
          const byPeople = standing.state === 'explained' || standing.state === 'written_off';
          expect(standing.approvedBy !== null).toBe(byPeople);
          if (byPeople) {
            expect(standing.proposal?.by).not.toBe(standing.approvedBy);
            expect(standing.proposal?.resolution).toBe(standing.state);
          }
          if (before.approvedBy !== null) expect(standing).toEqual(before);
          if (before.state !== 'open' && one.kind !== 'found' && one.kind !== 'gone')
            expect(step.ok).toBe(false);
        }
      }),
    );
  });
});

describe('reading a chain', () => {
  it('finds every block in which a count rose, and no other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 60 }), async (rises) => {
        const at = (block: bigint): bigint =>
          rises.slice(0, Number(block) + 1).reduce((sum, rise) => sum + BigInt(rise), 0n);
        const last = BigInt(rises.length - 1);
        const found = await changesBetween(
          async (block) => at(block),
          { block: -1n, value: 0n },
          { block: last, value: at(last) },
        );
        expect(found.map(({ block }) => Number(block))).toEqual(
          rises.flatMap((rise, block) => (rise > 0 ? [block] : [])),
        );
      }),
    );
  });

  it('takes pages that cover a range without a gap, within bounds', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 6n),
        fc.bigInt(0n, 50_000n),
        fc.nat({ max: 100_000 }),
        (first, more, movements) => {
          let blocks = nextPageBlocks(64n, movements);
          let next = first;
          for (let page = nextPage(next, first + more, blocks); page !== null;) {
            expect(page.fromBlock).toBe(next);
            expect(page.toBlock - page.fromBlock + 1n <= blocks).toBe(true);
            next = page.toBlock + 1n;
            blocks = nextPageBlocks(blocks, 0);
            expect(blocks >= pageBlocksMin && blocks <= pageBlocksMax).toBe(true);
            page = nextPage(next, first + more, blocks);
          }
          expect(next).toBe(first + more + 1n);
        },
      ),
    );
  });
});

describe('the sweep of the books', () => {
  const at = (ms: number): Date => new Date(1_000_000 + ms);
  const clock = { reconciledAt: at(0), graceMs: 100 };
  const header = (id: string, changes: object) => ({
    id,
    transaction: `t${id}`,
    occurredAt: at(-1_000),
    recordedAt: at(-500),
    seen: { isCanonical: true, at: at(-100) },
    ...changes,
  });

  it('looks again at what was posted late, left the chain, or should have been on it by now', () => {
    const headers = [
      header('1', {}),
      header('2', { recordedAt: at(-50) }),
      header('3', { seen: { isCanonical: false, at: at(-100) } }),
      header('4', { seen: null }),
    ];
    expect(planSweep(headers, clock)).toEqual({
      transactions: ['t2', 't3', 't4'],
      upTo: '4',
      isComplete: true,
    });
  });

  it('ends before what the chain may still get to', () => {
    const headers = [header('1', {}), header('2', { seen: null, occurredAt: at(-50) }), header('3', {})];
    expect(planSweep(headers, clock)).toEqual({ transactions: [], upTo: '1', isComplete: false });
  });
});
