import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database, DatabaseUnavailableError } from '@quittance/database';
import { createLogger } from '@quittance/observability';
import type { PaymentId } from '@quittance/protocol';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';
import pg from 'pg';

import { Sealer } from '../src/verdict/seal.loop.js';
import type { VerdictRecord } from '../src/verdict/verdict-record.js';
import { VerdictRepository } from '../src/verdict/verdict.repository.js';
import { verdictsQuery } from '../src/verdict/verdict.schema.js';
import { VerdictTrail } from '../src/verdict/verdict-trail.adapter.js';
import { eventually } from './stack.fixture.js';

let server: TestDatabase;
let database: Database;
const lines: string[] = [];
const logger = createLogger({
  service: 'facilitator',
  level: 'debug',
  destination: { write: (line: string) => void lines.push(line) },
});

beforeAll(async () => {
  server = await startTestDatabase();
  database = Database.connect({ url: server.serviceUrls.facilitator, applicationName: 'test' });
}, 60_000);

afterAll(async () => {
  await database.close();
  await server.stop();
});

const hash = `0x${'7a'.repeat(32)}`;
let nextPayer = 1;

function recordOf(changes: Partial<VerdictRecord> = {}): VerdictRecord {
  nextPayer += 1;
  return {
    route: 'verify',
    reason: 'insufficient_funds',
    fingerprint: hash,
    paymentId: randomUUID() as PaymentId,
    x402Version: 2,
    scheme: 'exact',
    network: 'eip155:84532',
    asset: `0x${'03'.repeat(20)}`,
    payer: `0x${nextPayer.toString(16).padStart(40, '0')}`,
    payTo: `0x${'3c'.repeat(20)}`,
    amount: '10000',
    blockNumber: 7n,
    judgedAt: new Date('2026-11-27T10:00:00.000Z'),
    ...changes,
  };
}

const good = (changes: Partial<VerdictRecord> = {}) => recordOf({ reason: null, ...changes });

async function countOf(payer: string | null): Promise<number> {
  const rows = await database.sql('SELECT 1 FROM facilitator.verdict WHERE payer = $1', [payer]);
  return rows.length;
}

/** A database that does not answer while it is told so, and counts statements. */
class Moody {
  isDown = false;
  statements = 0;
  readonly sql: Database['sql'] = async (text, values) => {
    this.statements += 1;
    if (this.isDown) throw new DatabaseUnavailableError('down');
    return database.sql(text, values);
  };
}

describe('the trail', () => {
  it('has a good verdict before it is answered, many in few statements, and nothing where there was no commit', async () => {
    const moody = new Moody();
    const trail = new VerdictTrail({ database: moody, logger });
    const records = Array.from({ length: 300 }, () => good());
    await Promise.all(records.map((record) => trail.keep(record)));
    expect(moody.statements).toBeLessThan(10);
    for (const { payer } of records.slice(0, 5)) await expect(countOf(payer)).resolves.toBe(1);
    moody.isDown = true;
    const lost = good();
    await expect(trail.keep(lost)).rejects.toBeInstanceOf(DatabaseUnavailableError);
    await expect(countOf(lost.payer)).resolves.toBe(0);
  });

  it('writes refusals behind, all of them, once the database answers again', async () => {
    const moody = new Moody();
    moody.isDown = true;
    const trail = new VerdictTrail({ database: moody, logger, behindMs: 10 });
    trail.start();
    const records = Array.from({ length: 700 }, () => recordOf());
    for (const record of records) await trail.keep(record);
    await eventually(() => moody.statements > 0);
    expect(trail.behind).toBe(700);
    moody.isDown = false;
    await eventually(() => trail.behind === 0);
    await trail.close();
    for (const { payer } of [records[0], records[699]] as VerdictRecord[])
      await expect(countOf(payer)).resolves.toBe(1);
  });

  it('lets a refusal wait until it is safe while too many others are not: none is lost', async () => {
    const moody = new Moody();
    const trail = new VerdictTrail({ database: moody, logger, behindMax: 2 });
    const records = [recordOf(), recordOf(), recordOf()] as const;
    for (const record of records) await trail.keep(record);
    expect([trail.behind, await countOf(records[2].payer)]).toEqual([2, 1]);
    moody.isDown = true;
    await expect(trail.keep(recordOf())).rejects.toBeInstanceOf(DatabaseUnavailableError);
    moody.isDown = false;
    await trail.close();
    expect([trail.behind, await countOf(records[0].payer)]).toEqual([0, 1]);
  });

  it('is not held up by one that the database will never take', async () => {
    const trail = new VerdictTrail({ database, logger });
    const [before, bad, after] = [recordOf(), recordOf({ fingerprint: 'none' }), recordOf()];
    for (const record of [before, bad, after]) await trail.keep(record);
    await trail.close();
    expect([await countOf(before.payer), await countOf(bad.payer), await countOf(after.payer)]).toEqual([
      1, 0, 1,
    ]);
    expect(lines.some((line) => line.includes('cannot be kept'))).toBe(true);
    const settled = await Promise.allSettled([trail.keep(good()), trail.keep(good({ fingerprint: 'none' }))]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });
});

describe('the pages of the trail', () => {
  const at = (second: number) => new Date(Date.UTC(2026, 10, 28, 0, 0, second));
  const payer = `0x${'ab'.repeat(20)}`;
  const page = (query: Record<string, string>) =>
    new VerdictRepository(database).page(verdictsQuery.parse(query));

  it('hold each verdict once, the newest first, whatever is added meanwhile', async () => {
    const trail = new VerdictTrail({ database, logger });
    for (let second = 0; second < 10; second += 1)
      await trail.keep(good({ payer, judgedAt: at(second % 5) }));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const { items, nextCursor } = await page({ payer, limit: '3', ...(cursor === null ? {} : { cursor }) });
      seen.push(...items.map(({ judgedAt, sequence }) => `${judgedAt} ${sequence.padStart(9, '0')}`));
      cursor = nextCursor;
      await trail.keep(good({ payer, judgedAt: at(30) }));
    } while (cursor !== null);
    expect(new Set(seen).size).toBe(10);
    expect(seen).toEqual([...seen].sort().reverse());
  });

  it('are of a payer, a payee, a reason and a time', async () => {
    const trail = new VerdictTrail({ database, logger });
    const payTo = `0x${'cd'.repeat(20)}`;
    await trail.keep(good({ payTo, judgedAt: at(1) }));
    await trail.keep(recordOf({ payTo, judgedAt: at(2) }));
    await trail.keep(recordOf({ payTo, judgedAt: at(3), reason: 'payment_expired', blockNumber: null }));
    await trail.close();
    const reasons = async (query: Record<string, string>) =>
      (await page({ payee: payTo.toUpperCase().replace('0X', '0x'), ...query })).items.map(
        ({ reason }) => reason,
      );
    await expect(reasons({})).resolves.toEqual(['payment_expired', 'insufficient_funds', null]);
    await expect(reasons({ reason: 'payment_expired' })).resolves.toEqual(['payment_expired']);
    await expect(reasons({ from: at(2).toISOString(), to: at(3).toISOString() })).resolves.toEqual([
      'insufficient_funds',
    ]);
    await expect(reasons({ payer })).resolves.toEqual([]);
  });
});

describe('the seals', () => {
  const admin = async (work: (client: pg.Client) => Promise<void>) => {
    const client = new pg.Client({ connectionString: server.adminUrl });
    await client.connect();
    try {
      await work(client);
    } finally {
      await client.end();
    }
  };
  const broken = () =>
    database.sql<{ problem: string }>('SELECT seal, problem FROM facilitator.broken_seals()');

  it('cover every verdict, once, in the order of their transactions, however these overlap', async () => {
    const sealer = new Sealer(database, logger);
    while ((await sealer.seal(10_000)) > 0);
    const open = new pg.Client({ connectionString: server.serviceUrls.facilitator });
    await open.connect();
    await open.query('BEGIN');
    const insert = `INSERT INTO facilitator.verdict (route, valid, reason, fingerprint, x402_version, scheme, network, asset,
      payer, pay_to, amount, judged_at) VALUES ('verify', false, 'x', '${hash}', 2, 'exact', 'e', 'a', 'late', 'c', 1, now())`;
    await open.query(insert);
    const trail = new VerdictTrail({ database, logger });
    await trail.keep(good({ payer: 'early' }));
    // The one that was begun first is not there yet, and so nothing of its time or after it is sealed.
    await expect(sealer.seal(10_000)).resolves.toBe(0);
    await open.query('COMMIT');
    await open.end();
    await eventually(async () => (await sealer.seal(10_000)) === 2);
    const [sums] = await database.sql<{ sealed: string; all: string }>(
      `SELECT (SELECT sum(verdicts) FROM facilitator.verdict_seal) AS sealed, (SELECT count(*) FROM facilitator.verdict) AS all`,
    );
    expect(sums?.sealed).toBe(sums?.all);
    expect(lines.filter((line) => line.includes('verdicts sealed')).length).toBeGreaterThan(1);
    await expect(broken()).resolves.toEqual([]);
  });

  it('are as large as asked for, and keep what one transaction wrote together', async () => {
    const sealer = new Sealer(database, logger);
    const trail = new VerdictTrail({ database, logger });
    await Promise.all(Array.from({ length: 40 }, () => trail.keep(good())));
    await trail.keep(good());
    await eventually(async () => (await sealer.seal(1)) === 1);
    while ((await sealer.seal(5)) > 0);
    await expect(broken()).resolves.toEqual([]);
  });

  it('show what an owner changed, left out and put in, and where a seal is missing', async () => {
    const attacks: ReadonlyArray<readonly [string, string, RegExp]> = [
      [
        'verdict',
        `UPDATE facilitator.verdict SET reason = 'nothing_wrong' WHERE payer = 'late'`,
        /not those/,
      ],
      ['verdict', `DELETE FROM facilitator.verdict WHERE payer = 'early'`, /not those/],
      [
        'verdict',
        `INSERT INTO facilitator.verdict (xact, route, valid, reason, fingerprint, x402_version, scheme, network, asset, pay_to,
           amount, judged_at) SELECT from_xact, 'verify', false, 'x', '${hash}', 2, 'exact', 'e', 'a', 'c', 1, now()
           FROM facilitator.verdict_seal WHERE seal = 2`,
        /not those/,
      ],
      ['verdict_seal', 'DELETE FROM facilitator.verdict_seal WHERE seal = 2', /missing/],
      ['verdict_seal', 'UPDATE facilitator.verdict_seal SET to_xact = to_xact - 1 WHERE seal = 1', /./],
    ];
    for (const [table, attack, problem] of attacks) {
      await admin(async (client) => {
        await client.query('BEGIN');
        await client.query(`ALTER TABLE facilitator.${table} DISABLE TRIGGER USER`);
        await client.query(attack);
        const { rows } = await client.query<{ problem: string }>(
          'SELECT problem FROM facilitator.broken_seals()',
        );
        expect(rows[0]?.problem).toMatch(problem);
        await client.query('ROLLBACK');
      });
    }
    await expect(broken()).resolves.toEqual([]);
  });
});
