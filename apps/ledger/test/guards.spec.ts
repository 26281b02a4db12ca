import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';
import pg from 'pg';

import { PostingRepository } from '../src/posting/posting.repository.js';
import { filled, finalized, PaymentStory } from './payment-events.js';

/** Attacks on the books with all that the service's own role can do, and proof that each guard is what refuses. */

const story = new PaymentStory({ name: 'guarded', amount: 1_000_000n });
/** Where a line goes; the asset and layer of an honest one unless told. */
type Place = { readonly account: string; readonly asset?: string; readonly layer?: string };

const usdc = `(SELECT id FROM ledger.asset WHERE code LIKE '%erc20%')`;
const eth = `(SELECT id FROM ledger.asset WHERE code LIKE '%slip44%')`;
const payer: Place = { account: `(SELECT id FROM ledger.account WHERE code LIKE 'F:payer:%')` };
const transit: Place = { account: `(SELECT id FROM ledger.account WHERE code LIKE 'F:transit:%')` };
const wallet: Place = { account: `(SELECT id FROM ledger.account WHERE code LIKE 'G:wallet:%')` };
const gasTransit: Place = { account: `(SELECT id FROM ledger.account WHERE code LIKE 'G:transit:%')` };
const oldHeader = `(SELECT min(id) FROM ledger.transaction WHERE book = 'F')`;
const uint256End = (2n ** 256n).toString();

let server: TestDatabase;
let service: pg.Client;
let superuser: pg.Client;

beforeAll(async () => {
  server = await startTestDatabase();
  const database = Database.connect({ url: server.serviceUrls.ledger, applicationName: 'guards-spec' });
  const events = [story.accepted(), story.submitted(), story.confirmed('us')];
  await new PostingRepository(database).post({
    events: [...events, finalized(100n), filled('one', 21n)],
    shard: 0,
  });
  await database.close();
  service = new pg.Client({ connectionString: server.serviceUrls.ledger });
  superuser = new pg.Client({ connectionString: server.adminUrl });
  await Promise.all([service.connect(), superuser.connect()]);
}, 60_000);

afterAll(async () => {
  await Promise.all([service.end(), superuser.end()]);
  await server.stop();
});

beforeEach(async () => {
  await service.query('BEGIN');
});

afterEach(async () => {
  await service.query('ROLLBACK');
});

const header = (eventId = 'gen_random_uuid()', about = `'payment.accepted', '${story.paymentId}'`): string =>
  `INSERT INTO ledger.transaction (book, source_event_id, event_type, payment_id, shard, effective_at)
   VALUES ('F', ${eventId}, ${about}, 0, now())`;

const line = (number: number, { account, asset = usdc, layer = 'settled' }: Place, amount: string): string =>
  `${number}, ${account}, ${asset}, '${layer}'::ledger.layer, ${amount}`;

const entries = (lines: readonly string[], on = 'h.id'): string =>
  `INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount) ${lines
    .map((one) => `SELECT ${on}, ${one}${on === 'h.id' ? ' FROM h' : ''}`)
    .join(' UNION ALL ')}`;

const transaction = (lines: readonly string[]): string =>
  `WITH h AS (${header()} RETURNING id) ${entries(lines)}`;

/** Runs as the service inside a transaction of the superuser in which the guard is gone; nothing of it stays. */
async function withoutGuard(removal: string, attack: string): Promise<void> {
  await superuser.query('BEGIN');
  try {
    await superuser.query(removal);
    await superuser.query('SET LOCAL ROLE quittance_ledger');
    await superuser.query(attack);
  } finally {
    await superuser.query('ROLLBACK');
  }
}

type Attack = {
  readonly name: string;
  readonly attack: string;
  readonly refusal: { readonly code: string; readonly constraint: string };
  readonly removal: string;
};

type AttackMaker = (name: string, attack: string) => Attack;

const byTrigger =
  (trigger: string, constraint: string): AttackMaker =>
  (name, attack) => ({
    name,
    attack,
    refusal: { code: '23514', constraint },
    removal: `DROP TRIGGER ${trigger} ON ledger.entry`,
  });

const byCheck =
  (table: string, constraint: string): AttackMaker =>
  (name, attack) => ({
    name,
    attack,
    refusal: { code: '23514', constraint },
    removal: `ALTER TABLE ledger.${table} DROP CONSTRAINT ${constraint}`,
  });

const unbalanced = byTrigger('entry_1_balanced', 'entry_balanced');
const sealed = byTrigger('entry_2_sealed', 'entry_sealed');
const foreign = byTrigger('entry_3_account', 'entry_account');
const zero = byCheck('entry', 'entry_amount_not_zero');
const tooLarge = byCheck('entry', 'entry_amount_uint256');
const offChart = byCheck('account', 'account_code_in_chart');
const twiceNamed = byCheck('asset', 'asset_code_lower_case');
const aboutNothing = byCheck('transaction', 'transaction_payment_or_filler');

const pair = [line(1, payer, '-5'), line(2, transit, '5')];

const attacks: Attack[] = [
  unbalanced('debits without as many credits', transaction([line(1, payer, '-5'), line(2, transit, '6')])),
  unbalanced('one leg alone', transaction([line(1, payer, '-5')])),
  unbalanced(
    'legs on different layers',
    transaction([line(1, payer, '-5'), line(2, { ...transit, layer: 'inflight' }, '5')]),
  ),
  sealed(
    'a balanced pair added to a transaction of the past',
    entries([line(11, payer, '-5'), line(12, transit, '5')], oldHeader),
  ),
  {
    ...sealed('lines without a header', entries(pair, '999999')),
    // The balances have no place for such lines either.
    removal: ['entry_2_sealed', 'entry_3_account', 'entry_4_balances']
      .map((trigger) => `DROP TRIGGER ${trigger} ON ledger.entry`)
      .join('; '),
  },
  foreign(
    'an asset that the account does not hold',
    transaction([line(1, { ...payer, asset: eth }, '-5'), line(2, { ...transit, asset: eth }, '5')]),
  ),
  foreign(
    'an account that does not exist',
    transaction([line(1, { account: '999999' }, '-5'), line(2, transit, '5')]),
  ),
  foreign(
    'accounts of the other book',
    transaction([line(1, { ...wallet, asset: eth }, '-5'), line(2, { ...gasTransit, asset: eth }, '5')]),
  ),
  zero('an amount of 0', transaction([...pair, line(3, payer, '0')])),
  tooLarge(
    'an amount of 2^256',
    transaction([line(1, payer, `-${uint256End}`), line(2, transit, uint256End)]),
  ),
  ...[
    'X:payer',
    'F:payer:eip155:1',
    'F:payer:eip155:1:0xABC',
    `F:payer:eip155:1:0x${'A'.repeat(40)}`,
    `F:payer:eip155:1:0x${'a'.repeat(41)}`,
    `F:payer:eip155:${'1'.repeat(33)}:0x${'a'.repeat(40)}`,
    `F:merchant:ei:1:0x${'a'.repeat(40)}`,
    `G:wallet:relayer:eip155:1:0x${'a'.repeat(39)}`,
    `G:wallet:relayer:eip155eip:1:0x${'a'.repeat(40)}x`,
    'F:transit:eip155eip1:1',
    'G:transit:gas:ei:1',
    'G:expense:gas:eip155:1:lost',
    'F:transit',
    ' F:transit:eip155:1',
  ].map((code) =>
    offChart(
      `an account outside the chart: ${code}`,
      `INSERT INTO ledger.account (code, asset_id) VALUES ('${code}', ${usdc})`,
    ),
  ),
  twiceNamed('one asset under two names', "INSERT INTO ledger.asset (code) VALUES ('eip155:1/erc20:0xAB')"),
  aboutNothing(
    'a header of a payment that names none',
    header('gen_random_uuid()', `'settlement.confirmed', NULL`),
  ),
  aboutNothing(
    'a filler that names a payment',
    header('gen_random_uuid()', `'settlement.filled', '${story.paymentId}'`),
  ),
  {
    name: 'a final block that goes back',
    attack: 'UPDATE ledger.chain SET final_block = 99',
    refusal: { code: '23514', constraint: 'chain_forward_only' },
    removal: 'DROP TRIGGER chain_forward_only ON ledger.chain',
  },
  {
    name: 'a source event posted twice in one book',
    attack: header(`(SELECT source_event_id FROM ledger.transaction WHERE id = ${oldHeader})`),
    refusal: { code: '23505', constraint: 'transaction_source_event_key' },
    removal: 'ALTER TABLE ledger.transaction DROP CONSTRAINT transaction_source_event_key',
  },
];

describe('the books refuse', () => {
  it.each(attacks)('$name', async ({ attack, refusal }) => {
    await expect(service.query(attack)).rejects.toMatchObject(refusal);
  });

  it('a transaction whose legs come one after the other', async () => {
    await service.query(header());
    const last = '(SELECT max(id) FROM ledger.transaction)';
    await expect(service.query(entries([line(1, payer, '-5')], last))).rejects.toMatchObject({
      constraint: 'entry_balanced',
    });
  });

  it('nothing of what is right', async () => {
    await expect(service.query(transaction(pair))).resolves.toMatchObject({ rowCount: 2 });
  });
});

describe('without its guard', () => {
  it.each(attacks)('the attack would succeed: $name', async ({ attack, removal }) => {
    await expect(withoutGuard(removal, attack)).resolves.toBeUndefined();
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
    const refused = withoutGuard(grants, attack);
    await expect(refused).rejects.toMatchObject({
      code: '23001',
      constraint: expect.stringMatching(/_append_only$/),
    });

    const drops = tables.map((on) => `DROP TRIGGER ${on}_append_only ON ledger.${on};`).join(' ');
    // An asset is held by its accounts too.
    const unbound = table === 'asset' ? 'ALTER TABLE ledger.account DROP CONSTRAINT account_asset;' : '';
    await expect(withoutGuard(`${grants} ${drops} ${unbound}`, attack)).resolves.toBeUndefined();
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
      `INSERT INTO ledger.transaction (book, source_event_id, event_type, payment_id, shard, effective_at, xid)
      VALUES ('F', gen_random_uuid(), 'payment.accepted', gen_random_uuid(), 0, now(), '99999999')`,
    ],
    [
      'say when something was recorded',
      `INSERT INTO ledger.transaction (book, source_event_id, event_type, payment_id, shard, effective_at, recorded_at)
      VALUES ('F', gen_random_uuid(), 'payment.accepted', gen_random_uuid(), 0, now(), now())`,
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
