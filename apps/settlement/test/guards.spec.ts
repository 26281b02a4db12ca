import { randomBytes, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { paymentStates, transitions } from '../src/payment/payment.js';

/** Attacks every guard of the settlement schema as the service's own role: a bug in the service must meet a refusal. */

const chain = 'eip155:84532';
const signature = `0x${'5e'.repeat(65)}`;
const hex = (bytes: number) => `0x${randomBytes(bytes).toString('hex')}`;

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await startTestDatabase();
  database = Database.connect({ url: server.serviceUrls.settlement, applicationName: 'guards' });
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
     VALUES ($1::uuid, $2, $3, $4, $3, 1, 0, 1, $5, '${signature}', gen_random_uuid(), now(), $6)`,
    [payment.paymentId, chain, `0x${'cc'.repeat(20)}`, payment.payer, payment.nonce, payment.state],
  );
  return payment;
}

const settled = `settled_by = 'us', settled_transaction = '${hex(32)}', settled_block_number = 1, settled_block_hash = '${hex(32)}',
  settled_block_time = 1, settled_log_index = 0`;

const unsettled =
  'settled_by = NULL, settled_transaction = NULL, settled_block_number = NULL, settled_block_hash = NULL, settled_block_time = NULL, settled_log_index = NULL';

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
  if (to === 'submitted' && (from ?? 'queued') === 'queued') sets.push('attempts = attempts + 1');
  if (to === 'failed') sets.push(`failure_reason = 'x'`);
  if (to === 'failed' || to === 'confirmed') sets.push('outcome_event_id = gen_random_uuid()');
  if (from === 'confirmed' || from === 'failed') sets.push('reorgs = reorgs + 1');
  if (to === 'confirmed') sets.push(settled);
  else if (from === 'confirmed') sets.push(unsettled);
  await database.sql(`UPDATE settlement.payment SET ${sets.join(', ')} WHERE payment_id = $1::uuid`, [
    paymentId,
  ]);
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
    `signature = '0x${'5f'.repeat(65)}'`,
    `method = 'permit2', batch_limit = 1`,
    `scheme = 'upto', method = 'permit2', batch_limit = 1, ceiling = 2, facilitator = '0x${'fa'.repeat(20)}'`,
    `method = 'permit2', batch_limit = 1, sponsoring = '{"kind":"eip2612"}'`,
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
      database.sql(
        `UPDATE settlement.payment SET state = 'confirmed', outcome_event_id = gen_random_uuid() WHERE payment_id = $1::uuid`,
        [queued],
      ),
    ).rejects.toEqual(refusal('payment_settled_is_known'));
  });
});

describe('an outcome', () => {
  const place = async (number: number) => {
    await database.sql(
      `INSERT INTO settlement.follower_cursor (chain_id, block_number, block_hash) VALUES ($1, $2::bigint, $3)
       ON CONFLICT (chain_id) DO UPDATE SET block_number = $2::bigint, block_hash = $3`,
      [chain, number, hex(32)],
    );
  };

  it.each(['submitted', 'queued'])(
    'that is confirmed goes back to %s only after the cursor has left its block',
    async (state) => {
      const paymentId = await paymentIn('confirmed');
      await place(1);
      await expect(move(paymentId, state, 'confirmed')).rejects.toEqual(refusal('payment_reorged_only'));
      await place(0);
      await expect(move(paymentId, state, 'confirmed')).resolves.toBeUndefined();
    },
  );

  it.each(['confirmed', 'failed'])('that is %s goes back only when that is counted', async (state) => {
    const paymentId = await paymentIn(state);
    const cleared = state === 'confirmed' ? `, ${unsettled}` : '';
    await expect(
      database.sql(`UPDATE settlement.payment SET state = 'queued'${cleared} WHERE payment_id = $1::uuid`, [
        paymentId,
      ]),
    ).rejects.toEqual(refusal('payment_reorgs_counted'));
  });

  it.each(['confirmed', 'failed'])('that is %s is told by an event', async (state) => {
    const { paymentId } = await insertPayment();
    const told = state === 'confirmed' ? settled : `failure_reason = 'x'`;
    await expect(
      database.sql(`UPDATE settlement.payment SET state = $2, ${told} WHERE payment_id = $1::uuid`, [
        paymentId,
        state,
      ]),
    ).rejects.toEqual(refusal('payment_outcome_is_told'));
  });

  it('that is failed has a reason', async () => {
    const { paymentId } = await insertPayment();
    await expect(
      database.sql(
        `UPDATE settlement.payment SET state = 'failed', outcome_event_id = gen_random_uuid() WHERE payment_id = $1::uuid`,
        [paymentId],
      ),
    ).rejects.toEqual(refusal('payment_failed_has_a_reason'));
  });
});

describe('the cursor of a chain', () => {
  const other = 'eip155:9';
  const set = (change: string) =>
    database.sql(`UPDATE settlement.follower_cursor SET ${change} WHERE chain_id = '${other}'`);

  beforeAll(async () => {
    await database.sql(
      'INSERT INTO settlement.follower_cursor (chain_id, block_number, block_hash, final_number) VALUES ($1, 9, $2, 5)',
      [other, hex(32)],
    );
  });

  it('goes back as far as the chain may change its mind, and no further', async () => {
    await set('block_number = 5');
    await expect(set('block_number = 4')).rejects.toEqual(refusal('follower_cursor_forward'));
  });

  it('keeps what is final, and its chain', async () => {
    await expect(set('final_number = 4')).rejects.toEqual(refusal('follower_cursor_final'));
    await expect(set(`chain_id = 'eip155:10'`)).rejects.toEqual(refusal('follower_cursor_final'));
  });

  it('is a block with a hash', async () => {
    await expect(set(`block_hash = '0x00'`)).rejects.toMatchObject({ code: 'database_constraint' });
    await expect(set('block_hash = NULL')).rejects.toMatchObject({ code: 'database_constraint' });
  });
});

describe('what is known of a block', () => {
  it('is never another hash for the same number', async () => {
    const insert = () =>
      database.sql('INSERT INTO settlement.block VALUES ($1, 7, $2)', ['eip155:9', hex(32)]);
    await insert();
    await expect(insert()).rejects.toEqual(refusal('block_pkey'));
    await expect(database.sql('UPDATE settlement.block SET block_hash = $1', [hex(32)])).rejects.toThrow(
      /permission denied/,
    );
  });
});

describe('the role of the service', () => {
  it.each(['payment', 'follower_cursor', 'expiry'])(
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
    await expect(database.sql('DROP TRIGGER payment_guard ON settlement.payment')).rejects.toThrow(
      /must be owner/,
    );
  });

  it.each(['facilitator', 'ledger'])('cannot read the schema %s', async (schema) => {
    await expect(database.sql(`SELECT * FROM ${schema}.outbox`)).rejects.toThrow(/permission denied/);
  });

  it('is not the only lock: even the owner cannot delete what was accepted', async () => {
    const owner = Database.connect({ url: server.adminUrl, applicationName: 'guards_owner' });
    try {
      await insertPayment();
      await expect(owner.sql('DELETE FROM settlement.payment')).rejects.toEqual(refusal('payment_kept'));
      await expect(owner.sql('TRUNCATE settlement.payment CASCADE')).rejects.toEqual(
        expect.objectContaining({ constraint: expect.stringMatching(/_kept$/) }),
      );
    } finally {
      await owner.close();
    }
  });
});
