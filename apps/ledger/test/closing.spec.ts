import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';

import { type Check, checkSchema } from '../src/checker/check.schema.js';
import { CheckerLoop } from '../src/checker/checker.loop.js';
import { type Standing, standingSchema } from '../src/checker/standing.schema.js';
import { journalPage, journalSchema } from '../src/journal/journal.schema.js';
import { checklistSchema, type Period, periodSchema } from '../src/period/period.schema.js';
import { SealingRepository } from '../src/proof/sealing.repository.js';
import { PaymentStory } from './payment-events.js';
import { accessTokens, Office, type Person } from './people.js';
import { type Answer, RunningLedger } from './running-ledger.js';

/** Books that are checked, found wrong and put right, and the close of a period. */

let ledger: RunningLedger;
let database: Database;
let office: Office;

const paid = new PaymentStory({ name: 'paid', amount: 1_000_000n });
const unsettled = new PaymentStory({ name: 'unsettled', amount: 500n });

beforeAll(async () => {
  ledger = await RunningLedger.start({ ACCESS_TOKENS: accessTokens });
  database = Database.connect({ url: ledger.server.serviceUrls.ledger, applicationName: 'closing-spec' });
  office = new Office(ledger);
  await office.told(paid, ['accepted', 'submitted', 'confirmed']);
  await office.told(unsettled, ['accepted', 'submitted']);
}, 60_000);

afterAll(async () => {
  await database.close();
  await ledger.close();
}, 30_000);

async function sealed(): Promise<void> {
  const sealing = new SealingRepository(database);
  await ledger.until('the seal', async () => (await sealing.seal()).outcome === 'nothing');
}

const checked = async (): Promise<Check> => {
  const { id } = await office.did('otto', checkSchema, { path: '/checks', body: {} });
  let check: Check | undefined;
  await ledger.until('the check', async () => {
    check = await office.read('otto', checkSchema, `/checks/${id}`);
    return check.state !== 'running';
  });
  if (check === undefined) throw new RangeError('the check is gone');
  return check;
};

const standing = (): Promise<Standing> => office.read('vera', standingSchema, '/standing');

async function resumed(): Promise<void> {
  const { id, state } = await checked();
  expect(state).toBe('green');
  await office.did('cleo', standingSchema, {
    path: '/standing/resume',
    body: { checkId: id, reason: 'put right' },
  });
  expect(await standing()).toMatchObject({ readOnly: false });
}

/** As somebody with the owner's rights does it. */
const tamper = (statement: string): Promise<unknown> =>
  ledger.asSuperuser(`SET session_replication_role = replica; ${statement}`, []);

const ofMerchant = `account_id = (SELECT id FROM ledger.account WHERE code LIKE 'F:merchant:%' LIMIT 1)`;
const firstOf = `transaction_id = (SELECT min(id) FROM ledger.transaction WHERE payment_id = '${paid.paymentId}')`;

describe('a check of everything', () => {
  it('finds nothing in books that only their service wrote', async () => {
    await sealed();
    const check = await checked();
    expect(check).toMatchObject({ state: 'green', actor: 'otto', drift: [] });
    expect(check.lookedAt).toMatchObject({
      payments: 2,
      leaves: expect.any(Number),
      transactions: expect.any(Number),
    });
    for (const count of Object.values(check.lookedAt ?? {})) expect(count).toBeGreaterThan(0);
  });

  it.each([
    {
      name: 'a balance that was changed',
      kinds: ['balance_differs', 'book_unbalanced'],
      wrong: `UPDATE ledger.balance SET debit = debit + 1 WHERE layer = 'settled' AND ${ofMerchant}`,
      right: `UPDATE ledger.balance SET debit = debit - 1 WHERE layer = 'settled' AND ${ofMerchant}`,
    },
    {
      name: 'a line that was changed',
      kinds: ['transaction_unbalanced', 'balance_differs', 'payment_differs', 'seal_differs'],
      wrong: `UPDATE ledger.entry SET amount = amount - 1 WHERE line = 1 AND ${firstOf}`,
      right: `UPDATE ledger.entry SET amount = amount + 1 WHERE line = 1 AND ${firstOf}`,
    },
    {
      name: 'lines that were exchanged within what balances',
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
      name: 'a header that was dated otherwise',
      kinds: ['seal_differs'],
      wrong: `UPDATE ledger.transaction SET recorded_at = recorded_at + interval '1 second' WHERE payment_id = '${paid.paymentId}' AND source = 'event'`,
      right: `UPDATE ledger.transaction SET recorded_at = recorded_at - interval '1 second' WHERE payment_id = '${paid.paymentId}' AND source = 'event'`,
    },
  ])('finds $name, and opens the books again once it is put right', async ({ kinds, wrong, right }) => {
    await tamper(wrong);
    const check = await checked();
    expect(check.state).toBe('drift');
    expect([...new Set(check.drift?.map(({ kind }) => kind))].sort()).toEqual([...kinds].sort());
    const { changes, ...now } = await standing();
    expect(now).toMatchObject({ readOnly: true, reason: expect.stringContaining('a full check found') });
    expect(changes[0]).toMatchObject({ readOnly: true, actor: 'ledger', checkId: check.id });
    await tamper(right);
    await resumed();
  });
});

describe('books that are found wrong', () => {
  it('take no postings, lose none, and go on when they are right', async () => {
    await tamper(`UPDATE ledger.balance SET debit = debit + 1 WHERE layer = 'settled' AND ${ofMerchant}`);
    // A slice of books as small as these holds all of them now and then.
    const checker = ledger.service.app.get(CheckerLoop, { strict: false });
    await ledger.until('a slice that finds it', async () => (await checker.checkSlice()).drift.length > 0);

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

    const red = await checked();
    expect(
      await office.post('cleo', '/standing/resume', { body: { checkId: red.id, reason: 'never mind' } }),
    ).toMatchObject({
      status: 409,
      body: { code: 'green_check_missing' },
    });
    await ledger.asSuperuser('SELECT ledger.rebuild_balances()', []);
    await resumed();
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
    await resumed();
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
    await sealed();
    const { id: checkId } = await checked();
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
