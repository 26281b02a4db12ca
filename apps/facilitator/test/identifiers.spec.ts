import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import type { IdentifierClaim } from '../src/identifier/payment-identifier.js';
import { PaymentIdentifiers } from '../src/identifier/payment-identifier.repository.js';

let server: TestDatabase;
let databases: readonly [Database, Database];
let replicas: readonly [PaymentIdentifiers, PaymentIdentifiers];

beforeAll(async () => {
  server = await startTestDatabase();
  const connect = () => Database.connect({ url: server.serviceUrls.facilitator, applicationName: 'test' });
  databases = [connect(), connect()];
  replicas = [new PaymentIdentifiers(databases[0]), new PaymentIdentifiers(databases[1])];
}, 60_000);

afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await server.stop();
});

const hashOf = () => `0x${randomBytes(32).toString('hex')}`;

function claimOf(changes: Partial<IdentifierClaim> = {}): IdentifierClaim {
  return {
    network: 'eip155:84532',
    payTo: `0x${'3c'.repeat(20)}`,
    identifier: `pay_${randomBytes(16).toString('hex')}`,
    payloadHash: hashOf(),
    route: 'verify',
    fingerprint: hashOf(),
    ...changes,
  };
}

describe('an id', () => {
  it('stands for the first payload that came with it, over replicas, however many come at once', async () => {
    const rivals = Array.from({ length: 20 }, () => claimOf({ identifier: 'pay_of_many_rivals_0001' }));
    const known = await Promise.all(
      rivals.map((claim, index) => (replicas[index % 2] as PaymentIdentifiers).claim(claim)),
    );
    const [winner, ...others] = [...new Set(known.map(({ payloadHash }) => payloadHash))];
    expect(others).toEqual([]);
    expect(rivals.map(({ payloadHash }) => payloadHash)).toContain(winner);
  });

  it('does not stand in the way of many others that share ids with it in another order', async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `pay_in_another_order_${index}`);
    const all = (order: readonly string[], replica: PaymentIdentifiers) =>
      Promise.all(order.map((identifier) => replica.claim(claimOf({ identifier }))));
    await Promise.all([all(ids, replicas[0]), all([...ids].reverse(), replicas[1]), all(ids, replicas[1])]);
  });

  it('means something to one seller on one network only', async () => {
    const claim = claimOf();
    await replicas[0].claim(claim);
    const elsewhere = [{ payTo: `0x${'4d'.repeat(20)}` }, { network: 'eip155:8453' }].map((place) =>
      claimOf({ identifier: claim.identifier, ...place }),
    );
    for (const other of elsewhere)
      await expect(replicas[1].claim(other)).resolves.toMatchObject({ payloadHash: other.payloadHash });
  });

  it('keeps one verdict, the first, and has one request a route', async () => {
    const claim = claimOf();
    await expect(replicas[0].claim(claim)).resolves.toMatchObject({
      verifyFingerprint: claim.fingerprint,
      settleFingerprint: null,
      verified: null,
    });
    const refusal = { ok: false, reason: 'insufficient_funds', message: 'none' } as const;
    await expect(replicas[0].keep(claim, { ok: true })).resolves.toEqual({ ok: true });
    await expect(replicas[1].keep(claim, refusal)).resolves.toEqual({ ok: true });
    const settling = { ...claim, route: 'settle', fingerprint: hashOf() } as const;
    await expect(replicas[1].claim(settling)).resolves.toMatchObject({
      verifyFingerprint: claim.fingerprint,
      settleFingerprint: settling.fingerprint,
      verified: { ok: true },
    });
    await expect(replicas[0].claim({ ...claim, fingerprint: hashOf() })).resolves.toMatchObject({
      verifyFingerprint: claim.fingerprint,
    });
  });

  it('is remembered for a day when it was used, for a minute when its payment was refused, and then forgotten', async () => {
    const [used, refused] = [claimOf(), claimOf()];
    for (const claim of [used, refused]) await replicas[0].claim(claim);
    await replicas[0].keep(used, { ok: true });
    await replicas[0].keep(refused, { ok: false, reason: 'insufficient_funds', message: 'none' });
    const left = async ({ identifier }: IdentifierClaim) => {
      const [row] = await databases[0].sql<{ s: number }>(
        `SELECT round(extract(epoch FROM expires_at - clock_timestamp()))::int AS s
           FROM facilitator.payment_identifier WHERE identifier = $1`,
        [identifier],
      );
      return row?.s;
    };
    expect([await left(used), await left(refused)]).toEqual([
      expect.closeTo(86_400, -1),
      expect.closeTo(60, -1),
    ]);
    await expect(replicas[0].forget()).resolves.toBe(0);
    await databases[0].sql(
      `INSERT INTO facilitator.payment_identifier (chain_id, pay_to, identifier, payload_hash, expires_at)
       VALUES ('eip155:84532', $1, 'pay_that_is_long_over', $2, now() - interval '1 second')`,
      [used.payTo, hashOf()],
    );
    const anew = claimOf({ identifier: 'pay_that_is_long_over' });
    await expect(replicas[1].claim(anew)).resolves.toMatchObject({ payloadHash: anew.payloadHash });
    await databases[0].sql(
      `INSERT INTO facilitator.payment_identifier (chain_id, pay_to, identifier, payload_hash, expires_at)
       VALUES ('eip155:84532', $1, 'pay_that_is_also_over', $2, now() - interval '1 second')`,
      [used.payTo, hashOf()],
    );
    await expect(replicas[0].forget()).resolves.toBe(1);
  });
});
