import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { type Attack, GuardedBooks } from './guard-attack.js';

/** Attacks on what is kept of comparisons, as the service's own role, and proof that each guard is what refuses. */

const chain = `'eip155:84532'`;
const asset = `'eip155:84532/slip44:60'`;
const hash = (digit: string): string => `'0x${digit.repeat(64)}'`;
const payment = (digit: string): string =>
  `'${`${digit.repeat(8)}-${digit.repeat(4)}-8${digit.repeat(3)}-8${digit.repeat(3)}-${digit.repeat(12)}`}'`;

const settled = (id: string, duplicateOf = 'NULL'): string =>
  `INSERT INTO ledger.settled_log (payment_id, chain_id, block_number, transaction, log_index, block_hash, duplicate_of)
   VALUES (${id}, ${chain}, 5, ${hash('a')}, 3, ${hash('b')}, ${duplicateOf})`;
const observed = (transactionId: string, part = 'log:0000000001'): string =>
  `INSERT INTO ledger.observed_transfer (chain_id, block_number, block_hash, transaction, part, kind, asset, sender, recipient, amount, transaction_id)
   VALUES (${chain}, 5, ${hash('b')}, ${hash('a')}, '${part}', 'transfer.refund', ${asset}, '', '', 1, ${transactionId})`;
const found = (columns = '', values = ''): string =>
  `INSERT INTO ledger.reconciliation_break (chain_id, type, subject, block_number, asset, value, detail${columns})
   VALUES (${chain}, 'amount', 'attack', 5, ${asset}, 1, 'x'${values})`;
const change = (set: string, id = 1): string =>
  `UPDATE ledger.reconciliation_break SET ${set} WHERE id = ${id}`;
const proposal = `proposed_resolution = 'explained', proposed_by = 'ada', proposal_reason = 'seen it'`;
const check = '23514';
const restrict = '23001';
const denied = '42501';
const unique = '23505';

const attacks: readonly Attack[] = [
  {
    name: 'settle two payments by one log',
    statements: [settled(payment('1')), settled(payment('2'))],
    refusal: { code: unique, constraint: 'settled_log_log_key' },
    removal: 'DROP INDEX ledger.settled_log_log_key',
  },
  {
    name: 'settle one authorization twice',
    statements: [settled(payment('1')), settled(payment('1'), payment('2'))],
    refusal: { code: unique, constraint: 'settled_log_authorization_key' },
    removal: 'ALTER TABLE ledger.settled_log DROP CONSTRAINT settled_log_authorization_key',
  },
  {
    name: 'observe one log twice',
    statements: [observed('1'), observed('2')],
    refusal: { code: unique, constraint: 'observed_transfer_log_key' },
    removal: 'ALTER TABLE ledger.observed_transfer DROP CONSTRAINT observed_transfer_log_key',
  },
  {
    name: 'take one posting for two transfers',
    statements: [observed('1'), observed('1', 'log:0000000002')],
    refusal: { code: unique, constraint: 'observed_transfer_posting_key' },
    removal: 'ALTER TABLE ledger.observed_transfer DROP CONSTRAINT observed_transfer_posting_key',
  },
  ...(
    [
      ['a block that is none', 'block_hash', observed('1').replace(hash('b'), `'0x${'B'.repeat(64)}'`)],
      ['a block that is cut', 'block_hash', observed('1').replace(hash('b'), `'0x${'b'.repeat(63)}'`)],
      ['a transaction that is none', 'transaction', observed('1').replace(hash('a'), `'${'a'.repeat(66)}'`)],
      ['a place that is none', 'part', observed('1', 'log:1')],
      ['a wallet that is none', 'part', observed('1', `native:0x${'G'.repeat(40)}`)],
      ['a chain that is none', 'chain_id', observed('1').replace(chain, `'ei:1'`)],
    ] as const
  ).map(([what, column, statement]) => ({
    name: `observe a transfer in ${what}`,
    statements: [statement],
    refusal: { code: check, constraint: `observed_transfer_${column}_check` },
    removal: `ALTER TABLE ledger.observed_transfer DROP CONSTRAINT observed_transfer_${column}_check`,
  })),
  {
    name: 'change a transfer that was observed',
    statements: ['UPDATE ledger.observed_transfer SET amount = 2'],
    refusal: { code: denied },
    removal:
      'GRANT UPDATE ON ledger.observed_transfer TO quittance_ledger; DROP TRIGGER observed_transfer_append_only ON ledger.observed_transfer',
  },
  {
    name: 'open a wallet with more than was posted',
    statements: [
      `INSERT INTO ledger.own_wallet (chain_id, address, use, asset, first_block, opening)
       VALUES (${chain}, '0x${'1'.repeat(40)}', 'relayer', ${asset}, 1, 5)`,
    ],
    refusal: { code: check, constraint: 'own_wallet_opening_posted' },
    removal: 'ALTER TABLE ledger.own_wallet DROP CONSTRAINT own_wallet_opening_posted',
  },
  {
    name: 'write a break off alone',
    statements: [change(proposal), change(`state = 'explained', approved_by = 'ada', closed_at = now()`)],
    refusal: { code: check, constraint: 'break_two_people' },
    removal: 'ALTER TABLE ledger.reconciliation_break DROP CONSTRAINT break_two_people',
  },
  {
    name: 'explain a break that nobody approved of',
    statements: [change(proposal), change(`state = 'explained', closed_at = now()`)],
    refusal: { code: check, constraint: 'break_resolved_by_approval' },
    removal: 'ALTER TABLE ledger.reconciliation_break DROP CONSTRAINT break_resolved_by_approval',
  },
  {
    name: 'propose and approve in one breath',
    statements: [change(`${proposal}, state = 'explained', approved_by = 'ben', closed_at = now()`)],
    refusal: { code: restrict, constraint: 'break_approved_as_proposed' },
    removal: 'DROP TRIGGER break_1_resolution ON ledger.reconciliation_break',
  },
  {
    name: 'open again what two people ended',
    statements: [
      change(proposal),
      change(`state = 'explained', approved_by = 'ben', closed_at = now()`),
      change(`state = 'open', approved_by = NULL, closed_at = NULL`),
    ],
    refusal: { code: restrict, constraint: 'break_resolution_final' },
    removal: 'DROP TRIGGER break_1_resolution ON ledger.reconciliation_break',
  },
  {
    name: 'say that what two people ended was ended at another time',
    statements: [
      change(proposal),
      change(`state = 'explained', approved_by = 'ben', closed_at = now()`),
      change(`closed_at = now() - interval '1 year'`),
    ],
    refusal: { code: restrict, constraint: 'break_resolution_final' },
    removal: 'DROP TRIGGER break_1_resolution ON ledger.reconciliation_break',
  },
  {
    name: 'record a break that is approved of already',
    statements: [found(', approved_by', `, 'ben'`)],
    refusal: { code: denied },
    removal:
      'GRANT INSERT ON ledger.reconciliation_break TO quittance_ledger; ALTER TABLE ledger.reconciliation_break DROP CONSTRAINT break_resolved_by_approval',
  },
  {
    name: 'make a break older than it is',
    statements: [change(`first_seen_at = now()`)],
    refusal: { code: denied },
    removal: 'GRANT UPDATE ON ledger.reconciliation_break TO quittance_ledger',
  },
  {
    name: 'remove a break',
    statements: ['DELETE FROM ledger.reconciliation_break WHERE id = 2'],
    refusal: { code: denied },
    removal:
      'GRANT DELETE ON ledger.reconciliation_break TO quittance_ledger; DROP TRIGGER break_no_delete ON ledger.reconciliation_break; ALTER TABLE ledger.reconciliation_break_change DROP CONSTRAINT reconciliation_break_change_break_id_fkey',
  },
  {
    name: 'write the history of a break',
    statements: [`INSERT INTO ledger.reconciliation_break_change (break_id, state) VALUES (1, 'open')`],
    refusal: { code: denied },
    removal: 'GRANT INSERT ON ledger.reconciliation_break_change TO quittance_ledger',
  },
  {
    name: 'end a run that did not reach its end',
    statements: [`UPDATE ledger.reconciliation_run SET state = 'done', finished_at = now()`],
    refusal: { code: check, constraint: 'reconciliation_run_done' },
    removal: 'ALTER TABLE ledger.reconciliation_run DROP CONSTRAINT reconciliation_run_done',
  },
];

let server: TestDatabase;
let books: GuardedBooks;

beforeAll(async () => {
  server = await startTestDatabase();
  books = await GuardedBooks.connect(server.serviceUrls.ledger, server.adminUrl);
  // Headers that transfers can be of; without lines, which nothing here asks for but a guard that is passed by.
  await books.superuser.query('SET session_replication_role = replica');
  for (const id of [1, 2]) {
    await books.superuser.query(
      `INSERT INTO ledger.transaction (book, source, source_event_id, event_type, shard, effective_at, occurred_at)
       VALUES ('F', 'transfer', ${payment(String(id))}, 'transfer.refund', 0, now(), now())`,
    );
  }
  await books.superuser.query('RESET session_replication_role');
  await books.service.query(found().replace(`'attack'`, `'first'`));
  await books.service.query(found().replace(`'attack'`, `'second'`));
  await books.service.query(
    `INSERT INTO ledger.reconciliation_run (chain_id, from_block, to_block, next_block, asked_by) VALUES (${chain}, 1, 9, 1, 'ada')`,
  );
}, 60_000);
afterAll(async () => {
  await books.close();
  await server.stop();
});

describe('the service may not', () => {
  it.each(attacks)('$name', async (attack) => {
    await books.isRefused(attack);
    await books.without(attack.removal, attack.statements);
  });
});

it('the database itself writes down what becomes of a break', async () => {
  await books.service.query(change(`owner = 'ada'`, 2));
  await books.service.query(change('last_seen_at = now()', 2));
  const { rows } = await books.service.query(
    'SELECT state, owner FROM ledger.reconciliation_break_change WHERE break_id = 2 ORDER BY id',
  );
  expect(rows).toEqual([
    { state: 'open', owner: null },
    { state: 'open', owner: 'ada' },
  ]);
});
