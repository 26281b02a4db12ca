import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { PostingRepository } from '../src/posting/posting.repository.js';
import {
  approved,
  attacks,
  close,
  ids,
  inHard,
  inOpen,
  inSoft,
  journal,
  posting,
  scene,
  step,
  story,
} from './closing-attacks.js';
import { GuardedBooks } from './guard-attack.js';

/** Attacks on what closes, checks and decides, as the service's own role, and proof that each guard is what refuses. */

let server: TestDatabase;
let books: GuardedBooks;

beforeAll(async () => {
  server = await startTestDatabase();
  const database = Database.connect({
    url: server.serviceUrls.ledger,
    applicationName: 'closing-guards-spec',
  });
  const postings = new PostingRepository(database);
  // One by one: each account is opened.
  for (const event of [story.accepted(), story.submitted(), story.confirmed('us')])
    await postings.post({ events: [event], shard: 0 });
  await database.close();
  books = await GuardedBooks.connect(server.serviceUrls.ledger, server.adminUrl);
  await books.superuser.query(scene);
}, 60_000);

afterAll(async () => {
  await books.close();
  await server.stop();
});

describe('the books refuse', () => {
  it.each(attacks)('$name', async (attack) => {
    await books.isRefused(attack);
  });
});

describe('without its guard', () => {
  it.each(attacks)('the attack would succeed: $name', async ({ removal, statements }) => {
    await expect(books.without(removal, statements)).resolves.toBeUndefined();
  });
});

describe('the books take', () => {
  it.each([
    ['an event in the open period', [posting({})]],
    ['a journal as it was drafted', [approved(ids.draft), journal(ids.draft, inOpen)]],
    [
      'a journal of the controller in a soft-closed period',
      [approved(ids.softDraft, true), journal(ids.softDraft, inSoft)],
    ],
    ['a close for ever with all that it needs', [close({})]],
    [
      'a close with something explained',
      [close({ checklist: '[{"name":"a","outcome":"explain"}]', explanations: '{"a":"the bank was late"}' })],
    ],
    ['a reopening of the last closed period', [step(ids.soft, 'reopen')]],
  ])('%s', async (_what, statements) => {
    await expect(books.without('SELECT 1', statements)).resolves.toBeUndefined();
  });

  it('an event late: it counts from the first open moment on, and one that is not late when it happened', async () => {
    const { rows } = await books.service.query<Record<string, unknown>>(
      `SELECT ledger.opens_at('F') = '2026-11-15Z' AS f, ledger.opens_at('G') = '-infinity' AS g,
              ledger.open_moment('F', '${inHard}') = '2026-11-15Z' AS late,
              ledger.open_moment('F', '${inOpen}') = '${inOpen}' AS in_time`,
    );
    expect(rows).toEqual([{ f: true, g: true, late: true, in_time: true }]);
  });
});

const forever = [
  ['check_run', 'actor'],
  ['check_result', 'outcome'],
  ['standing_change', 'reason'],
  ['period_step', 'reason'],
  ['journal', 'reason'],
  ['journal_line', 'amount'],
  ['journal_decision', 'verdict'],
  ['write', 'status'],
  ['access_log', 'status'],
].flatMap(([table, column]) => [
  { table, action: 'UPDATE', attack: `UPDATE ledger.${table} SET ${column} = ${column}` },
  { table, action: 'DELETE', attack: `DELETE FROM ledger.${table}` },
  { table, action: 'TRUNCATE', attack: `TRUNCATE ledger.${table} CASCADE` },
]);

describe('what is written stays: neither the privilege nor the trigger lets it go', () => {
  it.each([
    ...forever,
    { table: 'standing', action: 'DELETE', attack: 'DELETE FROM ledger.standing' },
    { table: 'period', action: 'DELETE', attack: 'DELETE FROM ledger.period' },
  ])('$action of ledger.$table', async ({ table, action, attack }) => {
    await books.isRefused({ statements: [attack], refusal: { code: '42501' } });
    // What refers to it goes with it.
    const tables = action === 'TRUNCATE' ? forever.map((one) => one.table) : [table];
    const grants = [...new Set([...tables, ...(action === 'TRUNCATE' ? ['period'] : [])])]
      .map((on) => `GRANT ${action} ON ledger.${on} TO quittance_ledger`)
      .join(';');
    await expect(books.without(grants, [attack])).rejects.toMatchObject({ code: '23001' });
  });
});

describe('the service may not', () => {
  it.each([
    ['open the books by hand', 'UPDATE ledger.standing SET read_only = false'],
    ['state of a period what it likes', `UPDATE ledger.period SET state = 'open'`],
    [
      'lay down a closed period',
      `INSERT INTO ledger.period (book, ends_at, actor, state) VALUES ('G', now(), 'cleo', 'hard')`,
    ],
    [
      'date a step',
      `INSERT INTO ledger.period_step (period_id, step, actor, reason, at) VALUES (2, 'reopen', 'cleo', 'why', now())`,
    ],
    ['date a check', `INSERT INTO ledger.check_run (scope, actor, began_at) VALUES ('full', 'ada', now())`],
    [
      'date a decision',
      `INSERT INTO ledger.journal_decision (journal_id, verdict, actor, as_controller, reason, decided_at)
                         VALUES ('${ids.draft}', 'rejected', 'ben', false, 'why', now())`,
    ],
    [
      'say which database transaction a draft belongs to',
      `INSERT INTO ledger.journal (book, effective_at, reason, author, xid)
                                                           VALUES ('F', now(), 'why', 'ada', '9')`,
    ],
    ['call what changes the standing', 'SELECT ledger.change_standing()'],
    ['call what takes a step', 'SELECT ledger.take_period_step()'],
    ['drop a guard', 'DROP TRIGGER transaction_1_period ON ledger.transaction'],
    [
      'make everybody the controller',
      `CREATE OR REPLACE FUNCTION ledger.is_posted_by_controller(source text, source_event_id uuid, book text)
                                       RETURNS boolean LANGUAGE sql RETURN true`,
    ],
  ])('%s', async (_what, attack) => {
    await books.isRefused({ statements: [attack], refusal: { code: '42501' } });
  });
});
