import { existsSync, readFileSync } from 'node:fs';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { driftKinds } from '../src/checker/finding.js';
import { PostingRepository } from '../src/posting/posting.repository.js';
import {
  attacks,
  drawn,
  entries,
  fillerBack,
  header,
  line,
  money,
  moneyBack,
  oldFiller,
  oldHash,
  oldHeader,
  oldLog,
  pair,
  payer,
  reversedTwice,
  settling,
  sourced,
  story,
  transaction,
} from './guard-attacks.js';
import { GuardedBooks } from './guard-attack.js';
import { filled, finalized } from './payment-events.js';

/** Attacks on the books with all that the service's own role can do, and proof that each guard is what refuses. */

let server: TestDatabase;
let books: GuardedBooks;
let service: GuardedBooks['service'];
let superuser: GuardedBooks['superuser'];

beforeAll(async () => {
  server = await startTestDatabase();
  const database = Database.connect({ url: server.serviceUrls.ledger, applicationName: 'guards-spec' });
  const repository = new PostingRepository(database);
  const steps = [
    story.accepted(),
    story.submitted(),
    story.confirmed('us'),
    finalized(100n),
    filled('one', 21n),
  ];
  for (const event of steps) await repository.post({ events: [event], shard: 0 });
  await database.close();
  books = await GuardedBooks.connect(server.serviceUrls.ledger, server.adminUrl);
  ({ service, superuser } = books);
}, 60_000);

afterAll(async () => {
  await books.close();
  await server.stop();
});

beforeEach(async () => {
  await service.query('BEGIN');
});

afterEach(async () => {
  await service.query('ROLLBACK');
});

/** A statement of the superuser that the service makes. */
const asRole = (statement: string): string => `SET LOCAL ROLE quittance_ledger; ${statement}; RESET ROLE`;

/** Headers alone are enough to attack many a guard. */
const without = (removal: string, ...statements: readonly string[]): Promise<void> =>
  books.without(removal, statements, { isPart: true });

describe('the books refuse', () => {
  it.each(attacks)('$name', async ({ statements, refusal }) => {
    await expect(service.query(statements.join('; '))).rejects.toMatchObject(refusal);
  });

  it('a transaction whose legs come one after the other', async () => {
    await service.query(header());
    const last = '(SELECT max(id) FROM ledger.transaction)';
    await expect(service.query(entries([line(1, payer, '-5')], last))).rejects.toMatchObject({
      constraint: 'entry_balanced',
    });
  });

  it('a transaction taken back twice (I9)', async () => {
    const back = transaction(fillerBack('21'), sourced('transfer', { reverses: oldFiller }));
    await service.query(back);
    await expect(service.query(back)).rejects.toMatchObject(reversedTwice('').refusal);
    await expect(without(reversedTwice('').removal, back, back)).resolves.toBeUndefined();
  });

  it.each([
    ['a transaction', [transaction(pair)]],
    ['a settlement', [transaction(money, settling())]],
    [
      'a settlement taken back',
      [transaction(moneyBack, settling({ payment: story.paymentId, settlement: -1 }))],
    ],
    [
      'a settlement after the one before it was taken back, by the same log',
      [
        transaction(moneyBack, settling({ payment: story.paymentId, settlement: -1 })),
        transaction(
          money,
          settling({ payment: story.paymentId, settlement: 2, block: oldLog, hash: oldHash, turn: 1 }),
        ),
      ],
    ],
    ['a mirror', [transaction(fillerBack('21'), sourced('transfer', { reverses: oldFiller }))]],
    [
      'a transfer that leaves a wallet with less than nothing: it happened',
      [transaction(drawn, sourced('transfer'))],
    ],
    ['a close that gives to a wallet that lacks', [transaction(fillerBack('1'), sourced('close'))]],
    [
      'a close that takes what is there',
      [transaction(fillerBack('1000000000000000'), sourced('close')), transaction(drawn, sourced('close'))],
    ],
  ])('nothing of what is right: %s', async (_name, statements) => {
    for (const statement of statements)
      await expect(service.query(statement)).resolves.toMatchObject({ rowCount: 2 });
  });
});

describe('without its guard', () => {
  it.each(attacks)('the attack would succeed: $name', async ({ statements, removal }) => {
    await expect(without(removal, ...statements)).resolves.toBeUndefined();
  });
});

/** Guards whose attacks are elsewhere: beside what they guard. */
const attackedElsewhere = new Set([
  'entry_4_balances',
  'entry_5_journal',
  'transaction_0_standing',
  'transaction_1_period',
  'transaction_2_journal',
  'transaction_9_sealing',
]);

describe('every guard', () => {
  it('of headers, lines, accounts and assets is attacked', async () => {
    const { rows } = await superuser.query<{ name: string }>(
      `SELECT conname AS name FROM pg_constraint
        WHERE contype IN ('c', 'u', 'f', 'x')
          AND conrelid = ANY ($1::regclass[])
       UNION ALL SELECT tgname FROM pg_trigger
        WHERE NOT tgisinternal AND tgname !~ '_append_only$'
          AND tgrelid = ANY ($1::regclass[])
       UNION ALL SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indisunique AND NOT i.indisprimary AND i.indrelid = ANY ($1::regclass[])`,
      [['ledger.transaction', 'ledger.entry', 'ledger.account', 'ledger.asset']],
    );
    const removals = [...attacks.map(({ removal }) => removal), reversedTwice('').removal].join(' ');
    const names = new Set(rows.map(({ name }) => name).filter((name) => !attackedElsewhere.has(name)));
    expect([...names].filter((name) => !new RegExp(`\\b${name}\\b`).test(removals))).toEqual([]);
    expect(names.size).toBeGreaterThan(20);
  });

  it('that the docs name is there, and so is the spec that attacks it', async () => {
    const docs = readFileSync(new URL('../../../docs/ledger-guards.md', import.meta.url), 'utf8');
    const rows = docs.split('\n').filter((row) => row.startsWith('| '));
    const named = (column: number): string[] =>
      rows.flatMap((row) =>
        [...(row.split('|')[column] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
      );
    const { rows: known } = await superuser.query<{ name: string }>(
      `SELECT conname AS name FROM pg_constraint WHERE connamespace = 'ledger'::regnamespace
       UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace
       UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'ledger'::regnamespace
       UNION ALL SELECT g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
                  WHERE c.relnamespace = 'ledger'::regnamespace AND g.tgenabled = 'O'`,
    );
    const names = new Set([...known.map(({ name }) => name), ...driftKinds, 'clearing_overdue', 'xid']);
    expect(named(2).filter((name) => !names.has(name.replace(/^ledger\./, '')))).toEqual([]);
    expect(named(3).filter((spec) => !existsSync(new URL(spec, import.meta.url)))).toEqual([]);
    for (let number = 1; number <= 15; number += 1)
      expect(rows.filter((row) => row.startsWith(`| I${number} `))).toHaveLength(1);
    expect(named(2).length).toBeGreaterThan(40);
  });

  it('that keeps the balances is needed: without it they stand still', async () => {
    const sums = 'SELECT sum(debit)::text AS debits FROM ledger.balance';
    const before = (await service.query(sums)).rows;
    await service.query(transaction(pair));
    expect((await service.query(sums)).rows).not.toEqual(before);
    await service.query('ROLLBACK');
    await superuser.query('BEGIN');
    await superuser.query('DROP TRIGGER entry_4_balances ON ledger.entry');
    await superuser.query(asRole(transaction(pair)));
    expect((await superuser.query(sums)).rows).toEqual(before);
    await superuser.query('ROLLBACK');
  });
});

const forever = ['entry', 'transaction', 'account', 'asset', 'filler'].flatMap((table) => {
  const columns = {
    entry: 'amount',
    transaction: 'effective_at',
    account: 'code',
    asset: 'code',
    filler: 'fee',
  };
  const column = columns[table as keyof typeof columns];
  return [
    { table, action: 'UPDATE', attack: `UPDATE ledger.${table} SET ${column} = ${column}` },
    { table, action: 'DELETE', attack: `DELETE FROM ledger.${table}` },
    { table, action: 'TRUNCATE', attack: `TRUNCATE ledger.${table} CASCADE` },
  ];
});

describe('what is written stays: neither the privilege nor the trigger lets it go', () => {
  it.each(forever)('$action of ledger.$table', async ({ table, action, attack }) => {
    await expect(service.query(attack)).rejects.toMatchObject({ code: '42501' });

    const grant = (on: string): string => `GRANT ${action} ON ledger.${on} TO quittance_ledger;`;
    const tables = action === 'TRUNCATE' && table === 'asset' ? ['asset', 'account'] : [table];
    const grants = tables.map(grant).join(' ');
    // What the reconciliation refers to is held by that as well.
    const unreferred =
      table === 'transaction' && action === 'TRUNCATE'
        ? ['observed_transfer.transaction_id', 'own_wallet.transaction_id', 'reconciliation_break.fixed_by']
            .map((place) => place.split('.'))
            .map(([on, column]) => `ALTER TABLE ledger.${on} DROP CONSTRAINT ${on}_${column}_fkey;`)
            .join(' ')
        : '';
    const refused = without(`${unreferred} ${grants}`, attack);
    await expect(refused).rejects.toMatchObject({
      code: '23001',
      constraint: expect.stringMatching(/_append_only$/),
    });

    const drops = tables.map((on) => `DROP TRIGGER ${on}_append_only ON ledger.${on};`).join(' ');
    // An asset is held by its accounts too.
    const unbound = table === 'asset' ? 'ALTER TABLE ledger.account DROP CONSTRAINT account_asset;' : '';
    await expect(without(`${grants} ${drops} ${unbound} ${unreferred}`, attack)).resolves.toBeUndefined();
  });
});

describe('the service may not', () => {
  it.each([
    [
      'write over a line it inserts again',
      `${entries(pair, oldHeader)} ON CONFLICT (transaction_id, line) DO UPDATE SET amount = excluded.amount`,
    ],
    [
      'change lines inside another statement',
      'WITH gone AS (DELETE FROM ledger.entry RETURNING 1) SELECT count(*) FROM gone',
    ],
    [
      'say which database transaction a header belongs to',
      `INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, shard, effective_at, occurred_at, xid)
      VALUES ('F', 'event', gen_random_uuid(), 'payment.accepted', gen_random_uuid(), 0, now(), now(), '99999999')`,
    ],
    [
      'say when something was recorded',
      `INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, shard, effective_at, occurred_at, recorded_at)
      VALUES ('F', 'event', gen_random_uuid(), 'payment.accepted', gen_random_uuid(), 0, now(), now(), now())`,
    ],
    ['change a balance', 'UPDATE ledger.balance SET debit = 0'],
    ['add a balance', `INSERT INTO ledger.balance VALUES (1, 'settled', 9, 1, 0)`],
    ['forget a payment', 'DELETE FROM ledger.payment'],
    ['forget a chain', 'DELETE FROM ledger.chain'],
    ['call a chain another', `UPDATE ledger.chain SET chain_id = 'eip155:1'`],
    [
      'begin with a block as final',
      `INSERT INTO ledger.chain (chain_id, final_block) VALUES ('eip155:1', 5)`,
    ],
    ['forget what it has seen', 'DELETE FROM ledger.inbox'],
    ['switch a guard off', 'ALTER TABLE ledger.entry DISABLE TRIGGER ALL'],
    ['drop a guard', 'DROP TRIGGER entry_1_balanced ON ledger.entry'],
    [
      'replace a guard',
      'CREATE OR REPLACE FUNCTION ledger.require_balanced() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$',
    ],
    ['call the function that writes balances', 'SELECT ledger.add_to_balances()'],
    ['pose as a replica', 'SET session_replication_role = replica'],
    ['become the owner', 'SET ROLE postgres'],
    ['copy lines in without the guards', "COPY ledger.entry FROM PROGRAM 'true'"],
    ['read what the facilitator keeps', 'SELECT FROM facilitator.inbox'],
    ['read what the settlement service keeps', 'SELECT FROM settlement.inbox'],
  ])('%s', async (_name, attack) => {
    await expect(service.query(attack)).rejects.toMatchObject({ code: '42501' });
  });
});
