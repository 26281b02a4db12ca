import { randomBytes, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { paymentStates, transitions } from '../src/payment/payment.js';

/** Attacks every guard of the settlement schema as the service's own role: a bug in the service must meet a refusal. */

const chain = 'eip155:84532';
const relayer = `0x${'aa'.repeat(20)}`;
const hex = (bytes: number) => `0x${randomBytes(bytes).toString('hex')}`;

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await startTestDatabase();
  database = Database.connect({ url: server.serviceUrls.settlement, applicationName: 'guards' });
  await database.sql('INSERT INTO settlement.relayer (chain_id, address, next_nonce) VALUES ($1, $2, 0)', [
    chain,
    relayer,
  ]);
}, 60_000);

afterAll(async () => {
  await database?.close();
  await server?.stop();
});

type NewPayment = { paymentId: string; payer: string; nonce: string; state: string };

async function insertPayment(over: Partial<NewPayment> = {}): Promise<NewPayment> {
  const payment = { paymentId: randomUUID(), payer: hex(20), nonce: hex(32), state: 'queued', ...over };
  await database.sql(
    `INSERT INTO settlement.payment (payment_id, chain_id, asset, payer, pay_to, amount, valid_after, valid_before, nonce, signature,
       last_event_id, accepted_at, state)
     VALUES ($1::uuid, $2, $3, $4, $3, 1, 0, 1, $5, '0x00', gen_random_uuid(), now(), $6)`,
    [payment.paymentId, chain, `0x${'cc'.repeat(20)}`, payment.payer, payment.nonce, payment.state],
  );
  return payment;
}

const settled = `settled_by = 'us', settled_transaction = '${hex(32)}', settled_block_number = 1, settled_block_hash = '${hex(32)}',
  settled_block_time = 1, settled_log_index = 0`;

/** Moves a fresh payment to a state by legal steps. */
async function paymentIn(state: string): Promise<string> {
  const { paymentId } = await insertPayment();
  const steps: Record<string, string[]> = {
    queued: [],
    submitted: ['submitted'],
    confirmed: ['confirmed'],
    failed: ['failed'],
    expired: ['expired'],
  };
  for (const step of steps[state] ?? []) await move(paymentId, step);
  return paymentId;
}

async function move(paymentId: string, to: string, from?: string): Promise<void> {
  const sets = [`state = '${to}'`];
  if (to === 'submitted' && from !== 'submitted') sets.push('attempts = attempts + 1');
  if (to === 'failed') sets.push(`failure_reason = 'x'`);
  if (to === 'confirmed') sets.push(settled);
  else if (from === 'confirmed')
    sets.push(
      'settled_by = NULL, settled_transaction = NULL, settled_block_number = NULL, settled_block_hash = NULL, settled_block_time = NULL, settled_log_index = NULL',
    );
  await database.sql(`UPDATE settlement.payment SET ${sets.join(', ')} WHERE payment_id = $1::uuid`, [
    paymentId,
  ]);
}

let nonce = 0;
async function insertAttempt(
  paymentId: string,
  over: { n?: number; nonce?: number; hash?: string; state?: string } = {},
): Promise<string> {
  const attempt = { n: 1, nonce: (nonce += 1), hash: hex(32), state: 'outstanding', ...over };
  await database.sql(
    `INSERT INTO settlement.attempt (payment_id, n, chain_id, relayer, nonce, raw, hash, gas_limit, max_fee_per_gas, max_priority_fee_per_gas, state)
     VALUES ($1::uuid, $2, $3, $4, $5, '0x02', $6, 1, 1, 1, $7)`,
    [paymentId, attempt.n, chain, relayer, attempt.nonce, attempt.hash, attempt.state],
  );
  return attempt.hash;
}

const refusal = (constraint: string) => expect.objectContaining({ code: 'database_constraint', constraint });

describe('a payment', () => {
  it.each(
    paymentStates.flatMap((from) =>
      paymentStates.filter((to) => to !== from).map((to) => [from, to] as const),
    ),
  )('goes from %s to %s only if the state machine does', async (from, to) => {
    const paymentId = await paymentIn(from);
    const legal = transitions.has(`${from}→${to}`);
    if (legal) await expect(move(paymentId, to, from)).resolves.toBeUndefined();
    else
      await expect(move(paymentId, to, from)).rejects.toMatchObject({
        constraint: expect.stringMatching(/^payment_(transition|settled_fixed|attempts_counted)$/),
      });
  });

  it('is unique by id and by its authorization', async () => {
    const { paymentId, payer, nonce: used } = await insertPayment();
    await expect(insertPayment({ paymentId })).rejects.toEqual(refusal('payment_pkey'));
    await expect(insertPayment({ payer, nonce: used })).rejects.toEqual(refusal('payment_identity'));
  });

  it.each(['submitted', 'confirmed', 'failed', 'invented'])('does not begin %s', async (state) => {
    await expect(insertPayment({ state })).rejects.toMatchObject({ code: 'database_constraint' });
  });

  it('has no state outside the machine', async () => {
    const { paymentId } = await insertPayment();
    await expect(move(paymentId, 'invented')).rejects.toMatchObject({ code: 'database_constraint' });
  });

  it.each([
    `pay_to = '0x${'ee'.repeat(20)}'`,
    'amount = 2',
    `signature = '0x01'`,
    `nonce = '0x${'1f'.repeat(32)}'`,
    'valid_before = 99',
    `chain_id = 'eip155:1'`,
  ])('never changes what was authorized: %s', async (change) => {
    const { paymentId } = await insertPayment();
    await expect(
      database.sql(`UPDATE settlement.payment SET ${change} WHERE payment_id = $1::uuid`, [paymentId]),
    ).rejects.toEqual(refusal('payment_authorization_fixed'));
  });

  it('counts attempts only by being submitted', async () => {
    const { paymentId } = await insertPayment();
    await expect(
      database.sql('UPDATE settlement.payment SET attempts = attempts + 1 WHERE payment_id = $1::uuid', [
        paymentId,
      ]),
    ).rejects.toEqual(refusal('payment_attempts_counted'));
  });

  it('keeps what confirmed it, and is not confirmed by nothing', async () => {
    const confirmed = await paymentIn('confirmed');
    await expect(
      database.sql(`UPDATE settlement.payment SET settled_by = 'other' WHERE payment_id = $1::uuid`, [
        confirmed,
      ]),
    ).rejects.toEqual(refusal('payment_settled_fixed'));
    const queued = await paymentIn('queued');
    await expect(
      database.sql(`UPDATE settlement.payment SET state = 'confirmed' WHERE payment_id = $1::uuid`, [queued]),
    ).rejects.toEqual(refusal('payment_settled_is_known'));
  });
});

describe('an attempt', () => {
  let paymentId: string;
  beforeEach(async () => {
    paymentId = await paymentIn('submitted');
  });

  it('takes a nonce that no other has', async () => {
    await insertAttempt(paymentId, { nonce: 1_000_000 });
    await expect(insertAttempt(await paymentIn('submitted'), { nonce: 1_000_000 })).rejects.toEqual(
      refusal('attempt_nonce'),
    );
  });

  it('has a hash that no other has', async () => {
    const hash = await insertAttempt(paymentId);
    await expect(insertAttempt(await paymentIn('submitted'), { hash })).rejects.toEqual(
      refusal('attempt_hash'),
    );
  });

  it('is the only one of its number, and the only one outstanding', async () => {
    await insertAttempt(paymentId);
    await expect(insertAttempt(paymentId)).rejects.toMatchObject({
      constraint: expect.stringMatching(/^attempt_(pkey|one_outstanding)$/),
    });
  });

  it('is not followed by a second one while its outcome is unknown', async () => {
    await insertAttempt(paymentId);
    await move(paymentId, 'queued');
    await move(paymentId, 'submitted');
    await expect(insertAttempt(paymentId, { n: 2 })).rejects.toEqual(refusal('attempt_one_outstanding'));
  });

  it.each(['queued', 'confirmed', 'failed', 'expired'])(
    'is not made for a payment that is %s',
    async (state) => {
      await expect(insertAttempt(await paymentIn(state))).rejects.toEqual(refusal('attempt_beginning'));
    },
  );

  it.each([{ n: 2 }, { state: 'displaced' }])(
    'begins outstanding with the number that the payment counts: not %j',
    async (over) => {
      await expect(insertAttempt(paymentId, over)).rejects.toEqual(refusal('attempt_beginning'));
    },
  );

  it.each([
    `raw = '0x03'`,
    `hash = '0x${'0f'.repeat(32)}'`,
    'nonce = nonce + 5000',
    'gas_limit = 9',
    `relayer = '0x${'bb'.repeat(20)}'`,
    'max_fee_per_gas = 9',
    'n = 3',
  ])('never changes what was signed: %s', async (change) => {
    await insertAttempt(paymentId);
    await expect(
      database.sql(`UPDATE settlement.attempt SET ${change} WHERE payment_id = $1::uuid`, [paymentId]),
    ).rejects.toEqual(refusal('attempt_signed_fixed'));
  });

  it('keeps its outcome', async () => {
    await insertAttempt(paymentId);
    const set = (change: string) =>
      database.sql(`UPDATE settlement.attempt SET ${change} WHERE payment_id = $1::uuid`, [paymentId]);
    await expect(set(`state = 'succeeded'`)).rejects.toEqual(refusal('attempt_mined_has_its_cost'));
    await set(`state = 'succeeded', block_number = 1, gas_used = 1, gas_price = 1, fee = 1`);
    await expect(
      set(`state = 'outstanding', block_number = NULL, gas_used = NULL, gas_price = NULL, fee = NULL`),
    ).rejects.toEqual(refusal('attempt_transition'));
  });
});

describe('a counter', () => {
  it('of nonces never goes back', async () => {
    await database.sql('UPDATE settlement.relayer SET next_nonce = 7 WHERE chain_id = $1', [chain]);
    await expect(
      database.sql('UPDATE settlement.relayer SET next_nonce = 6 WHERE chain_id = $1', [chain]),
    ).rejects.toEqual(refusal('relayer_nonce_forward'));
  });

  it('of blocks never goes back', async () => {
    await database.sql('INSERT INTO settlement.follower_cursor VALUES ($1, 9)', ['eip155:9']);
    await expect(database.sql('UPDATE settlement.follower_cursor SET block_number = 8')).rejects.toEqual(
      refusal('follower_cursor_forward'),
    );
  });
});

describe('the role of the service', () => {
  it.each(['payment', 'attempt', 'relayer', 'follower_cursor', 'expiry'])(
    'cannot delete from settlement.%s, nor empty it',
    async (table) => {
      await expect(database.sql(`DELETE FROM settlement.${table}`)).rejects.toThrow(/permission denied/);
      await expect(database.sql(`TRUNCATE settlement.${table} CASCADE`)).rejects.toThrow(/permission denied/);
    },
  );

  it('cannot take a guard away', async () => {
    await expect(database.sql('ALTER TABLE settlement.payment DISABLE TRIGGER ALL')).rejects.toThrow(
      /must be owner/,
    );
    await expect(database.sql('DROP TRIGGER attempt_guard ON settlement.attempt')).rejects.toThrow(
      /must be owner/,
    );
  });

  it.each(['facilitator', 'ledger'])('cannot read the schema %s', async (schema) => {
    await expect(database.sql(`SELECT * FROM ${schema}.outbox`)).rejects.toThrow(/permission denied/);
  });

  it('is not the only lock: even the owner cannot delete what was signed', async () => {
    const owner = Database.connect({ url: server.adminUrl, applicationName: 'guards_owner' });
    try {
      await insertAttempt(await paymentIn('submitted'));
      await expect(owner.sql('DELETE FROM settlement.attempt')).rejects.toEqual(refusal('attempt_kept'));
      await expect(owner.sql('TRUNCATE settlement.attempt')).rejects.toEqual(refusal('attempt_kept'));
    } finally {
      await owner.close();
    }
  });
});
