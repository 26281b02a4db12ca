import { randomBytes, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

/** Attacks what guards payments by Permit2 and upto, and gas that is given, as the service's own role. */

const chain = 'eip155:84532';
const asset = `0x${'cc'.repeat(20)}`;
const hex = (bytes: number) => `0x${randomBytes(bytes).toString('hex')}`;
const plain = `0x${'5e'.repeat(65)}`;
const approval = '{"kind":"erc20_approval"}';

let server: TestDatabase;
let database: Database;
let relayer: string;

beforeAll(async () => {
  server = await startTestDatabase();
  database = Database.connect({ url: server.serviceUrls.settlement, applicationName: 'guards' });
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.stop();
});
beforeEach(async () => {
  relayer = hex(20);
  await database.sql(
    `INSERT INTO settlement.relayer (chain_id, address, next_nonce, lease_holder, lease_token, lease_until)
     VALUES ($1, $2, 100, gen_random_uuid(), 1, now() + interval '1 hour')`,
    [chain, relayer],
  );
});

const refusal = (constraint: string) => expect.objectContaining({ code: 'database_constraint', constraint });

type Columns = Readonly<Record<string, string | number | null>>;

/** A queued payment; by Permit2 unless it is said to be another. */
async function insertPayment(over: Columns = {}): Promise<string> {
  const row: Columns = {
    payment_id: randomUUID(),
    chain_id: chain,
    asset,
    payer: hex(20),
    pay_to: hex(20),
    amount: 5,
    valid_after: 0,
    valid_before: 1,
    nonce: hex(32),
    signature: plain,
    last_event_id: randomUUID(),
    accepted_at: '2026-11-27T00:00:00Z',
    method: 'permit2',
    batch_limit: 1,
    ...over,
  };
  const names = Object.keys(row);
  await database.sql(
    `INSERT INTO settlement.payment (${names.join(', ')})
     SELECT ${names.join(', ')} FROM jsonb_populate_record(NULL::settlement.payment, $1::jsonb)`,
    [JSON.stringify({ ...row, sponsoring: JSON.parse(String(row['sponsoring'] ?? 'null')) as unknown })],
  );
  return String(row['payment_id']);
}

const upto = () => ({ scheme: 'upto', ceiling: 9, facilitator: relayer });

async function insertBatch(over: Columns = {}): Promise<string> {
  const row: Columns = { size: 1, asset, nonce: 7, top_up_payment: null, top_up_wei: null, ...over };
  const [stored] = await database.sql<{ id: string }>(
    `INSERT INTO settlement.batch (chain_id, relayer, nonce, lease_token, asset, size, gas_limit, signed_at, top_up_payment, top_up_wei)
     VALUES ($1, $2, $3, 1, $4, $5, 100000, 1, $6::uuid, $7::numeric) RETURNING batch_id::text AS id`,
    [chain, relayer, row['nonce'], row['asset'], row['size'], row['top_up_payment'], row['top_up_wei']],
  );
  return stored?.id ?? '';
}

async function attempt(paymentId: string, batchId: string): Promise<void> {
  await database.sql(
    `UPDATE settlement.payment SET state = 'submitted', attempts = attempts + 1 WHERE payment_id = $1::uuid`,
    [paymentId],
  );
  await database.sql(
    `INSERT INTO settlement.attempt (payment_id, n, batch_id, position) VALUES ($1::uuid, 1, $2::bigint, 0)`,
    [paymentId, batchId],
  );
}

async function stateOf(paymentId: string): Promise<string | null | undefined> {
  const rows = await database.sql<{ state: string | null }>(
    `SELECT settlement.top_up_of($1::uuid) AS state`,
    [paymentId],
  );
  return rows[0]?.state;
}

async function mine(batchId: string): Promise<void> {
  await database.sql(
    `UPDATE settlement.batch SET state = 'mined', mined_hash = $2, succeeded = true, block_number = 1, block_hash = $2,
            block_time = 1, gas_used = 1, gas_price = 1, l1_fee = 0, fee = 1, filled_event_id = gen_random_uuid()
      WHERE batch_id = $1::bigint`,
    [batchId, hex(32)],
  );
}

const topUp = (paymentId: string, over: Columns = {}) =>
  insertBatch({ size: 0, asset: null, top_up_payment: paymentId, top_up_wei: 1, ...over });

describe('a payment by Permit2', () => {
  it('has its nonce alone, whatever the token', async () => {
    const taken = { payer: hex(20), nonce: hex(32) };
    await insertPayment(taken);
    await expect(insertPayment({ ...taken, asset: hex(20) })).rejects.toEqual(refusal('payment_identity'));
    // The token keeps its own nonces.
    await insertPayment({ ...taken, method: 'eip3009' });
    await insertPayment({ ...taken, method: 'eip3009', asset: hex(20) });
    await expect(insertPayment({ ...taken, method: 'eip3009' })).rejects.toEqual(refusal('payment_identity'));
  });

  it.each([
    ['an unknown method', { method: 'erc7710' }, 'payment_method'],
    ['an unknown scheme', { scheme: 'batch' }, 'payment_scheme'],
    ['a bound without upto', { ceiling: 9 }, 'payment_upto_is_bounded'],
    ['upto without a bound', { scheme: 'upto', facilitator: hex(20) }, 'payment_upto_is_bounded'],
    ['upto without a relayer', { scheme: 'upto', ceiling: 9 }, 'payment_upto_is_bounded'],
    [
      'upto by EIP-3009',
      { scheme: 'upto', ceiling: 9, facilitator: hex(20), method: 'eip3009' },
      'payment_upto_is_bounded',
    ],
    ['more than was signed', { scheme: 'upto', ceiling: 4, facilitator: hex(20) }, 'payment_upto_is_bounded'],
    ['sponsoring of no kind', { sponsoring: '{}' }, 'payment_sponsoring'],
    ['sponsoring by EIP-3009', { method: 'eip3009', sponsoring: approval }, 'payment_sponsoring'],
    ['company', { batch_limit: 2 }, 'payment_alone'],
    [
      'company where a contract judges',
      { method: 'eip3009', signature: '0x5e', batch_limit: 2 },
      'payment_alone',
    ],
  ])('is not stored with %s', async (_, over: Columns, constraint) => {
    await expect(insertPayment(over)).rejects.toEqual(refusal(constraint));
  });

  it('stays alone, and what has to go with few does', async () => {
    const alone = await insertPayment();
    const set = (id: string, limit: number) =>
      database.sql(`UPDATE settlement.payment SET batch_limit = $2 WHERE payment_id = $1::uuid`, [id, limit]);
    await expect(set(alone, 2)).rejects.toMatchObject({ code: 'database_constraint' });
    const token = await insertPayment({ method: 'eip3009', batch_limit: 10 });
    await set(token, 5);
    await expect(set(token, 6)).rejects.toEqual(refusal('payment_batch_limit'));
  });

  it.each([
    `ceiling = 8`,
    `facilitator = '0x${'fb'.repeat(20)}'`,
    `sponsoring = '{"kind":"eip2612"}'`,
    `scheme = 'exact', ceiling = NULL, facilitator = NULL`,
  ])('never changes what was authorized: %s', async (change) => {
    const id = await insertPayment(upto());
    await expect(
      database.sql(`UPDATE settlement.payment SET ${change} WHERE payment_id = $1::uuid`, [id]),
    ).rejects.toEqual(refusal('payment_authorization_fixed'));
  });
});

describe('a transfer', () => {
  const settle = (id: string, place: { readonly transaction: string; readonly logIndex: number }) =>
    database.sql(
      `UPDATE settlement.payment SET state = 'confirmed', outcome_event_id = gen_random_uuid(), settled_by = 'other',
              settled_transaction = $2, settled_block_number = 1, settled_block_hash = $2, settled_block_time = 1,
              settled_log_index = $3 WHERE payment_id = $1::uuid`,
      [id, place.transaction, place.logIndex],
    );

  it('settles one payment by Permit2', async () => {
    const place = { transaction: hex(32), logIndex: 3 };
    const other = await insertPayment();
    await settle(await insertPayment(), place);
    await expect(settle(other, place)).rejects.toEqual(refusal('payment_settled_apart'));
    await settle(other, { ...place, logIndex: 4 });
  });
});

describe('an attempt', () => {
  it('of a payment by Permit2 is in no batch with room for another', async () => {
    const payment = await insertPayment();
    await expect(attempt(payment, await insertBatch({ size: 2 }))).rejects.toEqual(refusal('attempt_alone'));
    const other = await insertPayment();
    await attempt(other, await insertBatch({ nonce: 8 }));
  });

  it('of a payment whose signature a contract judges neither', async () => {
    const payment = await insertPayment({ method: 'eip3009', signature: `0x${'5e'.repeat(66)}` });
    await expect(attempt(payment, await insertBatch({ size: 2 }))).rejects.toEqual(refusal('attempt_alone'));
  });

  it('by upto is of the relayer that the payer named', async () => {
    const mine = await insertPayment(upto());
    const others = await insertPayment({ ...upto(), facilitator: hex(20) });
    await attempt(mine, await insertBatch());
    await expect(attempt(others, await insertBatch({ nonce: 8 }))).rejects.toEqual(
      refusal('attempt_relayer'),
    );
  });
});

describe('gas that a payer is given', () => {
  it('is given once for a payment, and again only where the first never is', async () => {
    const payment = await insertPayment({ sponsoring: approval });
    const first = await topUp(payment);
    await expect(topUp(payment, { nonce: 8 })).rejects.toEqual(refusal('batch_top_up_once'));
    await database.sql(`UPDATE settlement.batch SET state = 'displaced' WHERE batch_id = $1::bigint`, [
      first,
    ]);
    await topUp(payment, { nonce: 9 });
    await expect(topUp(payment, { nonce: 10 })).rejects.toEqual(refusal('batch_top_up_once'));
  });

  it('is given for another payment of the payer only when it has paid', async () => {
    const payer = { payer: hex(20), sponsoring: approval };
    const [first, second, third] = [
      await insertPayment(payer),
      await insertPayment(payer),
      await insertPayment({ ...payer, chain_id: 'eip155:1' }),
    ];
    const batch = await topUp(first);
    await expect(topUp(second, { nonce: 8 })).rejects.toEqual(refusal('batch_top_up_once'));
    const set = (change: string) =>
      database.sql(
        `UPDATE settlement.payment SET ${change}, outcome_event_id = gen_random_uuid() WHERE payment_id = $1::uuid`,
        [first],
      );
    await set(`state = 'failed', failure_reason = 'some'`);
    await expect(topUp(second, { nonce: 8 })).rejects.toEqual(refusal('batch_top_up_once'));
    expect(await stateOf(second)).toBe('outstanding');
    await mine(batch);
    expect(await stateOf(second)).toBe('mined');
    expect(await stateOf(third)).toBeNull();
    await set(
      `state = 'confirmed', settled_by = 'us', settled_transaction = '${hex(32)}', settled_block_number = 1,
       settled_block_hash = '${hex(32)}', settled_block_time = 1, settled_log_index = 1`,
    );
    expect(await stateOf(second)).toBeNull();
    await topUp(second, { nonce: 8 });
  });

  it('is for a queued payment that came with an approval', async () => {
    const without = await insertPayment();
    await expect(topUp(without)).rejects.toEqual(refusal('batch_top_up_needed'));
    const permit = await insertPayment({ sponsoring: '{"kind":"eip2612"}' });
    await expect(topUp(permit)).rejects.toEqual(refusal('batch_top_up_needed'));
    const sent = await insertPayment({ sponsoring: approval });
    await attempt(sent, await insertBatch({ nonce: 8 }));
    await expect(topUp(sent, { nonce: 9 })).rejects.toEqual(refusal('batch_top_up_needed'));
    await expect(topUp(randomUUID(), { nonce: 9 })).rejects.toEqual(refusal('batch_top_up_needed'));
    const elsewhere = await insertPayment({ sponsoring: approval, chain_id: 'eip155:1' });
    await expect(topUp(elsewhere, { nonce: 9 })).rejects.toEqual(refusal('batch_top_up_needed'));
  });

  it.each([
    ['nothing', { top_up_wei: 0 }, 'batch_top_up_bounded'],
    ['more than anybody needs', { top_up_wei: '100000000000000001' }, 'batch_top_up_bounded'],
    ['an unknown sum', { top_up_wei: null }, 'batch_top_up'],
    ['something beside payments', { size: 1, asset }, 'batch_top_up'],
  ])('is not %s', async (_, over: Columns, constraint) => {
    const payment = await insertPayment({ sponsoring: approval });
    await expect(topUp(payment, over)).rejects.toEqual(refusal(constraint));
  });

  it('never changes', async () => {
    const batch = await topUp(await insertPayment({ sponsoring: approval }));
    for (const change of ['top_up_wei = 2', 'top_up_payment = NULL, top_up_wei = NULL']) {
      await expect(
        database.sql(`UPDATE settlement.batch SET ${change} WHERE batch_id = $1::bigint`, [batch]),
      ).rejects.toEqual(refusal('batch_fixed'));
    }
  });
});
