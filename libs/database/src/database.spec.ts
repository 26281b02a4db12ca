import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@quittance/embedded';
import pg from 'pg';

import { BeginQuery } from './begin-query.js';

import {
  Database,
  DatabaseConflictError,
  DatabaseConstraintError,
  DatabaseSchemaMissingError,
  DatabaseUnavailableError,
  TransactionClosedError,
} from './index.js';

let server: EmbeddedPostgres;
let database: Database;

beforeAll(async () => {
  server = await startEmbeddedPostgres();
  database = Database.connect({
    url: server.adminUrl,
    poolSize: 4,
    applicationName: 'database-spec',
    statementTimeoutMs: 1_000,
  });
  await database.sql(
    'CREATE TABLE counter (id int CONSTRAINT counter_key PRIMARY KEY, value int CONSTRAINT counter_positive CHECK (value > 0))',
  );
  await database.sql('INSERT INTO counter VALUES (1, 1), (2, 1)');
}, 60_000);

afterAll(async () => {
  await database.close();
  await server.stop();
}, 30_000);

const valueOf = async (id: number): Promise<number | undefined> =>
  (await database.sql<{ value: number }>('SELECT value FROM counter WHERE id = $1', [id]))[0]?.value;

describe('Sql', () => {
  it('carries every kind of value there and back', async () => {
    const max = 2n ** 256n - 1n;
    const id = randomUUID();
    const bytes = Buffer.from([0, 1, 255]);
    const [row] = await database.sql(
      `SELECT $1::uuid AS id, $2::numeric AS amount, $3::int8 AS big, $4::jsonb AS doc, $5::bytea AS bytes,
              $6::timestamptz AS at, $7::text AS missing, $8::text[] AS texts`,
      [id, max, 2n ** 62n, JSON.stringify([{ a: '1' }]), bytes, new Date(0), null, ['a', null, 'b,"{}']],
    );
    expect(row).toEqual({
      id,
      amount: max.toString(),
      big: (2n ** 62n).toString(),
      doc: [{ a: '1' }],
      bytes,
      at: new Date(0),
      missing: null,
      texts: ['a', null, 'b,"{}'],
    });
  });

  it('takes sets as arrays, of amounts, json texts and bytes too', async () => {
    const rows = await database.sql(
      'SELECT * FROM unnest($1::uuid[], $2::numeric[], $3::jsonb[], $4::bytea[]) AS t(id, amount, doc, bytes)',
      [
        [randomUUID(), randomUUID()],
        [1n, null],
        ['{"a":"1"}', '[]'],
        [Buffer.from('x'), Buffer.from('\\')],
      ],
    );
    expect(rows).toMatchObject([
      { amount: '1', doc: { a: '1' }, bytes: Buffer.from('x') },
      { amount: null, doc: [], bytes: Buffer.from('\\') },
    ]);
  });

  it('names the constraint that refused', async () => {
    const refused = database.sql('INSERT INTO counter VALUES (1, 1)');
    await expect(refused).rejects.toMatchObject({ constraint: 'counter_key', sqlState: '23505' });
    await expect(refused).rejects.toBeInstanceOf(DatabaseConstraintError);
    await expect(database.sql('UPDATE counter SET value = 0')).rejects.toMatchObject({
      constraint: 'counter_positive',
      sqlState: '23514',
    });
  });

  it('leaves bad data what it is', async () => {
    await expect(database.sql('SELECT $1::text::int4', ['x'])).rejects.toMatchObject({ code: '22P02' });
  });

  it('calls a table that is not there yet unavailable, whichever way it is asked', async () => {
    const unavailable = { name: 'DatabaseUnavailableError', retryable: true };
    await expect(database.sql('SELECT FROM not_yet')).rejects.toMatchObject(unavailable);
    await expect(database.prisma.$queryRaw`SELECT FROM not_yet`).rejects.toMatchObject(unavailable);
    const inside = database.transaction(({ sql }) => sql('SELECT FROM not_yet'));
    await expect(inside).rejects.toMatchObject(unavailable);
  });

  it('runs a prepared text again after the tables changed under its plan, and after connections were lost', async () => {
    const one = Database.connect({ url: server.adminUrl, poolSize: 1, applicationName: 'plans' });
    const ask = (): Promise<unknown[]> => one.transaction(({ sql }) => sql('SELECT * FROM shape'));
    await one.sql('CREATE TABLE shape (a int)');
    await expect(ask()).resolves.toEqual([]);
    await one.sql('ALTER TABLE shape ADD b int');
    await expect(ask()).rejects.toBeInstanceOf(DatabaseUnavailableError);
    await expect(ask()).resolves.toEqual([]);
    await database.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'plans'",
    );
    await expect(ask().catch(ask)).resolves.toEqual([]);
    await one.close();
  });

  it('calls a statement past its time unavailable', async () => {
    await expect(database.sql('SELECT pg_sleep(5)')).rejects.toBeInstanceOf(DatabaseUnavailableError);
  });
});

describe('a transaction', () => {
  it('runs on one connection, which nothing else uses meanwhile', async () => {
    const [pids, other] = await database.transaction(async ({ sql }) => {
      const [first] = await sql<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const [outside] = await database.sql<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const [again] = await sql<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      return [[first?.pid, again?.pid], outside?.pid] as const;
    });
    expect(new Set(pids).size).toBe(1);
    expect(pids).not.toContain(other);
  });

  it('gives its connection back for the next, also when it was rolled back', async () => {
    const one = Database.connect({ url: server.adminUrl, poolSize: 1, applicationName: 'reuse' });
    const pids: unknown[] = [];
    for (const refused of [false, true, false]) {
      await one
        .transaction(async ({ sql }) => {
          pids.push(...(await sql('SELECT pg_backend_pid() AS pid')));
          if (refused) await sql('INSERT INTO counter VALUES (1, 1)');
        })
        .catch((error: unknown) => expect(error).toBeInstanceOf(DatabaseConstraintError));
    }
    expect(pids).toEqual([pids[0], pids[0], pids[0]]);
    await one.close();
  });

  it('keeps concurrent transactions apart', async () => {
    await database.sql('UPDATE counter SET value = 1 WHERE id = 1');
    await Promise.all(
      Array.from({ length: 40 }, () =>
        database.transaction(async ({ sql }) => {
          const [row] = await sql<{ value: number }>('SELECT value FROM counter WHERE id = 1 FOR UPDATE');
          await sql('UPDATE counter SET value = $1 WHERE id = 1', [(row?.value ?? 0) + 1]);
        }),
      ),
    );
    expect(await valueOf(1)).toBe(41);
  });

  it('undoes everything when the work throws', async () => {
    const before = await valueOf(1);
    const work = database.transaction(async ({ sql }) => {
      await sql('UPDATE counter SET value = 500 WHERE id = 1');
      await sql('UPDATE counter SET value = 600 WHERE id = 1');
      throw new RangeError('changed my mind');
    });
    await expect(work).rejects.toBeInstanceOf(RangeError);
    expect(await valueOf(1)).toBe(before);
  });

  it('fails when the work swallowed a failed statement: nothing is committed in silence', async () => {
    const work = database.transaction(async ({ sql }) => {
      await sql('INSERT INTO counter VALUES (1, 1)').catch(() => undefined);
    });
    await expect(work).rejects.toBeInstanceOf(DatabaseConstraintError);
  });

  it('refuses statements after its end', async () => {
    const sql = await database.transaction(async (tx) => tx.sql);
    await expect(sql('SELECT 1')).rejects.toBeInstanceOf(TransactionClosedError);
  });

  it('runs the work again after a deadlock, and both succeed', async () => {
    let runs = 0;
    let holding = 0;
    const meet = Promise.withResolvers<void>();
    const cross = (first: number, second: number): Promise<void> =>
      database.transaction(async ({ sql }) => {
        runs += 1;
        await sql('UPDATE counter SET value = value + 1 WHERE id = $1', [first]);
        holding += 1;
        if (holding >= 2) meet.resolve();
        await meet.promise;
        await sql("SET LOCAL statement_timeout = '20s'");
        await sql('UPDATE counter SET value = value + 1 WHERE id = $1', [second]);
      });
    await database.sql('UPDATE counter SET value = 10');
    await Promise.all([cross(1, 2), cross(2, 1)]);
    expect(runs).toBeGreaterThan(2);
    expect([await valueOf(1), await valueOf(2)]).toEqual([12, 12]);
  });

  it('gives up on a conflict that does not pass, after a bounded number of tries', async () => {
    let runs = 0;
    const work = database.transaction(async ({ sql }) => {
      runs += 1;
      await sql("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$");
    });
    await expect(work).rejects.toBeInstanceOf(DatabaseConflictError);
    expect(runs).toBe(6);
  });

  it('sends statements that are asked for together together, and runs them in that order', async () => {
    const [first, second, third] = await database.transaction(({ sql }) =>
      Promise.all([
        sql('UPDATE counter SET value = 1 WHERE id = 1'),
        sql('UPDATE counter SET value = value * 10 + 2 WHERE id = 1'),
        sql<{ value: number }>('SELECT value FROM counter WHERE id = 1'),
      ]),
    );
    expect([first, second, third]).toEqual([[], [], [{ value: 12 }]]);
    expect(await valueOf(1)).toBe(12);
  });

  it('is over, and committed, when the COMMIT that was sent behind its last statements is through', async () => {
    const { asked, seen, late } = await database.transaction(async ({ sql, commit }) => {
      await sql('SELECT FROM counter WHERE id = 1 FOR UPDATE');
      const given = await commit(
        sql<{ value: number }>('UPDATE counter SET value = 77 WHERE id = 1 RETURNING value'),
      );
      return {
        asked: given,
        seen: await valueOf(1),
        late: await sql('SELECT 1').catch((error: unknown) => error),
      };
    });
    expect(asked).toEqual([{ value: 77 }]);
    expect(seen).toBe(77);
    expect(late).toBeInstanceOf(TransactionClosedError);
  });

  it('commits nothing when one of the statements before a COMMIT that was sent with them fails', async () => {
    const before = await valueOf(1);
    for (const failing of [0, 1, 2]) {
      const work = database.transaction(({ sql, commit }) =>
        commit(
          Promise.all(
            [0, 1, 2].map((n) =>
              sql(
                n === failing
                  ? 'INSERT INTO counter VALUES (1, 1)'
                  : 'UPDATE counter SET value = value + 1 WHERE id = 1',
              ),
            ),
          ),
        ),
      );
      await expect(work).rejects.toMatchObject({
        name: 'DatabaseConstraintError',
        constraint: 'counter_key',
      });
    }
    expect(await valueOf(1)).toBe(before);
  });

  it('commits nothing where the work failed before its COMMIT could be sent, whatever was sent before', async () => {
    const slow = Database.connect({
      url: server.adminUrl,
      poolSize: 1,
      applicationName: 'refused',
      transactionTimeoutMs: 100,
    });
    const before = await valueOf(1);
    const change = 'UPDATE counter SET value = value + 1 WHERE id = 1';
    const tooLate = slow.transaction(async ({ sql, commit }) => {
      await sql(change);
      await sql('SELECT pg_sleep(0.15)');
      return commit(sql('UPDATE counter SET value = value + 1 WHERE id = 2'));
    });
    await expect(tooLate).rejects.toBeInstanceOf(DatabaseUnavailableError);
    const thrown = slow.transaction(({ sql, commit }) => {
      const written = async (): Promise<void> => {
        await Promise.all([sql(change), Promise.reject(new RangeError('cannot be told'))]);
      };
      return commit(written());
    });
    await expect(thrown).rejects.toBeInstanceOf(RangeError);
    const unwritable = slow.transaction(({ sql, commit }) =>
      commit(Promise.all([sql(change), sql('SELECT $1::text', [{ amount: 1n }]), sql(change)])),
    );
    await expect(unwritable).rejects.toBeInstanceOf(TypeError);
    const twice = slow.transaction(async ({ sql, commit }) => {
      await commit(sql('SELECT 1'));
      return commit(sql(change));
    });
    await expect(twice).rejects.toBeInstanceOf(TransactionClosedError);
    await slow.close();
    expect(await valueOf(1)).toBe(before);
  });

  it('is undone, and its connection free again, when the work throws with statements on their way', async () => {
    const one = Database.connect({ url: server.adminUrl, poolSize: 1, applicationName: 'on-their-way' });
    const before = await valueOf(1);
    const unheard: Promise<unknown>[] = [];
    const work = one.transaction(async ({ sql }) => {
      unheard.push(sql('UPDATE counter SET value = 500 WHERE id = 1'));
      unheard.push(sql('SELECT pg_sleep(0.2)'));
      throw new RangeError('did not wait');
    });
    await expect(work).rejects.toBeInstanceOf(RangeError);
    await Promise.all(unheard);
    expect(await valueOf(1)).toBe(before);
    await expect(one.transaction(({ sql }) => sql('SELECT 1 AS one'))).resolves.toEqual([{ one: 1 }]);
    await one.close();
  });

  it('never runs its first statement outside of itself, even if it cannot begin', async () => {
    const client = new pg.Client({ connectionString: server.adminUrl });
    await client.connect();
    const asked = (text: string): Promise<unknown> =>
      new Promise((resolve, reject) => {
        client.query(new BeginQuery({ text }, (error, result) => (error ? reject(error) : resolve(result))));
      });
    // A transaction that has failed takes no BEGIN; the ROLLBACK that could follow it would, taken for itself, succeed.
    await client.query('BEGIN');
    await expect(client.query('SELECT 1 / 0')).rejects.toThrow('division by zero');
    await expect(asked('ROLLBACK')).rejects.toThrow('current transaction is aborted');
    await client.query('ROLLBACK');
    await expect(asked('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }], command: 'SELECT' });
    await client.end();
  });

  it('maps what Prisma reports as it maps what sql reports', async () => {
    const refusal = { name: 'DatabaseConstraintError', constraint: 'counter_key', sqlState: '23505' };
    const inside = database.transaction(({ sql }) => sql('INSERT INTO counter VALUES (1, 1)'));
    await expect(inside).rejects.toMatchObject(refusal);
    await expect(database.prisma.$executeRaw`INSERT INTO counter VALUES (1, 1)`).rejects.toMatchObject(
      refusal,
    );
  });
});

describe('a database that fails', () => {
  it('is named unavailable where nothing listens, whichever way it is asked', async () => {
    const nowhere = Database.connect({ url: 'postgresql://a:b@127.0.0.1:1/c', applicationName: 'nowhere' });
    await expect(nowhere.ping()).rejects.toBeInstanceOf(DatabaseUnavailableError);
    await expect(nowhere.transaction(async () => 1)).rejects.toBeInstanceOf(DatabaseUnavailableError);
    await expect(nowhere.prisma.$queryRaw`SELECT 1`).rejects.toBeInstanceOf(DatabaseUnavailableError);
    await expect(nowhere.transaction(async ({ sql }) => sql('SELECT 1'))).rejects.toMatchObject({
      retryable: true,
    });
    await nowhere.close();
  });

  it('is named unavailable when a connection is cut in the middle of a transaction', async () => {
    const work = database.transaction(async ({ sql }) => {
      const [row] = await sql<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await database.sql('SELECT pg_terminate_backend($1)', [row?.pid]);
      return sql('SELECT 1');
    });
    await expect(work).rejects.toBeInstanceOf(DatabaseUnavailableError);
    expect(await database.sql('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('names the tables that a service misses', async () => {
    await expect(database.requireTables(['public.counter'])).resolves.toBeUndefined();
    const missing = database.requireTables(['public.counter', 'ledger.entry']);
    await expect(missing).rejects.toBeInstanceOf(DatabaseSchemaMissingError);
    await expect(missing).rejects.toMatchObject({ tables: ['ledger.entry'] });
  });

  it('works again after Postgres crashed and came back, without a new Database', async () => {
    await Promise.all([database.ping(), database.ping()]);
    await server.stopServer('immediate');
    await expect(database.sql('SELECT 1')).rejects.toBeInstanceOf(DatabaseUnavailableError);
    await expect(database.transaction(({ sql }) => sql('SELECT 1'))).rejects.toBeInstanceOf(
      DatabaseUnavailableError,
    );
    await expect(database.ping()).rejects.toBeInstanceOf(DatabaseUnavailableError);
    await server.startServer();
    await expect(database.transaction(({ sql }) => sql('SELECT 1 AS one'))).resolves.toEqual([{ one: 1 }]);
    await expect(database.prisma.$queryRaw`SELECT 1 AS one`).resolves.toEqual([{ one: 1 }]);
  });
});
