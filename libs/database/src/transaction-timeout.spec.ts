import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@quittance/embedded';

import { Database, DatabaseUnavailableError, type Sql, TransactionClosedError } from './index.js';

let server: EmbeddedPostgres;
let database: Database;

beforeAll(async () => {
  server = await startEmbeddedPostgres();
  database = Database.connect({
    url: server.adminUrl,
    poolSize: 1,
    applicationName: 'transaction-timeout-spec',
    statementTimeoutMs: 1_000,
    transactionTimeoutMs: 300,
  });
  await database.sql('CREATE TABLE mark (name text PRIMARY KEY)');
}, 60_000);

afterAll(async () => {
  await database.close();
  await server.stop();
}, 30_000);

const marks = async (): Promise<string[]> =>
  (await database.sql<{ name: string }>('SELECT name FROM mark ORDER BY name')).map(({ name }) => name);
const mark = (sql: Sql, name: string): Promise<unknown> => sql('INSERT INTO mark VALUES ($1)', [name]);
const retryable = { name: 'DatabaseUnavailableError', retryable: true };

describe('a transaction past its time', () => {
  it('commits nothing, and no statement outside of it, when a statement outlasted it', async () => {
    const work = database.transaction(async ({ sql }) => {
      await mark(sql, 'inside');
      await sql('SELECT pg_sleep(0.7)');
      await mark(sql, 'late');
    });
    await expect(work).rejects.toMatchObject(retryable);
    expect(await marks()).toEqual([]);
  });

  it('fails even when the work swallowed the refusal of its late statement', async () => {
    const work = database.transaction(async ({ sql }) => {
      await mark(sql, 'inside');
      await sql('SELECT pg_sleep(0.5)');
      await mark(sql, 'late').catch(() => undefined);
      return 'done';
    });
    await expect(work).rejects.toBeInstanceOf(DatabaseUnavailableError);
    expect(await marks()).toEqual([]);
  });

  it('is rolled back by the server when the work idles in it, and says so as a fault that can be tried again', async () => {
    const work = database.transaction(async ({ sql }) => {
      await mark(sql, 'inside');
      await sleep(600);
      await mark(sql, 'late');
    });
    await expect(work).rejects.toMatchObject(retryable);
    expect(await marks()).toEqual([]);
  });

  it('commits what its last statement, begun in time, finished late', async () => {
    await database.transaction(async ({ sql }) => {
      await sql('SELECT pg_sleep(0.5)');
    });
    await expect(
      database.transaction(async ({ sql }) => {
        await sql("INSERT INTO mark SELECT 'slow' FROM pg_sleep(0.5)");
      }),
    ).resolves.toBeUndefined();
    expect(await marks()).toEqual(['slow']);
    await database.sql('DELETE FROM mark');
  });

  it('leaves nothing of itself on the connection when a statement was never answered', async () => {
    const work = database.transaction(async ({ sql }) => {
      await mark(sql, 'unanswered');
      await sql("SET LOCAL statement_timeout = '20s'");
      await sql('SELECT pg_sleep(6)');
    });
    await expect(work).rejects.toMatchObject(retryable);
    await mark(database.sql, 'next');
    const watcher = Database.connect({ url: server.adminUrl, applicationName: 'watcher' });
    expect(await watcher.sql('SELECT name FROM mark')).toEqual([{ name: 'next' }]);
    await watcher.close();
    await database.sql('DELETE FROM mark');
  }, 20_000);
});

describe('a transaction whose work is over', () => {
  it('takes no statement, not even before its COMMIT is through', async () => {
    let late: Promise<unknown> = Promise.resolve();
    await database.transaction(async ({ sql }) => {
      await mark(sql, 'first');
      // Nobody awaits this: it asks once the work has returned.
      late = Promise.resolve()
        .then(() => undefined)
        .then(() => undefined)
        .then(() => undefined)
        .then(() => undefined)
        .then(() => mark(sql, 'second'));
      late.catch(() => undefined);
    });
    await expect(late).rejects.toBeInstanceOf(TransactionClosedError);
    expect(await marks()).toEqual(['first']);
    await database.sql('DELETE FROM mark');
  });
});
