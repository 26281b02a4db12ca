import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { PaymentStory } from '../../test/payment-events.js';
import type { Line } from '../posting/line.js';
import { postEvents } from '../posting/posting.js';
import { target } from '../posting/target.js';
import { joined, paymentDrift, reasonOf } from './finding.js';
import { randomSlice, sliceAccounts, sliceTransactions } from './slice.js';

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('a slice', () => {
  it('begins within what there is, wherever that ends', () => {
    const highest = fc.bigInt({ min: 0n, max: 2n ** 62n });
    fc.assert(
      fc.property(
        highest,
        highest,
        fc.array(fraction, { minLength: 34, maxLength: 34 }),
        (transaction, account, numbers) => {
          let next = 0;
          const { transactions, accounts, payments } = randomSlice(
            { transaction, account, sealed: 5_000 },
            () => numbers[next++] ?? 0,
          );
          expect(transactions.first).toBeGreaterThanOrEqual(1n);
          expect(transactions.first).toBeLessThanOrEqual(transaction === 0n ? 1n : transaction);
          expect(transactions.last - transactions.first).toBe(sliceTransactions - 1n);
          expect(accounts.first).toBeLessThanOrEqual(account === 0n ? 1n : account);
          expect(accounts.last - accounts.first).toBe(sliceAccounts - 1n);
          expect(payments.from).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        },
      ),
    );
  });

  it('reaches the first and the last', () => {
    const at = (fractionOf: number) =>
      randomSlice({ transaction: 10_000n, account: 1n, sealed: 0 }, () => fractionOf).transactions.first;
    expect([at(0), at(1 - 2 ** -53)]).toEqual([1n, 10_000n]);
  });
});

describe('what stands for a payment', () => {
  const story = new PaymentStory({ name: 'checked', amount: 1_000_000n });
  const { facts } = postEvents({ facts: null, posted: [] }, [
    story.accepted(),
    story.submitted(),
    story.confirmed('us'),
  ]);
  if (facts === null) throw new RangeError('the story tells nothing');
  const right = target(facts);
  const drift = (posted: readonly Line[], given = JSON.stringify(facts)) =>
    paymentDrift([{ id: story.paymentId, facts: given, posted }]);

  it('is right when it is what follows from its facts', () => {
    expect(drift(right)).toEqual([]);
  });

  it('is found wrong by a unit, or by a line', () => {
    const [first, ...rest] = right;
    if (first === undefined) throw new RangeError('nothing stands for it');
    expect(drift([{ ...first, amount: first.amount + 1n }, ...rest])).toMatchObject([
      {
        kind: 'payment_differs',
        subject: `payment ${story.paymentId}`,
        detail: expect.stringContaining('-1 missing on'),
      },
    ]);
    expect(drift(rest)).toHaveLength(1);
    expect(drift([])).toHaveLength(1);
  });

  it('is found wrong when its facts are no facts', () => {
    expect([...drift(right, '{"outcomes":3}'), ...drift(right, '{')]).toMatchObject([
      { kind: 'payment_differs', detail: expect.stringContaining('cannot be read') },
      { kind: 'payment_differs', detail: expect.stringContaining('cannot be read') },
    ]);
  });
});

describe('a report', () => {
  it('adds up what its parts looked at and found', () => {
    const found = { kind: 'seal_differs', subject: 'leaf 1', detail: '' } as const;
    const part = { lookedAt: { payments: 2 }, drift: [found], overdue: [] };
    expect(joined([part, { ...part, lookedAt: { payments: 1, sums: 5 } }])).toEqual({
      lookedAt: { payments: 3, sums: 5 },
      drift: [found, found],
      overdue: [],
    });
  });

  it('says in a line why the books are read-only', () => {
    const drift = Array.from({ length: 5 }, (_, index) => ({
      kind: 'balance_differs' as const,
      subject: `account ${index}`,
      detail: '',
    }));
    expect(reasonOf('slice', drift)).toBe(
      'a slice check found balance_differs (account 0), balance_differs (account 1), balance_differs (account 2) and 2 more',
    );
  });
});
