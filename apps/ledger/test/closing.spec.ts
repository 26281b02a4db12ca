import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { CheckerLoop } from '../src/checker/checker.loop.js';
import { standingSchema } from '../src/checker/standing.schema.js';
import { journalPage, journalSchema } from '../src/journal/journal.schema.js';
import { checklistSchema, type Period, periodSchema } from '../src/period/period.schema.js';
import { CheckedBooks } from './checked-books.js';
import { PaymentStory } from './payment-events.js';
import type { Office, Person } from './people.js';
import type { Answer, RunningLedger } from './running-ledger.js';

/** Books that are found wrong and put right, and the close of a period. */

let books: CheckedBooks;
let ledger: RunningLedger;
let office: Office;

const paid = new PaymentStory({ name: 'paid', amount: 1_000_000n });
const unsettled = new PaymentStory({ name: 'unsettled', amount: 500n });

beforeAll(async () => {
  books = await CheckedBooks.start();
  ({ ledger, office } = books);
  await office.told(paid, ['accepted', 'submitted', 'confirmed']);
  await office.told(unsettled, ['accepted', 'submitted']);
}, 60_000);

afterAll(async () => {
  await books.close();
}, 30_000);

const ofMerchant = `account_id = (SELECT id FROM ledger.account WHERE code LIKE 'F:merchant:%' LIMIT 1)`;

describe('books that are found wrong', () => {
  it('take no postings, lose none, and go on when they are right', async () => {
    await books.tamper(
      `UPDATE ledger.balance SET debit = debit + 1 WHERE layer = 'settled' AND ${ofMerchant}`,
    );
    // A slice of books as small as these holds the account now and then; the sums of books are in each.
    const checker = ledger.service.app.get(CheckerLoop, { strict: false });
    await ledger.until('a slice that finds it', async () =>
      (await checker.checkSlice()).drift.some(({ kind }) => kind === 'balance_differs'),
    );

    expect(await ledger.get('/health/ready')).toMatchObject({
      status: 200,
      body: { checks: { books: { status: 'down', reason: 'ledger_read_only' }, database: { status: 'up' } } },
    });
    const { text } = (await ledger.get('/metrics')).body;
    expect(text).toMatch(/^quittance_ledger_read_only\{.*\} 1$/m);
    expect(text).toMatch(/^quittance_ledger_drift_total\{.*kind="balance_differs".*\} [1-9]/m);

    const late = new PaymentStory({ name: 'meanwhile', amount: 7n });
    await ledger.transport.publish([late.accepted(), late.submitted(), late.confirmed('us')]);
    const draft = await office.drafted('ada', paid);
    expect(
      await office.post('ben', `/journals/${draft.id}/approve`, { body: { reason: 'fine' } }),
    ).toMatchObject({
      status: 503,
      body: { code: 'ledger_read_only', detail: expect.stringContaining('a slice check found') },
    });
    // Long enough for the events to have been tried and tried again.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await office.get('vera', `/payments/${late.paymentId}`)).toMatchObject({ status: 404 });

    const red = await books.checked();
    expect(
      await office.post('cleo', '/standing/resume', { body: { checkId: red.id, reason: 'never mind' } }),
    ).toMatchObject({
      status: 409,
      body: { code: 'green_check_missing' },
    });
    await ledger.asSuperuser('SELECT ledger.rebuild_balances()', []);
    await books.resumed();
    await office.told(late, ['confirmed']);
    expect(
      await office.post('ben', `/journals/${draft.id}/approve`, { body: { reason: 'fine' } }),
    ).toMatchObject({
      status: 200,
    });
    expect(await ledger.get('/health/ready')).toMatchObject({
      body: { checks: { books: { status: 'up' } } },
    });
    const deadLetters = await ledger.asSuperuser(
      `SELECT FROM events.log WHERE topic = 'quittance.dead-letters.v1'`,
      [],
    );
    expect(deadLetters).toEqual([]);
  }, 40_000);

  it('can be made so by the controller, and by nobody else', async () => {
    expect(await office.post('otto', '/standing/suspend', { body: { reason: 'I think so' } })).toMatchObject({
      status: 403,
    });
    const suspended = await office.did('cleo', standingSchema, {
      path: '/standing/suspend',
      body: {
        reason: 'the bank called',
      },
    });
    expect(suspended).toMatchObject({ readOnly: true, reason: 'the bank called' });
    expect(suspended.changes[0]).toMatchObject({ actor: 'cleo', checkId: null });
    await books.resumed();
    expect(
      await office.post('cleo', '/standing/resume', { body: { checkId: randomUUID(), reason: 'again' } }),
    ).toMatchObject({
      status: 409,
      body: { code: 'books_open_already' },
    });
  });
});

describe('a period', () => {
  let period: Period;
  const step = (verb: string, body: unknown, by: Person = 'cleo'): Promise<Answer> =>
    office.post(by, `/periods/${period.id}/${verb}`, { body: body });
  const checklist = async (): Promise<Record<string, string>> => {
    const { items } = await office.read('otto', checklistSchema, `/periods/${period.id}/checklist`);
    return Object.fromEntries(items.map(({ name, outcome }) => [name, outcome]));
  };

  it('is laid down behind the one before it, soft-closed when it is over, and opened again', async () => {
    period = await office.did('cleo', periodSchema, {
      path: '/periods',
      body: { book: 'F', endsAt: '2026-11-21T00:00:00Z' },
    });
    expect(period).toMatchObject({ state: 'open', startsAt: null, actor: 'cleo', steps: [] });
    expect(
      await office.post('cleo', '/periods', { body: { book: 'F', endsAt: '2026-11-21T00:00:00Z' } }),
    ).toMatchObject({
      status: 409,
    });
    const next = await office.did('cleo', periodSchema, {
      path: '/periods',
      body: {
        book: 'F',
        endsAt: '2999-01-01T00:00:00Z',
      },
    });
    expect(next).toMatchObject({ startsAt: period.endsAt });
    expect(
      await office.post('cleo', `/periods/${next.id}/soft-close`, { body: { reason: 'early' } }),
    ).toMatchObject({
      status: 409,
      body: { code: 'period_out_of_order' },
    });
    expect(await step('close', { reason: 'at once' })).toMatchObject({
      status: 409,
      body: { code: 'period_step_refused' },
    });
    expect(await step('soft-close', { reason: 'over' })).toMatchObject({
      status: 200,
      body: { state: 'soft' },
    });
    expect(
      await office.post('cleo', `/periods/${next.id}/soft-close`, { body: { reason: 'early' } }),
    ).toMatchObject({
      status: 409,
      body: { code: 'period_not_over' },
    });
    expect(await step('reopen', { reason: 'a bill came' })).toMatchObject({
      status: 200,
      body: { state: 'open' },
    });
    expect(await step('soft-close', { reason: 'now it is' })).toMatchObject({
      status: 200,
      body: { state: 'soft' },
    });
  });

  it('that is soft-closed takes journals of the controller alone, and no events', async () => {
    const late = new PaymentStory({ name: 'late', amount: 9n });
    await office.told(late, ['accepted', 'submitted', 'confirmed']);
    const rows = await ledger.asSuperuser(
      `SELECT DISTINCT book, effective_at::text, occurred_at < effective_at AS late FROM ledger.transaction
        WHERE payment_id = $1 ORDER BY book, effective_at`,
      [late.paymentId],
    );
    // The other book is open: there they count when they happened.
    expect(rows.filter(({ book }) => book === 'F')).toEqual([
      { book: 'F', effective_at: expect.stringContaining('2026-11-21 00:00:00'), late: true },
    ]);
    expect(rows.filter(({ book, late: isLate }) => book === 'G' && isLate === true)).toEqual([]);

    const [draft, other] = [await office.drafted('ada', paid), await office.drafted('ada', paid)];
    expect(
      await office.post('ben', `/journals/${draft.id}/approve`, { body: { reason: 'fine' } }),
    ).toMatchObject({
      status: 409,
      body: { code: 'period_closed' },
    });
    expect(
      await office.post('cleo', `/journals/${draft.id}/approve`, { body: { reason: 'fine' } }),
    ).toMatchObject({
      status: 200,
    });
    expect((await checklist())['journals']).toBe('fail');
    await office.did('ada', journalSchema, {
      path: `/journals/${other.id}/withdraw`,
      body: { reason: 'not needed' },
    });
    for (const { id } of (await office.read('vera', journalPage, '/journals?state=draft')).items)
      expect(
        await office.post('cleo', `/journals/${id}/reject`, { body: { reason: 'tidying up' } }),
      ).toMatchObject({
        status: 200,
      });
  });

  it('is closed for ever with everything right or explained, and what that was is kept', async () => {
    expect(await checklist()).toMatchObject({
      trial_balance: 'pass',
      check: 'fail',
      transit: 'explain',
      reconciliation: 'not_configured',
    });
    expect(await step('close', { reason: 'done' })).toMatchObject({
      status: 409,
      body: {
        code: 'period_not_ready',
        detail: expect.stringMatching(/These fail: check.*explanations.*transit/),
      },
    });
    await books.sealed();
    const { id: checkId } = await books.checked();
    expect(await step('close', { reason: 'done' })).toMatchObject({
      status: 409,
      body: { detail: expect.not.stringContaining('These fail') },
    });
    const explanations = { transit: 'the relayer was out of gas', suspense: 'nothing there' };
    expect(await step('close', { reason: 'done', explanations }, 'otto')).toMatchObject({ status: 403 });
    const answer = await step('close', { reason: 'done', explanations });
    expect(answer).toMatchObject({ status: 200, body: { state: 'hard' } });
    const closed = await office.read('vera', periodSchema, `/periods/${period.id}`);
    const [seal] = await ledger.asSuperuser(
      `SELECT size::text, encode(root, 'hex') AS root FROM ledger.seal ORDER BY seal.size DESC LIMIT 1`,
      [],
    );
    expect(closed.steps.at(-1)).toMatchObject({
      step: 'hard',
      actor: 'cleo',
      reason: 'done',
      record: { checkId, explanations, sealSize: seal?.['size'], root: seal?.['root'] },
    });
    expect(closed.steps.map(({ step: one }) => one)).toEqual(['soft', 'reopen', 'soft', 'hard']);
  });

  it('that is closed for ever takes nothing and opens for nobody', async () => {
    expect(await step('reopen', { reason: 'please' })).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('it stays so') },
    });
    const { id } = await office.drafted('ada', paid);
    expect(await office.post('cleo', `/journals/${id}/approve`, { body: { reason: 'fine' } })).toMatchObject({
      status: 409,
      body: { code: 'period_closed' },
    });
  });
});
