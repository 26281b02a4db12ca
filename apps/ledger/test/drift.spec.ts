import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import type { JournalView } from '../src/journal/journal.schema.js';
import { CheckedBooks } from './checked-books.js';
import { chainId, PaymentStory } from './payment-events.js';

/**
 * What no constraint can hold, because only somebody with the owner's rights breaks it: changed as superuser, it is found
 * by a check and named, and the books are read-only by the database itself until it is put right.
 */

let books: CheckedBooks;
let service: pg.Client;

const paid = new PaymentStory({ name: 'paid', amount: 1_000_000n });
const unsettled = new PaymentStory({ name: 'unsettled', amount: 500n });

beforeAll(async () => {
  books = await CheckedBooks.start();
  await books.office.told(paid, ['accepted', 'submitted', 'confirmed']);
  await books.office.told(unsettled, ['accepted', 'submitted']);
  service = new pg.Client({ connectionString: books.ledger.server.serviceUrls.ledger });
  await service.connect();
}, 60_000);

afterAll(async () => {
  await service.end();
  await books.close();
}, 30_000);

const account = (head: string): string =>
  `(SELECT id FROM ledger.account WHERE code LIKE '${head}:%' ORDER BY id LIMIT 1)`;
const balanceOf = (head: string, change: string): string =>
  `UPDATE ledger.balance SET ${change} WHERE layer = 'settled' AND account_id = ${account(head)}`;
const firstOf = `transaction_id = (SELECT min(id) FROM ledger.transaction WHERE payment_id = '${paid.paymentId}')`;
const settledOf = `layer = 'settled' AND transaction_id = (SELECT id FROM ledger.transaction
  WHERE payment_id = '${paid.paymentId}' AND settlement = 1)`;
const emptyEvent = '00000000-0000-8000-8000-00000000000e';

const drifts = [
  {
    name: 'balances that were changed against each other (I11)',
    kinds: ['balance_differs'],
    wrong: `${balanceOf('F:merchant', 'debit = debit + 1')}; ${balanceOf('F:payer', 'credit = credit + 1')}`,
    right: `${balanceOf('F:merchant', 'debit = debit - 1')}; ${balanceOf('F:payer', 'credit = credit - 1')}`,
  },
  {
    name: 'a balance that is gone (I11)',
    kinds: ['balance_differs', 'book_unbalanced'],
    wrong: `CREATE TABLE public.gone AS SELECT * FROM ledger.balance WHERE account_id = ${account('F:merchant')};
            DELETE FROM ledger.balance WHERE account_id = ${account('F:merchant')}`,
    right: `INSERT INTO ledger.balance SELECT * FROM public.gone; DROP TABLE public.gone`,
  },
  {
    name: 'a balance that was changed (I11, I15)',
    kinds: ['balance_differs', 'book_unbalanced'],
    wrong: balanceOf('F:merchant', 'debit = debit + 1'),
    right: balanceOf('F:merchant', 'debit = debit - 1'),
  },
  {
    name: 'money made out of nothing, with the balance that goes with it (I15)',
    kinds: ['book_unbalanced', 'transaction_unbalanced', 'payment_differs', 'seal_differs'],
    wrong: `INSERT INTO ledger.entry SELECT transaction_id, 99, account_id, asset_id, layer, 3 FROM ledger.entry WHERE line = 1 AND ${settledOf};
            UPDATE ledger.balance b SET debit = debit + 3 FROM ledger.entry e WHERE e.line = 99 AND b.account_id = e.account_id AND b.layer = e.layer`,
    right: `UPDATE ledger.balance b SET debit = debit - 3 FROM ledger.entry e WHERE e.line = 99 AND b.account_id = e.account_id AND b.layer = e.layer;
            DELETE FROM ledger.entry WHERE line = 99`,
  },
  {
    name: 'settled money that was put back on a clearing account (I14)',
    kinds: ['payment_differs', 'seal_differs', 'balance_differs'],
    overdue: `payment ${paid.paymentId} on F:transit:${chainId}`,
    wrong: `UPDATE ledger.entry SET account_id = ${account('F:transit')} WHERE account_id = ${account('F:merchant')} AND ${settledOf}`,
    right: `UPDATE ledger.entry SET account_id = ${account('F:merchant')} WHERE account_id = ${account('F:transit')} AND ${settledOf}`,
  },
  {
    name: 'a header without lines (I4)',
    kinds: ['transaction_without_lines', 'seal_differs'],
    wrong: `INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, shard, effective_at, occurred_at)
            VALUES ('F', 'event', '${emptyEvent}', 'payment.accepted', '${emptyEvent}', 0, now(), now())`,
    right: `DELETE FROM ledger.transaction WHERE source_event_id = '${emptyEvent}'`,
  },
  {
    name: 'a line that was changed (I1)',
    kinds: ['transaction_unbalanced', 'balance_differs', 'payment_differs', 'seal_differs'],
    wrong: `UPDATE ledger.entry SET amount = amount - 1 WHERE line = 1 AND ${firstOf}`,
    right: `UPDATE ledger.entry SET amount = amount + 1 WHERE line = 1 AND ${firstOf}`,
  },
  {
    name: 'lines that were exchanged within what balances (I3)',
    kinds: ['seal_differs', 'balance_differs', 'payment_differs'],
    wrong: `UPDATE ledger.entry SET amount = -amount WHERE ${firstOf}`,
    right: `UPDATE ledger.entry SET amount = -amount WHERE ${firstOf}`,
  },
  {
    name: 'facts that were changed',
    kinds: ['payment_differs'],
    wrong: `UPDATE ledger.payment SET facts = replace(facts, '"1000000"', '"1000001"') WHERE id = '${paid.paymentId}'`,
    right: `UPDATE ledger.payment SET facts = replace(facts, '"1000001"', '"1000000"') WHERE id = '${paid.paymentId}'`,
  },
  {
    name: 'a header that was dated otherwise (I3)',
    kinds: ['seal_differs'],
    wrong: `UPDATE ledger.transaction SET recorded_at = recorded_at + interval '1 second' WHERE payment_id = '${paid.paymentId}' AND source = 'event'`,
    right: `UPDATE ledger.transaction SET recorded_at = recorded_at - interval '1 second' WHERE payment_id = '${paid.paymentId}' AND source = 'event'`,
  },
  {
    name: 'places in the sealed order that were exchanged (I13)',
    kinds: ['seal_differs'],
    wrong: exchanged(),
    right: exchanged(),
  },
];

function exchanged(): string {
  const [first, second] = [0, 1].map(
    (place) => `(SELECT transaction_id FROM ledger.leaf WHERE position = ${place})`,
  );
  return `CREATE TEMP TABLE places AS SELECT ${first} AS first, ${second} AS second;
    UPDATE ledger.leaf SET transaction_id = -1 WHERE position = 0;
    UPDATE ledger.leaf SET transaction_id = (SELECT first FROM places) WHERE position = 1;
    UPDATE ledger.leaf SET transaction_id = (SELECT second FROM places) WHERE position = 0`;
}

const alarmsOf = (metrics: string, kind: string): number =>
  Number(new RegExp(`^quittance_ledger_drift_total\\{.*kind="${kind}".*\\} (\\d+)$`, 'm').exec(metrics)?.[1]);

describe('a check of everything', () => {
  it('finds nothing in books that only their service wrote', async () => {
    await books.sealed();
    const check = await books.checked();
    expect(check).toMatchObject({ state: 'green', actor: 'otto', drift: [] });
    expect(check.lookedAt).toMatchObject({
      payments: 2,
      leaves: expect.any(Number),
      transactions: expect.any(Number),
    });
    for (const count of Object.values(check.lookedAt ?? {})) expect(count).toBeGreaterThan(0);
  });

  it.each(drifts)('finds $name, and opens the books again once it is put right', async (drift) => {
    const before = await books.metrics();
    await books.tamper(drift.wrong);
    const check = await books.checked();
    expect(check.state).toBe('drift');
    expect([...new Set(check.drift?.map(({ kind }) => kind))].sort()).toEqual([...drift.kinds].sort());
    if (drift.overdue !== undefined)
      expect(check.overdue?.map(({ subject }) => subject)).toContain(drift.overdue);
    const { changes, ...now } = await books.standing();
    expect(now).toMatchObject({ readOnly: true, reason: expect.stringContaining('a full check found') });
    expect(changes[0]).toMatchObject({ readOnly: true, actor: 'ledger', checkId: check.id });
    const after = await books.metrics();
    expect(after).toMatch(/^quittance_ledger_read_only\{.*\} 1$/m);
    for (const kind of drift.kinds) expect(alarmsOf(after, kind)).toBeGreaterThan(alarmsOf(before, kind));
    // Whoever asks, and whatever the service believes.
    await expect(
      service.query(
        `INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, shard, effective_at, occurred_at)
         VALUES ('F', 'event', gen_random_uuid(), 'payment.accepted', gen_random_uuid(), 0, now(), now())`,
      ),
    ).rejects.toMatchObject({ code: '25006', constraint: 'transaction_standing' });
    await books.tamper(drift.right);
    await books.resumed();
  });
});

describe('money that is on a clearing account for more than a day (I14)', () => {
  it('is named with its payment and calls somebody, and stops nothing: what clears it could not be posted', async () => {
    const { state, overdue } = await books.checked();
    expect(state).toBe('green');
    expect(overdue?.map(({ kind, subject }) => `${kind} ${subject}`).sort()).toEqual([
      `clearing_overdue payment ${unsettled.paymentId} on F:transit:${chainId}`,
      `clearing_overdue payment ${unsettled.paymentId} on G:transit:gas:${chainId}`,
    ]);
    expect(await books.metrics()).toMatch(/^quittance_ledger_clearing_overdue\{.*scope="full".*\} 2$/m);
    expect(await books.standing()).toMatchObject({ readOnly: false });
  });

  it('is named where it is about no payment: what left since is taken from the oldest', async () => {
    const journal = await books.office.drafted('ada', paid);
    expect(
      await books.office.post('ben', `/journals/${journal.id}/approve`, { body: { reason: 'fine' } }),
    ).toMatchObject({ status: 200 });
    const { overdue } = await books.checked();
    expect(overdue).toContainEqual({
      kind: 'clearing_overdue',
      subject: `no payment on F:transit:${chainId}`,
      detail: expect.stringMatching(/^5 of asset \d+, settled, for more than 24 hours$/),
    });
    const at = new Date(Date.now() - 60_000).toISOString();
    const back = await books.office.drafted('ada', paid, {
      effectiveAt: at,
      lines: linesBack(journal),
    });
    expect(
      await books.office.post('ben', `/journals/${back.id}/approve`, { body: { reason: 'fine' } }),
    ).toMatchObject({ status: 200 });
    const cleared = await books.checked();
    expect(cleared.overdue?.filter(({ subject }) => subject.startsWith('no payment'))).toEqual([]);
  });
});

const linesBack = ({ lines }: JournalView): object[] =>
  lines.map(({ account: on, asset, layer, amount }) => ({
    account: on,
    asset: asset.id,
    layer,
    amount: String(-BigInt(amount)),
  }));
