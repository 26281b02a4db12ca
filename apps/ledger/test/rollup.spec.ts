import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type BooksToFill,
  fillBooks,
  filledBooks,
  startTestDatabase,
  type TestDatabase,
  transactionsPerPayment,
} from '@quittance/testing';
import fc from 'fast-check';
import pg from 'pg';

import { endOf, type Moment } from '../src/moment/moment.js';
import { balanceOf } from '../src/rollup/sums.js';
import { type ReadingParts, readingParts } from './reading-parts.js';

/**
 * Goal: what is read from roll-ups is what the lines come to, at any moment on both clocks. Method: books of a large block and
 * some small ones, a hundredth of them late; moments drawn anywhere; the same question answered by summing every line.
 */

const seed = 1_966_031;
const books: BooksToFill = {
  payments: 33_800,
  stepMs: 12_800,
  startsAt: '2026-09-01T00:00:00Z',
  merchants: 40,
  payers: 3_000,
};
const size = books.payments * transactionsPerPayment;
const startMs = Date.parse(books.startsAt);
const spanMs = books.payments * books.stepMs;

let server: TestDatabase;
let parts: ReadingParts;
let superuser: pg.Client;

beforeAll(async () => {
  server = await startTestDatabase();
  await fillBooks(server.adminUrl, books);
  superuser = new pg.Client({ connectionString: server.adminUrl });
  await superuser.connect();
  // What the checks compare with reads every line each time.
  await superuser.query('SET max_parallel_workers_per_gather = 0');
  await superuser.query(`
    CREATE TEMP TABLE line AS
    SELECT f.position, t.effective_at, (t.effective_at AT TIME ZONE 'UTC')::date AS day, e.account_id, e.line, e.layer, e.amount
      FROM ledger.entry e JOIN ledger.leaf f ON f.transaction_id = e.transaction_id
      JOIN ledger.transaction t ON t.id = e.transaction_id`);
  parts = readingParts(server.serviceUrls.ledger);
  while ((await parts.rollUps.next()) !== null);
}, 120_000);

afterAll(async () => {
  await parts.database.close();
  await superuser.end();
  await server.stop();
}, 30_000);

const moments = fc
  .record({
    size: fc.oneof(fc.constantFrom(0, 1, 1_023, 1_024, 131_071, 131_072, 131_073, size), fc.nat(size)),
    offsetMs: fc.oneof(
      fc.integer({ min: -1_000, max: spanMs + 86_400_000 }),
      // The last millisecond before a day, and the first of one.
      fc.integer({ min: 0, max: 6 }).map((day) => day * 86_400_000 - 1),
      fc.integer({ min: 0, max: 6 }).map((day) => day * 86_400_000),
    ),
  })
  .map(({ size: known, offsetMs }): Moment => ({
    asOf: new Date(startMs + offsetMs).toISOString(),
    asKnownAt: '2026-10-01T00:00:00.000Z',
    size: BigInt(known),
  }));

const sumsOfLines = `count(*) FILTER (WHERE e.amount > 0) AS debits, count(*) FILTER (WHERE e.amount < 0) AS credits,
         coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0) AS debit,
         coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0) AS credit`;
const knownLines = `line e WHERE e.position < $1 AND e.effective_at < $2::timestamptz`;

async function asked<Row extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<Row[]> {
  return (await superuser.query<Row>(text, values)).rows;
}

describe('roll-ups', () => {
  it('are of every full block, and what the lines come to', async () => {
    const [blocks] = await asked<{ small: string; large: string }>(
      `SELECT count(*) FILTER (WHERE level = 0) AS small, count(*) FILTER (WHERE level = 1) AS large FROM ledger.rollup`,
      [],
    );
    expect(blocks).toEqual({ small: String(Math.floor(size / 1_024)), large: '1' });
    for (const share of [0, 0.6]) {
      expect(await parts.rollUps.checkOne(share)).toMatchObject({ level: 0, differences: 0 });
    }
  });

  it('are done once: there is nothing left to do', async () => {
    expect(await parts.rollUps.next()).toBeNull();
  });
});

describe('what is read from roll-ups is what the lines come to', () => {
  it('by head, at any moment', async () => {
    await fc.assert(
      fc.asyncProperty(moments, async (moment) => {
        const expected = await asked(
          `SELECT ledger.account_head(a.code) AS head, a.class, s.code AS asset, e.layer, sum(e.debits)::text AS debits,
                  sum(e.credits)::text AS credits, sum(e.debit)::text AS debit, sum(e.credit)::text AS credit
             FROM (SELECT e.account_id, e.layer, ${sumsOfLines} FROM ${knownLines} GROUP BY 1, 2) e
             JOIN ledger.account a ON a.id = e.account_id JOIN ledger.asset s ON s.id = a.asset_id
            GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
          [moment.size, endOf(moment)],
        );
        const found = (await parts.headSums.at(moment)).map(({ sums, ...head }) => ({
          ...head,
          ...textOf(sums),
        }));
        expect(found).toEqual(expected);
      }),
      { numRuns: 15, seed },
    );
  }, 120_000);

  it('by account and by day, at any moment', async () => {
    const ids = await accountIds();
    await fc.assert(
      fc.asyncProperty(moments, fc.constantFrom('all', 'day', 'half'), async (moment, how) => {
        const by = how === 'all' ? {} : { by: how === 'day' ? ('day' as const) : { from: '2026-09-03' } };
        const day = {
          all: 'NULL',
          day: 'e.day::text',
          half: `CASE WHEN e.day >= '2026-09-03' THEN '2026-09-03' END`,
        }[how];
        const expected = await asked(
          `SELECT "accountId", layer, day, debits::text, credits::text, debit::text, credit::text FROM (
             SELECT e.account_id AS "accountId", e.layer, ${day} AS day, ${sumsOfLines}
               FROM ${knownLines} AND e.account_id = ANY ($3::bigint[]) GROUP BY 1, 2, 3) s`,
          [moment.size, endOf(moment), ids],
        );
        const found = (await parts.accountSums.at({ accountIds: ids, moment, ...by })).map(
          ({ sums, ...rest }) => ({
            ...rest,
            ...textOf(sums),
          }),
        );
        expect(sorted(found)).toEqual(sorted(expected));
      }),
      { numRuns: 15, seed },
    );
  }, 120_000);

  it('line by line in statements, page after page', async () => {
    const accounts = [
      filledBooks.transit,
      filledBooks.merchant(0),
      filledBooks.merchant(7),
      filledBooks.merchant(38),
      filledBooks.payer(3),
    ];
    await fc.assert(
      fc.asyncProperty(
        moments,
        fc.record({
          account: fc.constantFrom(...accounts),
          day: fc.integer({ min: 1, max: 5 }),
          days: fc.nat(2),
          limit: fc.constantFrom(37, 400),
        }),
        async (moment, { account, day, days, limit }) => {
          const [from, to] = [`2026-09-0${day}`, `2026-09-0${day + days}`];
          const layer = account === filledBooks.transit ? 'inflight' : 'settled';
          const [{ id: accountId = '' } = {}] = await asked<{ id: string }>(
            'SELECT id FROM ledger.account WHERE code = $1',
            [account],
          );
          const expected = await asked<{ place: string }>(
            `SELECT concat_ws(' ', e.day, e.position, e.line, e.amount) AS place
               FROM ${knownLines} AND e.account_id = $3 AND e.layer = $4::ledger.layer
                AND e.day BETWEEN $5::date AND $6::date
              ORDER BY e.day, e.position, e.line LIMIT 1200`,
            [moment.size, endOf(moment), accountId, layer, from, to],
          );
          const scope = { account, asset: filledBooks.asset, layer, from, to, moment } as const;
          const found: string[] = [];
          for (let after = null; found.length < 1_200;) {
            const wanted = { scope, accountId, after, limit };
            const page = await parts.walk.lines(wanted);
            expect((await parts.walk.linesAndSums(wanted)).found).toMatchObject(page);
            found.push(...page.map((l) => `${l.day} ${l.position} ${l.line} ${l.amount}`));
            const last = page.at(-1);
            if (page.length < limit || last === undefined) break;
            after = last as never;
          }
          expect(found.slice(0, 1_200)).toEqual(expected.map(({ place }) => place));
        },
      ),
      { numRuns: 25, seed },
    );
  }, 120_000);

  it('of an account only from when it was known, though it was asked for before', async () => {
    const code = filledBooks.merchant(0);
    const query = { layer: 'settled', from: '2026-09-02', to: '2026-09-02', limit: 10 } as const;
    const { lines } = await parts.statements.page(code, query);
    expect(lines).toHaveLength(10);
    const before = { ...query, as_known_at: '2000-12-31T00:00:00.000Z' };
    await expect(parts.statements.page(code, before)).rejects.toMatchObject({ problem: { status: 404 } });
  });

  it('so that every book is balanced by asset and layer, whenever one looks', async () => {
    await fc.assert(
      fc.asyncProperty(moments, async (moment) => {
        const sums = new Map<string, bigint>();
        for (const { asset, layer, sums: own } of await parts.headSums.at(moment)) {
          sums.set(`${asset} ${layer}`, (sums.get(`${asset} ${layer}`) ?? 0n) + balanceOf(own));
        }
        expect([...sums.values()].every((sum) => sum === 0n)).toBe(true);
      }),
      { numRuns: 15, seed: seed + 1 },
    );
  }, 60_000);
});

describe('the service may not', () => {
  it.each([
    ['write a sum', `INSERT INTO ledger.rollup VALUES (0, 999, 1, 2)`],
    ['change a sum by head', 'UPDATE ledger.head_rollup SET debit = 0'],
    ['change a sum by account', 'UPDATE ledger.account_rollup SET debit = 0'],
    ['remove a block', 'DELETE FROM ledger.rollup'],
    ['read past the secret of the cursors', 'UPDATE ledger.cursor_secret SET secret = secret'],
  ])('%s', async (_, attack) => {
    await expect(parts.database.sql(attack)).rejects.toMatchObject({
      cause: expect.objectContaining({ code: '42501' }),
    });
  });

  it('be kept from it by privileges alone: the tables refuse every change', async () => {
    for (const table of ['rollup', 'head_rollup', 'account_rollup']) {
      await expect(superuser.query(`DELETE FROM ledger.${table}`)).rejects.toMatchObject({ code: '23001' });
    }
  });
});

describe('a sum that somebody falsified', () => {
  it('is found when the block is summed up again, and stops the books', async () => {
    await superuser.query("SET session_replication_role = 'replica'");
    await superuser.query(
      `UPDATE ledger.head_rollup SET debit = debit + 1 WHERE level = 0 AND block = 5 AND span = 'day' AND head = 'F:merchant'`,
    );
    await superuser.query("SET session_replication_role = 'origin'");
    const [{ rolled = 0 } = {}] = await asked<{ rolled: number }>(
      'SELECT count(*)::integer AS rolled FROM ledger.rollup',
      [],
    );
    const found = await parts.rollUps.checkOne(5.5 / rolled);
    expect(found).toMatchObject({ level: 0, block: '5' });
    expect(found?.differences).toBeGreaterThan(0);
    expect(await asked('SELECT read_only, reason FROM ledger.standing', [])).toMatchObject([
      { read_only: true, reason: expect.stringContaining('block 5 of level 0 is rolled up wrongly') },
    ]);
  });
});

const textOf = (sums: { debits: number; credits: number; debit: bigint; credit: bigint }) => ({
  debits: String(sums.debits),
  credits: String(sums.credits),
  debit: String(sums.debit),
  credit: String(sums.credit),
});

const sorted = (rows: readonly object[]): string[] =>
  rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort();

/** The busiest, some that sell little, and some payers. */
async function accountIds(): Promise<string[]> {
  const rows = await asked<{ id: string }>(
    `SELECT id FROM ledger.account WHERE id < 110 OR id BETWEEN 130 AND 135 OR id BETWEEN 100100 AND 100130`,
    [],
  );
  return rows.map(({ id }) => id);
}
