import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';
import pg from 'pg';

import { moves } from '../src/payment/transition.js';
import { paymentStates } from '../src/payment/payment.js';

/** Attacks each guard of the registry as the service's own role, and the triggers as an owner who forgot them. */
let database: TestDatabase;
let service: pg.Client;
let admin: pg.Client;

const hash = `0x${'7a'.repeat(32)}`;
const insert = `INSERT INTO facilitator.payment (id, chain_id, asset, payer, nonce, pay_to, amount, valid_after, valid_before,
  x402_version, network_as_written, scheme, resource, fingerprint, last_event_id)
  VALUES ($1, 'eip155:84532', $2, $3, $4, $2, $5, 0, 99, 2, 'eip155:84532', 'exact', NULL, $6, $7)`;

function row(amount = '10000'): unknown[] {
  const nonce = `0x${randomUUID().replaceAll('-', '').repeat(2)}`;
  return [randomUUID(), `0x${'03'.repeat(20)}`, `0x${'70'.repeat(20)}`, nonce, amount, hash, randomUUID()];
}

async function accepted(): Promise<string> {
  const values = row();
  await service.query(insert, values);
  return values[0] as string;
}

/** Nothing to settle of what was permitted: it begins and ends at once. */
async function waived(): Promise<string> {
  const values = row('0');
  await service.query(
    insert
      .replace('last_event_id)', 'last_event_id, method, facilitator, ceiling)')
      .replace("'exact'", "'upto'")
      .replace('$7)', `$7, 'permit2', '0x${'f1'.repeat(20)}', 10000)`),
    values,
  );
  return values[0] as string;
}

const facts: Readonly<Record<string, string>> = {
  accepted: '',
  submitted: `, transaction_hash = '${hash}', block_number = NULL, reason = NULL, detail = NULL, authorization_spent = NULL`,
  confirmed: `, transaction_hash = '${hash}', block_number = 7`,
  failed: `, reason = 'insufficient_funds', authorization_spent = false`,
  expired: '',
};

function moveTo(id: string, state: string): Promise<unknown> {
  return service.query(
    `UPDATE facilitator.payment SET state = $2, last_event_id = $3${facts[state] ?? ''} WHERE id = $1`,
    [id, state, randomUUID()],
  );
}

async function paymentIn(state: string): Promise<string> {
  if (state === 'waived') return waived();
  const id = await accepted();
  if (state !== 'accepted') await moveTo(id, state);
  return id;
}

beforeAll(async () => {
  database = await startTestDatabase();
  service = new pg.Client({ connectionString: database.serviceUrls.facilitator });
  admin = new pg.Client({ connectionString: database.adminUrl });
  await Promise.all([service.connect(), admin.connect()]);
}, 60_000);

afterAll(async () => {
  await Promise.all([service.end(), admin.end()]);
  await database.stop();
});

describe('the state of a payment', () => {
  const pairs = paymentStates.flatMap((from) =>
    paymentStates.filter((to) => to !== from).map((to) => [from, to] as const),
  );

  it.each(pairs)('moves from %s to %s only as the machine does', async (from, to) => {
    const moved = moveTo(await paymentIn(from), to);
    if (moves[from].includes(to)) await expect(moved).resolves.toBeDefined();
    else
      await expect(moved).rejects.toMatchObject({
        code: '23514',
        constraint: expect.stringMatching(/payment_(transition|confirmed_fixed)/),
      });
  });

  it.each(['submitted', 'confirmed', 'failed', 'expired', 'waived'])('cannot begin as %s', async (state) => {
    await expect(
      service.query(
        insert.replace('last_event_id)', 'last_event_id, state)').replace('$7)', `$7, '${state}')`),
        row(),
      ),
    ).rejects.toMatchObject({ code: '42501' });
    await expect(
      admin.query(
        insert.replace('last_event_id)', 'last_event_id, state)').replace('$7)', `$7, '${state}')`),
        row(),
      ),
    ).rejects.toMatchObject({
      constraint: 'payment_beginning',
    });
  });

  it('is nothing that the machine does not know', async () => {
    await expect(moveTo(await accepted(), 'settled')).rejects.toMatchObject({ code: '23514' });
  });

  it.each([
    ['submitted', 'payment_submitted_has_a_hash'],
    ['confirmed', 'payment_confirmed_is_located'],
    ['failed', 'payment_failed_has_a_reason'],
  ])('%s needs its facts', async (state, constraint) => {
    const bare = `UPDATE facilitator.payment SET state = $2, last_event_id = $3 WHERE id = $1`;
    await expect(service.query(bare, [await accepted(), state, randomUUID()])).rejects.toMatchObject({
      constraint,
    });
  });

  it('changes only with a new event behind it', async () => {
    const id = await accepted();
    await expect(
      service.query(`UPDATE facilitator.payment SET state = 'expired' WHERE id = $1`, [id]),
    ).rejects.toMatchObject({ constraint: 'payment_event_named' });
  });

  it('goes back from confirmed and failed with the hash it had and nothing of its outcome, and no other way', async () => {
    const other = `0x${'7b'.repeat(32)}`;
    const back = `state = 'submitted', block_number = NULL, reason = NULL, detail = NULL, authorization_spent = NULL`;
    const change = (id: string, set: string) =>
      service.query(`UPDATE facilitator.payment SET ${set} WHERE id = $1`, [id]);
    const event = () => `last_event_id = '${randomUUID()}'`;
    for (const from of ['confirmed', 'failed']) {
      const id = await paymentIn('submitted');
      await moveTo(id, from);
      const attacks: ReadonlyArray<readonly [string, RegExp]> = [
        [back, /payment_event_named/],
        [`${back}, transaction_hash = '${other}', ${event()}`, /payment_(confirmed_fixed|way_back)/],
        [`${back}, transaction_hash = NULL, ${event()}`, /payment_(confirmed_fixed|hash_kept)/],
        [
          `${back.replace('block_number = NULL', `block_number = 8`)}, ${event()}`,
          /payment_undecided_has_no_outcome/,
        ],
        [`${back.replace('reason = NULL', `reason = 'x'`)}, ${event()}`, /payment_undecided_has_no_outcome/],
        [
          `${back.replace('authorization_spent = NULL', `authorization_spent = true`)}, ${event()}`,
          /payment_undecided_has_no_outcome/,
        ],
        [`state = 'accepted', ${event()}`, /payment_(confirmed_fixed|transition)/],
        [`state = 'expired', ${event()}`, /payment_(confirmed_fixed|transition)/],
      ];
      for (const [set, constraint] of attacks)
        await expect(change(id, set)).rejects.toMatchObject({
          constraint: expect.stringMatching(constraint),
        });
      await expect(change(id, `${back}, ${event()}`)).resolves.toMatchObject({ rowCount: 1 });
    }
    for (const set of [`${event()}`, 'updated_at = now()', `transaction_hash = '${other}', ${event()}`])
      await expect(change(await paymentIn('confirmed'), set)).rejects.toMatchObject({
        constraint: 'payment_confirmed_fixed',
      });
  });

  it('never loses a hash, and never changes once confirmed', async () => {
    const submitted = await paymentIn('submitted');
    await expect(
      service.query(
        `UPDATE facilitator.payment SET state = 'failed', reason = 'x', authorization_spent = true, transaction_hash = NULL, last_event_id = $2 WHERE id = $1`,
        [submitted, randomUUID()],
      ),
    ).rejects.toMatchObject({ constraint: 'payment_hash_kept' });
    const confirmed = await paymentIn('confirmed');
    await expect(
      service.query(`UPDATE facilitator.payment SET block_number = 8 WHERE id = $1`, [confirmed]),
    ).rejects.toMatchObject({ constraint: 'payment_confirmed_fixed' });
  });
});

describe('who pays whom how much', () => {
  const columns: ReadonlyArray<readonly [string, string]> = [
    ['id', `gen_random_uuid()`],
    ['chain_id', `'eip155:1'`],
    ['asset', `'0x${'aa'.repeat(20)}'`],
    ['payer', `'0x${'aa'.repeat(20)}'`],
    ['nonce', `'0x${'aa'.repeat(32)}'`],
    ['pay_to', `'0x${'aa'.repeat(20)}'`],
    ['amount', '1'],
    ['valid_after', '1'],
    ['valid_before', '1'],
    ['x402_version', '1'],
    ['network_as_written', `'base'`],
    ['scheme', `'upto'`],
    ['method', `'permit2'`],
    ['facilitator', `'0x${'aa'.repeat(20)}'`],
    ['ceiling', '1'],
    ['sponsoring', `'eip2612'`],
    ['resource', `'x'`],
    ['fingerprint', `'0x${'aa'.repeat(32)}'`],
    ['accepted_at', `now() + interval '1 second'`],
  ];

  it.each(columns)('keeps its %s, whoever tries', async (column, value) => {
    const id = await accepted();
    const change = `UPDATE facilitator.payment SET ${column} = ${value} WHERE id = $1`;
    await expect(service.query(change, [id])).rejects.toMatchObject({ code: '42501' });
    await expect(admin.query(change, [id])).rejects.toMatchObject({ constraint: 'payment_fixed' });
  });

  it('is one payment for one authorization', async () => {
    const values = row();
    await service.query(insert, values);
    await expect(service.query(insert, [randomUUID(), ...values.slice(1)])).rejects.toMatchObject({
      constraint: 'payment_identity',
    });
  });

  it.each(['-1', (2n ** 256n).toString()])('is never an amount of %s', async (amount) => {
    await expect(service.query(insert, row(amount))).rejects.toMatchObject({ code: '23514' });
  });

  it('is never removed', async () => {
    const id = await accepted();
    await expect(service.query('DELETE FROM facilitator.payment WHERE id = $1', [id])).rejects.toMatchObject({
      code: '42501',
    });
    await expect(service.query('TRUNCATE facilitator.payment CASCADE')).rejects.toMatchObject({
      code: '42501',
    });
    await expect(admin.query('DELETE FROM facilitator.payment WHERE id = $1', [id])).rejects.toMatchObject({
      constraint: 'payment_kept',
    });
    await expect(admin.query('TRUNCATE facilitator.payment CASCADE')).rejects.toMatchObject({
      code: '23001',
    });
  });
});

const passing = `UPDATE facilitator.payment
    SET state = 'confirmed', transaction_hash = '${hash}', block_number = 7, authorization_spent = true,
        passed_event_id = $2, last_event_id = $3
  WHERE id = $1`;

describe('the audit trail', () => {
  it('has a row for every change, with the event behind it, though the service may not write it', async () => {
    const id = await paymentIn('submitted');
    await moveTo(id, 'confirmed');
    const { rows } = await service.query(
      'SELECT from_state, to_state, transaction_hash FROM facilitator.payment_transition WHERE payment_id = $1 ORDER BY sequence',
      [id],
    );
    expect(rows).toEqual([
      { from_state: null, to_state: 'accepted', transaction_hash: null },
      { from_state: 'accepted', to_state: 'submitted', transaction_hash: hash },
      { from_state: 'submitted', to_state: 'confirmed', transaction_hash: hash },
    ]);
  });

  it('has the broadcast that was passed on the way to an outcome', async () => {
    const [id, broadcast, outcome] = [await accepted(), randomUUID(), randomUUID()];
    await service.query(passing, [id, broadcast, outcome]);
    const { rows } = await service.query(
      'SELECT from_state, to_state, event_id, transaction_hash FROM facilitator.payment_transition WHERE payment_id = $1 ORDER BY sequence',
      [id],
    );
    expect(rows.slice(1)).toEqual([
      { from_state: 'accepted', to_state: 'submitted', event_id: broadcast, transaction_hash: hash },
      { from_state: 'submitted', to_state: 'confirmed', event_id: outcome, transaction_hash: hash },
    ]);
  });

  it('takes no broadcast for passed that has its own step, comes without an outcome, or is the outcome', async () => {
    const passed = { constraint: 'payment_passed' };
    const [broadcast, outcome] = [randomUUID(), randomUUID()];
    const submitted = await paymentIn('submitted');
    await expect(service.query(passing, [submitted, broadcast, outcome])).rejects.toMatchObject(passed);
    const id = await accepted();
    await expect(service.query(passing, [id, outcome, outcome])).rejects.toMatchObject(passed);
    const bare = 'UPDATE facilitator.payment SET passed_event_id = $2 WHERE id = $1';
    await expect(service.query(bare, [submitted, broadcast])).rejects.toMatchObject(passed);
    await expect(service.query(bare, [id, broadcast])).rejects.toMatchObject({
      constraint: 'payment_passed_with_hash',
    });
    await service.query(passing, [id, broadcast, outcome]);
    for (const other of [null, randomUUID()])
      await expect(service.query(bare, [id, other])).rejects.toMatchObject(passed);
  });

  it.each([
    [
      `INSERT INTO facilitator.payment_transition (payment_id, to_state, event_id) VALUES (gen_random_uuid(), 'confirmed', gen_random_uuid())`,
    ],
    [`UPDATE facilitator.payment_transition SET to_state = 'failed'`],
    ['DELETE FROM facilitator.payment_transition'],
    ['TRUNCATE facilitator.payment_transition'],
  ])('refuses the service: %s', async (attack) => {
    await accepted();
    await expect(service.query(attack)).rejects.toMatchObject({ code: '42501' });
    if (!attack.startsWith('INSERT'))
      await expect(admin.query(attack)).rejects.toMatchObject({ constraint: 'payment_transition_kept' });
  });
});

describe('an attempt', () => {
  const columns = `(payment_id, attempt, version, transaction_hash, relayer, relayer_nonce, batch_size, submitted_at, outcome)`;
  const attempt = async (values = `1, 1, '${hash}', '0x${'f3'.repeat(20)}', 1, 1, now(), 'pending'`) => {
    const id = await accepted();
    await service.query(`INSERT INTO facilitator.payment_attempt ${columns} VALUES ($1, ${values})`, [id]);
    return id;
  };

  it.each([
    ['payment_id', 'gen_random_uuid()'],
    ['attempt', '2'],
    ['version', '2'],
    ['transaction_hash', `'0x${'aa'.repeat(32)}'`],
    ['relayer', `'0x${'aa'.repeat(20)}'`],
    ['relayer_nonce', '2'],
    ['batch_size', '2'],
    ['submitted_at', `now() + interval '1 second'`],
  ])('keeps its %s, whoever tries', async (column, value) => {
    const id = await attempt();
    const change = `UPDATE facilitator.payment_attempt SET ${column} = ${value} WHERE payment_id = $1`;
    await expect(service.query(change, [id])).rejects.toMatchObject({ code: '42501' });
    await expect(admin.query(change, [id])).rejects.toMatchObject({ constraint: 'payment_attempt_fixed' });
  });

  it.each([
    [`outcome = 'settled'`, 'payment_attempt_outcome_told'],
    [`outcome = 'settled', outcome_event_id = gen_random_uuid()`, 'payment_attempt_settled_is_located'],
    [
      `outcome = 'displaced', fee = 1, outcome_event_id = gen_random_uuid()`,
      'payment_attempt_unmined_is_free',
    ],
    [`outcome = 'lost', outcome_event_id = gen_random_uuid()`, 'payment_attempt_outcome_check'],
    [`outcome = 'reverted', outcome_event_id = gen_random_uuid(), fee = -1`, 'payment_attempt_fee_check'],
  ])('cannot end with %s', async (set, constraint) => {
    const id = await attempt();
    await expect(
      service.query(`UPDATE facilitator.payment_attempt SET ${set} WHERE payment_id = $1`, [id]),
    ).rejects.toMatchObject({ constraint });
  });

  it('has a relayer, and belongs to a payment', async () => {
    await expect(attempt(`1, 1, '${hash}', NULL, NULL, NULL, now(), 'pending'`)).rejects.toMatchObject({
      constraint: 'payment_attempt_first_is_whole',
    });
    await expect(
      service.query(
        `INSERT INTO facilitator.payment_attempt ${columns} VALUES (gen_random_uuid(), 1, 2, '${hash}', NULL, NULL, NULL, now(), 'pending')`,
      ),
    ).rejects.toMatchObject({ code: '23503' });
  });

  it.each(['DELETE FROM facilitator.payment_attempt', 'TRUNCATE facilitator.payment_attempt'])(
    'is never removed: %s',
    async (attack) => {
      await attempt();
      await expect(service.query(attack)).rejects.toMatchObject({ code: '42501' });
      await expect(admin.query(attack)).rejects.toMatchObject({ constraint: 'payment_attempt_kept' });
    },
  );
});

describe('a chain', () => {
  let next = 1;
  const chain = async () => {
    next += 1;
    await service.query(
      `INSERT INTO facilitator.chain (chain_id, final_block, suspended_reason, suspended_detail, suspension_changed_at)
       VALUES ($1, 7, 'relayers_unfunded', 'none', '2026-11-20T12:00:00Z')`,
      [`eip155:${next}`],
    );
    return `eip155:${next}`;
  };

  it.each([
    ['final_block = 6', 'chain_final_forward'],
    ['final_block = NULL', 'chain_final_forward'],
    [`suspension_changed_at = '2026-11-20T11:59:59Z'`, 'chain_suspension_forward'],
    ['suspension_changed_at = NULL', 'chain_suspension_forward'],
    ['suspended_reason = NULL', 'chain_suspension_whole'],
  ])('never goes back to %s', async (set, constraint) => {
    const change = `UPDATE facilitator.chain SET ${set} WHERE chain_id = $1`;
    await expect(service.query(change, [await chain()])).rejects.toMatchObject({ constraint });
  });

  it('is what it is, and stays', async () => {
    const id = await chain();
    const rename = `UPDATE facilitator.chain SET chain_id = 'eip155:999999' WHERE chain_id = $1`;
    await expect(service.query(rename, [id])).rejects.toMatchObject({ code: '42501' });
    await expect(admin.query(rename, [id])).rejects.toMatchObject({ constraint: 'chain_final_forward' });
    for (const attack of ['DELETE FROM facilitator.chain', 'TRUNCATE facilitator.chain']) {
      await expect(service.query(attack)).rejects.toMatchObject({ code: '42501' });
      await expect(admin.query(attack)).rejects.toMatchObject({ constraint: 'chain_kept' });
    }
  });
});

describe('the role', () => {
  it.each(['settlement.payment', 'ledger.entry', 'settlement.outbox'])('does not reach %s', async (table) => {
    await expect(service.query(`SELECT * FROM ${table}`)).rejects.toMatchObject({ code: '42501' });
  });

  it.each([
    'ALTER TABLE facilitator.payment DISABLE TRIGGER ALL',
    'DROP TRIGGER payment_guard ON facilitator.payment',
    'CREATE TABLE facilitator.mine (a int)',
  ])('may not: %s', async (attack) => {
    await expect(service.query(attack)).rejects.toMatchObject({ code: '42501' });
  });
});
