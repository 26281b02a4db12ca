import { afterAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import { startTestDatabase, type TestDatabase } from './database.js';

const started: TestDatabase[] = [];

async function start(): Promise<TestDatabase> {
  const database = await startTestDatabase();
  started.push(database);
  return database;
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

afterAll(async () => {
  await Promise.all(started.map(async (database) => database.stop()));
});

describe('startTestDatabase', () => {
  it('gives each of many concurrent callers a migrated database of its own', async () => {
    const databases = await Promise.all([start(), start(), start(), start()]);
    expect(new Set(databases.map((database) => database.adminUrl)).size).toBe(4);
    for (const { adminUrl, serviceUrls } of databases) {
      expect(
        await query(
          adminUrl,
          `SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'ledger'`,
        ),
      ).toHaveLength(1);
      for (const [service, url] of Object.entries(serviceUrls)) {
        expect(await query(url, 'SELECT current_user AS role')).toEqual([{ role: `quittance_${service}` }]);
      }
    }
  });

  it('survives a server that crashes and comes back', async () => {
    const database = await start();
    await database.stopServer('immediate');
    await expect(query(database.adminUrl, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED|ENOENT/);
    await database.startServer();
    expect(await query(database.serviceUrls.ledger, 'SELECT current_user AS role')).toEqual([
      { role: 'quittance_ledger' },
    ]);
  });
});
