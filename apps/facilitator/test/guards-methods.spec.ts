import { randomBytes, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';
import pg from 'pg';

/** Attacks the guards of what payments by either method are, as the service's own role and as a careless owner. */
let database: TestDatabase;
let service: pg.Client;
let admin: pg.Client;

const hash = `0x${'7a'.repeat(32)}`;
const asset = `0x${'03'.repeat(20)}`;
const payer = `0x${'70'.repeat(20)}`;
const relayer = `0x${'f1'.repeat(20)}`;

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

type Fields = Readonly<Record<string, string | number | null>>;

const nonceOf = () => `0x${randomBytes(32).toString('hex')}`;
const exact = (): Fields => ({
  id: randomUUID(),
  chain_id: 'eip155:84532',
  asset,
  payer,
  nonce: nonceOf(),
  pay_to: asset,
  amount: 100,
  valid_after: 0,
  valid_before: 99,
  x402_version: 2,
  network_as_written: 'eip155:84532',
  scheme: 'exact',
  fingerprint: hash,
  last_event_id: randomUUID(),
});
const permit = (): Fields => ({ ...exact(), method: 'permit2' });
const upto = (): Fields => ({ ...permit(), scheme: 'upto', facilitator: relayer, ceiling: 100 });

function insert(fields: Fields, by = service) {
  const names = Object.keys(fields);
  return by.query(
    `INSERT INTO facilitator.payment (${names.join(', ')}) VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')})
     RETURNING state, authority`,
    Object.values(fields),
  );
}

describe('a payment’s authority', () => {
  it('is its asset by EIP-3009, and Permit2 for all assets by Permit2', async () => {
    const permit2 = '0x000000000022d473030f116ddee9f6b43ac78ba3';
    await expect(insert(exact())).resolves.toMatchObject({ rows: [{ authority: asset }] });
    await expect(insert(permit())).resolves.toMatchObject({ rows: [{ authority: permit2 }] });
    for (const by of [service, admin])
      await expect(insert({ ...permit(), authority: asset }, by)).rejects.toMatchObject({ code: '428C9' });
  });

  it('has each nonce once: two payments by Permit2 may not share one, whatever they pay with', async () => {
    const first = permit();
    await insert(first);
    const other = { ...permit(), nonce: first['nonce'] as string, asset: `0x${'04'.repeat(20)}` };
    await expect(insert(other)).rejects.toMatchObject({ constraint: 'payment_identity' });
    await expect(insert({ ...exact(), nonce: first['nonce'] as string })).resolves.toBeDefined();
  });
});

describe('a payment', () => {
  it.each<[string, () => Fields, string]>([
    ['by no method', () => ({ ...exact(), method: 'erc7710' }), 'payment_method'],
    ['by upto with EIP-3009', () => ({ ...upto(), method: 'eip3009' }), 'payment_upto_is_whole'],
    ['by upto for nobody', () => ({ ...upto(), facilitator: null }), 'payment_upto_is_whole'],
    ['by upto without a ceiling', () => ({ ...upto(), ceiling: null }), 'payment_upto_is_whole'],
    ['by exact for one facilitator', () => ({ ...permit(), facilitator: relayer }), 'payment_upto_is_whole'],
    ['above its ceiling', () => ({ ...upto(), amount: 101 }), 'payment_within_ceiling'],
    ['sponsored by EIP-3009', () => ({ ...exact(), sponsoring: 'eip2612' }), 'payment_sponsoring'],
    ['sponsored in an unknown way', () => ({ ...permit(), sponsoring: 'gift' }), 'payment_sponsoring'],
    ['of nothing by exact', () => ({ ...exact(), amount: 0 }), 'payment_waived_is_nothing'],
  ])('is not one %s', async (_case, fields, constraint) => {
    await expect(insert(fields())).rejects.toMatchObject({ constraint });
  });

  it('of nothing by upto is waived at once, and stays so', async () => {
    const fields: Fields = { ...upto(), amount: 0 };
    await expect(insert(fields)).resolves.toMatchObject({ rows: [{ state: 'waived' }] });
    for (const set of [`state = 'accepted'`, `state = 'submitted', transaction_hash = '${hash}'`])
      await expect(
        service.query(
          `UPDATE facilitator.payment SET ${set}, last_event_id = gen_random_uuid() WHERE id = $1`,
          [fields['id']],
        ),
      ).rejects.toMatchObject({ code: '23514' });
    await expect(insert({ ...fields, id: randomUUID(), amount: 50 })).rejects.toMatchObject({
      constraint: 'payment_identity',
    });
  });
});

describe('what is in flight', () => {
  const sum = async (of: string, atTime: number, landed: readonly unknown[] = []) => {
    const { rows } = await service.query<{ sum: string }>(
      `SELECT facilitator.in_flight('eip155:84532', $1, $2, 1, $3, $4::text[])::text AS sum`,
      [asset, of, atTime, landed],
    );
    return Number(rows[0]?.sum);
  };
  const fail = (id: unknown) =>
    service.query(
      `UPDATE facilitator.payment SET state = 'failed', reason = 'x', authorization_spent = false,
              last_event_id = gen_random_uuid() WHERE id = $1`,
      [id],
    );

  it('is the sum of both methods, without what has landed, nonces alike or not', async () => {
    const owner = `0x${'71'.repeat(20)}`;
    const transfer: Fields = { ...exact(), payer: owner };
    const same: Fields = { ...permit(), payer: owner, nonce: transfer['nonce'] as string, amount: 10 };
    for (const fields of [transfer, same, { ...upto(), payer: owner, amount: 1 }]) await insert(fields);
    await expect(sum(owner, 1)).resolves.toBe(111);
    await expect(sum(owner, 1, [transfer['id']])).resolves.toBe(11);
    await expect(sum(owner, 1, [same['id']])).resolves.toBe(101);
  });

  it('ends with the time of EIP-3009, and after the deadline of a permit', async () => {
    const owner = `0x${'72'.repeat(20)}`;
    const both: Fields[] = [
      { ...exact(), payer: owner, amount: 1 },
      { ...permit(), payer: owner, amount: 10 },
    ];
    for (const fields of both) {
      await insert(fields);
      await fail(fields['id']);
    }
    expect([await sum(owner, 98), await sum(owner, 99), await sum(owner, 100)]).toEqual([11, 10, 0]);
  });
});

describe('the trail of verdicts', () => {
  const verdict = `INSERT INTO facilitator.verdict (route, valid, reason, fingerprint, payment_id, x402_version, scheme, network,
    asset, payer, pay_to, amount, block_number, judged_at)
    VALUES ('verify', true, NULL, '${hash}', gen_random_uuid(), 2, 'exact', 'eip155:1', 'a', 'b', 'c', 1, 7, now())`;

  it.each([
    ['a good one with a reason', verdict.replace('NULL', `'x'`), 'verdict_says_why'],
    ['a bad one without', verdict.replace('true', 'false'), 'verdict_says_why'],
    ['a good one of no block', verdict.replace(', 7,', ', NULL,'), 'verdict_valid_is_whole'],
    ['a good one of no payment', verdict.replace('gen_random_uuid()', 'NULL'), 'verdict_valid_is_whole'],
    ['another route', verdict.replace(`'verify'`, `'guess'`), 'verdict_route_check'],
    ['no fingerprint', verdict.replace(hash, '0x12'), 'verdict_fingerprint_check'],
  ])('does not take %s', async (_case, statement, constraint) => {
    await expect(service.query(statement)).rejects.toMatchObject({ constraint });
  });

  it.each([
    `UPDATE facilitator.verdict SET reason = 'y'`,
    'DELETE FROM facilitator.verdict',
    'TRUNCATE facilitator.verdict',
    'DELETE FROM facilitator.verdict_seal',
    `UPDATE facilitator.verdict_seal SET digest = '${hash.slice(2)}'`,
    'TRUNCATE facilitator.verdict_seal',
  ])('is never changed: %s', async (attack) => {
    await service.query(verdict);
    await expect(service.query(attack)).rejects.toMatchObject({ code: '42501' });
    await expect(admin.query(attack)).rejects.toMatchObject({
      constraint: expect.stringMatching(/^verdict(_seal)?_kept$/),
    });
  });

  it('has its places and its seals from nobody but the database', async () => {
    for (const attack of [
      verdict.replace('(route,', '(xact, route,').replace(`('verify'`, `(1, 'verify'`),
      `INSERT INTO facilitator.verdict_seal (seal, from_xact, to_xact, verdicts, digest)
       VALUES (1, 0, 1, 1, '${hash.slice(2)}')`,
    ])
      await expect(service.query(attack)).rejects.toMatchObject({ code: '42501' });
  });
});

describe('a payment’s own id', () => {
  const identifier = 'pay_7d5d747be160e280504c099d984bcfe0';
  const other = `0x${'7b'.repeat(32)}`;
  const known = async (forS: number, by = service) => {
    const payTo = `0x${randomBytes(20).toString('hex')}`;
    await by.query(
      `INSERT INTO facilitator.payment_identifier (chain_id, pay_to, identifier, payload_hash, verify_fingerprint,
                                                   settle_fingerprint, verdict, expires_at)
       VALUES ('eip155:1', $1, $2, $3, $3, $3, '{"ok": true}', now() + $4 * interval '1 second')`,
      [payTo, identifier, hash, forS],
    );
    return payTo;
  };

  it.each([
    ['payload_hash', `'${other}'`],
    ['verify_fingerprint', `'${other}'`],
    ['verify_fingerprint', 'NULL, verdict = NULL'],
    ['settle_fingerprint', `'${other}'`],
    ['settle_fingerprint', 'NULL'],
    ['verdict', `'{"ok": false}'`],
    ['verdict', 'NULL'],
    ['verdict_until', "now() + interval '1 day'"],
    ['expires_at', 'now()'],
  ])('keeps its %s (%s) until it is forgotten', async (column, value) => {
    const change = `UPDATE facilitator.payment_identifier SET ${column} = ${value} WHERE pay_to = $1`;
    await expect(service.query(change, [await known(60)])).rejects.toMatchObject({
      constraint: 'payment_identifier_fixed',
    });
    await expect(service.query(change, [await known(-60)])).resolves.toMatchObject({ rowCount: 1 });
  });

  it('is not removed before its time, nor named anew', async () => {
    const remove = 'DELETE FROM facilitator.payment_identifier WHERE pay_to = $1';
    for (const by of [service, admin])
      await expect(by.query(remove, [await known(60)])).rejects.toMatchObject({
        constraint: 'payment_identifier_kept',
      });
    await expect(service.query(remove, [await known(-60)])).resolves.toMatchObject({ rowCount: 1 });
    const rename = `UPDATE facilitator.payment_identifier SET identifier = 'another_identifier' WHERE pay_to = $1`;
    await expect(service.query(rename, [await known(60)])).rejects.toMatchObject({ code: '42501' });
    await expect(admin.query(rename, [await known(-60)])).rejects.toMatchObject({
      constraint: 'payment_identifier_fixed',
    });
    await expect(service.query('TRUNCATE facilitator.payment_identifier')).rejects.toMatchObject({
      code: '42501',
    });
    await expect(admin.query('TRUNCATE facilitator.payment_identifier')).rejects.toMatchObject({
      constraint: 'payment_identifier_kept',
    });
  });
});
