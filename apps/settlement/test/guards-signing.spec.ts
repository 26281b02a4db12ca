import { randomBytes, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

/** Attacks the guards of what is signed, as the service's own role: a bug in the service must meet a refusal. */

const chain = 'eip155:84532';
const asset = `0x${'cc'.repeat(20)}`;
const signature = `0x${'5e'.repeat(65)}`;
const hex = (bytes: number) => `0x${randomBytes(bytes).toString('hex')}`;

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
  await sql(
    'INSERT INTO settlement.relayer (chain_id, address, next_nonce) VALUES ($1, $2, 0)',
    relayerKey(),
  );
  await lease();
  await sql(
    'UPDATE settlement.relayer SET next_nonce = 10 WHERE chain_id = $1 AND address = $2',
    relayerKey(),
  );
});

const sql = (text: string, values: readonly unknown[] = []) => database.sql(text, values);
const relayerKey = () => [chain, relayer];
const refusal = (constraint: string) => expect.objectContaining({ code: 'database_constraint', constraint });

async function setRelayer(sets: string): Promise<void> {
  await sql(`UPDATE settlement.relayer SET ${sets} WHERE chain_id = $1 AND address = $2`, relayerKey());
}

/** Takes the key, whose lease must have ended. */
async function lease(): Promise<void> {
  await setRelayer(
    `lease_holder = gen_random_uuid(), lease_token = lease_token + 1, lease_until = clock_timestamp() + interval '1 minute'`,
  );
}

async function passOn(): Promise<void> {
  await setRelayer('lease_until = clock_timestamp()');
  await lease();
}

type Payment = { readonly id: string; readonly chain: string; readonly asset: string };

async function queuedPayment(over: Partial<Payment> = {}): Promise<string> {
  const payment = { id: randomUUID(), chain, asset, ...over };
  await sql(
    `INSERT INTO settlement.payment (payment_id, chain_id, asset, payer, pay_to, amount, valid_after, valid_before, nonce,
                                     signature, last_event_id, accepted_at)
     VALUES ($1::uuid, $2, $3, $4, $4, 1, 0, 1, $5, '${signature}', gen_random_uuid(), now())`,
    [payment.id, payment.chain, payment.asset, hex(20), hex(32)],
  );
  return payment.id;
}

async function submittedPayment(over: Partial<Payment> = {}): Promise<string> {
  const id = await queuedPayment(over);
  await submit(id);
  return id;
}

async function submit(id: string): Promise<void> {
  await sql(
    `UPDATE settlement.payment SET state = 'submitted', attempts = attempts + 1 WHERE payment_id = $1::uuid`,
    [id],
  );
}

type Batch = { nonce: number; token: number; size: number; asset: string | null; state: string; gas: string };

async function insertBatch(over: Partial<Batch> = {}): Promise<string> {
  const batch = { nonce: 0, token: 1, size: 2, asset, state: 'outstanding', gas: '100000', ...over };
  const [row] = await database.sql<{ id: string }>(
    `INSERT INTO settlement.batch (chain_id, relayer, nonce, lease_token, asset, size, gas_limit, signed_at, state)
     VALUES ($1, $2, $3, $4, $5, $6, $7::numeric, 1, $8) RETURNING batch_id::text AS id`,
    [...relayerKey(), batch.nonce, batch.token, batch.asset, batch.size, batch.gas, batch.state],
  );
  return row?.id ?? '';
}

async function insertVersion(
  batch: string,
  over: { version?: number; max?: number; tip?: number; raw?: string; hash?: string } = {},
): Promise<string> {
  const { version = 1, max = 1_000, tip = 100, raw = '0x02', hash = hex(32) } = over;
  await sql(
    `INSERT INTO settlement.transaction (hash, batch_id, version, raw, max_fee_per_gas, max_priority_fee_per_gas)
     VALUES ($1, $2::bigint, $3, $4, $5, $6)`,
    [hash, batch, version, raw, max, tip],
  );
  return hash;
}

async function insertAttempt(
  payment: string,
  batch: string,
  over: { n?: number; position?: number; state?: string } = {},
): Promise<void> {
  const { n = 1, position = 0, state = 'outstanding' } = over;
  await sql(
    `INSERT INTO settlement.attempt (payment_id, n, batch_id, position, state, event_id)
     VALUES ($1::uuid, $2, $3::bigint, $4, $5, CASE WHEN $5 = 'outstanding' THEN NULL ELSE gen_random_uuid() END)`,
    [payment, n, batch, position, state],
  );
}

const setBatch = (id: string, sets: string) =>
  sql(`UPDATE settlement.batch SET ${sets} WHERE batch_id = $1::bigint`, [id]);
const setAttempt = (id: string, sets: string) =>
  sql(`UPDATE settlement.attempt SET ${sets} WHERE payment_id = $1::uuid`, [id]);

const mined = (block = 5) =>
  `state = 'mined', mined_hash = '${hex(32)}', succeeded = true, block_number = ${block}, block_hash = '${hex(32)}',
   block_time = 1, gas_used = 1, gas_price = 1, l1_fee = 0, fee = 1`;
const unmined = `state = 'outstanding', mined_hash = NULL, succeeded = NULL, block_number = NULL, block_hash = NULL,
   block_time = NULL, gas_used = NULL, gas_price = NULL, l1_fee = NULL, fee = NULL`;
const ended = (state: string) =>
  state === 'displaced'
    ? `state = 'displaced', event_id = gen_random_uuid()`
    : `state = '${state}', event_id = gen_random_uuid(), gas_used = 1, l1_fee = 0, fee = 1`;

describe('a relayer', () => {
  it('never gets a nonce back, nor becomes another', async () => {
    await expect(setRelayer('next_nonce = 9')).rejects.toEqual(refusal('relayer_nonce_forward'));
    await expect(setRelayer(`address = '${hex(20)}'`)).rejects.toEqual(refusal('relayer_nonce_forward'));
  });

  it('changes hands only when its lease has ended, with the next token', async () => {
    const other = 'lease_holder = gen_random_uuid()';
    await expect(setRelayer(`${other}, lease_token = lease_token + 1`)).rejects.toEqual(
      refusal('relayer_lease'),
    );
    await setRelayer('lease_until = clock_timestamp()');
    await expect(setRelayer(other)).rejects.toEqual(refusal('relayer_lease'));
    await expect(setRelayer(`${other}, lease_token = lease_token + 2`)).rejects.toEqual(
      refusal('relayer_lease'),
    );
    await expect(setRelayer(`${other}, lease_token = lease_token + 1`)).resolves.toBeUndefined();
  });

  it('has tokens that count up', async () => {
    await expect(setRelayer('lease_token = 0')).rejects.toEqual(refusal('relayer_lease_token'));
    await expect(setRelayer('lease_token = 3')).rejects.toEqual(refusal('relayer_lease_token'));
  });

  it('is kept', async () => {
    await expect(sql('DELETE FROM settlement.relayer')).rejects.toMatchObject({ code: expect.any(String) });
  });
});

describe('a batch', () => {
  it('is stored under the present lease only', async () => {
    await expect(insertBatch({ token: 0 })).rejects.toEqual(refusal('batch_lease'));
    await passOn();
    await expect(insertBatch({ token: 1 })).rejects.toEqual(refusal('batch_lease'));
    await expect(insertBatch({ token: 2 })).resolves.toEqual(expect.any(String));
  });

  it('is not stored for a relayer that nobody has ever held', async () => {
    relayer = hex(20);
    await sql(
      'INSERT INTO settlement.relayer (chain_id, address, next_nonce) VALUES ($1, $2, 5)',
      relayerKey(),
    );
    await expect(insertBatch({ token: 0 })).rejects.toEqual(refusal('batch_lease'));
  });

  it('has a nonce that was taken for it, and has it alone', async () => {
    await expect(insertBatch({ nonce: 10 })).rejects.toEqual(refusal('batch_nonce_taken'));
    await insertBatch({ nonce: 9 });
    await expect(insertBatch({ nonce: 9 })).rejects.toEqual(refusal('batch_nonce'));
  });

  it('begins outstanding, with an asset unless it is empty, and gas that a block takes', async () => {
    await expect(insertBatch({ state: 'displaced' })).rejects.toEqual(refusal('batch_beginning'));
    await expect(insertBatch({ asset: null })).rejects.toEqual(refusal('batch_asset_unless_empty'));
    await expect(insertBatch({ size: 0 })).rejects.toEqual(refusal('batch_asset_unless_empty'));
    await expect(insertBatch({ size: 1_001 })).rejects.toEqual(refusal('batch_size_check'));
    await expect(insertBatch({ gas: '16777217' })).rejects.toEqual(refusal('batch_gas_limit_check'));
    await expect(insertBatch({ size: 0, asset: null, gas: '21000' })).resolves.toEqual(expect.any(String));
  });

  it.each(['nonce = 3', 'size = 3', 'lease_token = 2', `asset = '${hex(20)}'`, 'gas_limit = 100001'])(
    'never changes what it carries: %s',
    async (sets) => {
      await expect(setBatch(await insertBatch(), sets)).rejects.toEqual(refusal('batch_fixed'));
    },
  );

  it('is mined with all that it cost, which stays', async () => {
    const batch = await insertBatch();
    await expect(setBatch(batch, `state = 'mined'`)).rejects.toEqual(refusal('batch_mined_is_located'));
    await setBatch(batch, mined());
    await expect(setBatch(batch, 'fee = 2')).rejects.toEqual(refusal('batch_mined_fixed'));
    await expect(setBatch(batch, `state = 'displaced'`)).rejects.toEqual(refusal('batch_transition'));
  });

  it('goes back only when the block that it was in has left the chain', async () => {
    const batch = await insertBatch();
    await setBatch(batch, mined(5));
    await sql(
      `INSERT INTO settlement.follower_cursor (chain_id, block_number, block_hash) VALUES ($1, 5, $2)
       ON CONFLICT (chain_id) DO UPDATE SET block_number = 5`,
      [chain, hex(32)],
    );
    await expect(setBatch(batch, unmined)).rejects.toEqual(refusal('batch_reorged_only'));
    await sql('UPDATE settlement.follower_cursor SET block_number = 4 WHERE chain_id = $1', [chain]);
    await expect(setBatch(batch, unmined)).resolves.toEqual([]);
  });

  it('is kept', async () => {
    await expect(sql('DELETE FROM settlement.batch')).rejects.toMatchObject({ code: expect.any(String) });
    await expect(sql('TRUNCATE settlement.batch')).rejects.toMatchObject({ code: expect.any(String) });
  });
});

describe('a signed transaction', () => {
  it('is the next version of an outstanding batch', async () => {
    const batch = await insertBatch();
    await expect(insertVersion(batch, { version: 2 })).rejects.toEqual(refusal('transaction_beginning'));
    await insertVersion(batch);
    await expect(insertVersion(batch)).rejects.toEqual(refusal('transaction_beginning'));
    await expect(insertVersion(batch, { version: 3, max: 2_000, tip: 200 })).rejects.toEqual(
      refusal('transaction_beginning'),
    );
    await setBatch(batch, mined());
    await expect(insertVersion(batch, { version: 2, max: 2_000, tip: 200 })).rejects.toEqual(
      refusal('transaction_beginning'),
    );
  });

  it('pays at least a tenth more than the one that it replaces, of both', async () => {
    const batch = await insertBatch();
    await insertVersion(batch);
    for (const fees of [
      { max: 1_099, tip: 110 },
      { max: 1_100, tip: 109 },
    ]) {
      await expect(insertVersion(batch, { version: 2, ...fees })).rejects.toEqual(
        refusal('transaction_bump'),
      );
    }
    await expect(insertVersion(batch, { version: 2, max: 1_100, tip: 110 })).resolves.toEqual(
      expect.any(String),
    );
  });

  it('is stored first under the lease of its batch, and later under any', async () => {
    const batch = await insertBatch();
    await passOn();
    await expect(insertVersion(batch)).rejects.toEqual(refusal('transaction_lease'));
    const signed = await insertBatch({ nonce: 1, token: 2 });
    await insertVersion(signed);
    await passOn();
    await expect(insertVersion(signed, { version: 2, max: 2_000, tip: 200 })).resolves.toEqual(
      expect.any(String),
    );
  });

  it('has a hash of its own, and no more bytes than nodes take', async () => {
    const batch = await insertBatch();
    await expect(insertVersion(batch, { raw: `0x${'00'.repeat(131_073)}` })).rejects.toEqual(
      refusal('transaction_raw_check'),
    );
    const hash = await insertVersion(batch, { raw: `0x${'00'.repeat(131_072)}` });
    const other = await insertBatch({ nonce: 1 });
    await expect(insertVersion(other, { hash })).rejects.toEqual(refusal('transaction_pkey'));
  });

  it('never changes and is kept', async () => {
    await insertVersion(await insertBatch());
    for (const attack of [
      `UPDATE settlement.transaction SET raw = '0x03'`,
      'DELETE FROM settlement.transaction',
      'TRUNCATE settlement.transaction',
    ]) {
      await expect(sql(attack)).rejects.toMatchObject({ code: expect.any(String) });
    }
  });
});

describe('an attempt', () => {
  it('is of a submitted payment, as the number that it counts, in an outstanding batch of its asset and chain', async () => {
    const batch = await insertBatch();
    const refused = refusal('attempt_beginning');
    await expect(insertAttempt(await queuedPayment(), batch)).rejects.toEqual(refused);
    await expect(insertAttempt(await submittedPayment(), batch, { n: 2 })).rejects.toEqual(refused);
    await expect(insertAttempt(await submittedPayment({ asset: hex(20) }), batch)).rejects.toEqual(refused);
    await expect(insertAttempt(await submittedPayment({ chain: 'eip155:1' }), batch)).rejects.toEqual(
      refused,
    );
    await expect(insertAttempt(await submittedPayment(), batch, { position: 2 })).rejects.toEqual(refused);
    await expect(insertAttempt(await submittedPayment(), batch, { state: 'displaced' })).rejects.toEqual(
      refused,
    );
    await setBatch(batch, `state = 'displaced'`);
    await expect(insertAttempt(await submittedPayment(), batch)).rejects.toEqual(refused);
  });

  it('is not stored while the outcome of another one is unknown', async () => {
    const payment = await submittedPayment();
    await insertAttempt(payment, await insertBatch());
    await sql(`UPDATE settlement.payment SET state = 'queued' WHERE payment_id = $1::uuid`, [payment]);
    await submit(payment);
    await expect(insertAttempt(payment, await insertBatch({ nonce: 1 }), { n: 2 })).rejects.toEqual(
      refusal('attempt_one_outstanding'),
    );
  });

  it('has its place in the batch alone', async () => {
    const batch = await insertBatch();
    await insertAttempt(await submittedPayment(), batch);
    await expect(insertAttempt(await submittedPayment(), batch)).rejects.toEqual(refusal('attempt_place'));
  });

  it('ends with an event, and with its cost when it was mined', async () => {
    const payment = await submittedPayment();
    await insertAttempt(payment, await insertBatch());
    await expect(setAttempt(payment, `state = 'displaced'`)).rejects.toEqual(refusal('attempt_end_is_told'));
    await expect(setAttempt(payment, `state = 'landed', event_id = gen_random_uuid()`)).rejects.toEqual(
      refusal('attempt_mined_has_its_cost'),
    );
    await setAttempt(payment, ended('landed'));
    await expect(setAttempt(payment, ended('missed'))).rejects.toEqual(refusal('attempt_transition'));
    await expect(setAttempt(payment, ended('displaced'))).rejects.toMatchObject({
      code: 'database_constraint',
    });
  });

  it('that was displaced may still be found mined, and goes nowhere else', async () => {
    const payment = await submittedPayment();
    await insertAttempt(payment, await insertBatch());
    await setAttempt(payment, ended('displaced'));
    await expect(setAttempt(payment, `state = 'outstanding', event_id = NULL`)).rejects.toEqual(
      refusal('attempt_transition'),
    );
    await expect(setAttempt(payment, ended('landed'))).resolves.toEqual([]);
  });

  it('never changes what was signed, and is kept', async () => {
    const payment = await submittedPayment();
    await insertAttempt(payment, await insertBatch());
    await expect(setAttempt(payment, 'position = 1')).rejects.toEqual(refusal('attempt_fixed'));
    await expect(sql('DELETE FROM settlement.attempt')).rejects.toMatchObject({ code: expect.any(String) });
  });
});
