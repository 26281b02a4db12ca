import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { madeUpPayment } from '@quittance/events';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { PostingRepository } from '../posting/posting.repository.js';
import { BooksCheckRepository } from './books-check.repository.js';

let server: TestDatabase;
let posting: Database;
let checking: Database;

beforeAll(async () => {
  server = await startTestDatabase();
  const { ledger: url } = server.serviceUrls;
  posting = Database.connect({ url, applicationName: 'check-spec', planByIndex: true });
  // One connection: what it has counted, it can be told to tell.
  checking = Database.connect({ url, applicationName: 'check-spec', poolSize: 1 });
}, 60_000);

afterAll(async () => {
  await Promise.all([posting.close(), checking.close()]);
  await server.stop();
});

const payments = 6_000;
const paymentsChunk = 1_000;

async function readFromEndToEnd(): Promise<unknown> {
  await checking.sql('SELECT pg_stat_force_next_flush()');
  return checking.sql(
    `SELECT relname, seq_scan FROM pg_stat_user_tables
      WHERE schemaname = 'ledger' AND relname IN ('entry', 'transaction') ORDER BY relname`,
  );
}

it('a slice of books that the database knows nothing of yet is read by keys, and not once more from end to end for each payment', async () => {
  const repository = new PostingRepository(posting);
  for (let first = 0; first < payments; first += paymentsChunk) {
    const events = Array.from({ length: paymentsChunk }, (_, number) =>
      madeUpPayment({ name: 'unknown', payers: 500, merchants: 50 }, first + number),
    ).flat();
    await repository.post({ events, shard: 0 });
  }
  const books = new BooksCheckRepository(checking);
  const before = await readFromEndToEnd();
  const report = await books.check({
    transactions: { first: 5_000n, last: 6_999n },
    accounts: { first: 1n, last: 200n },
    payments: { from: '00000000-0000-0000-0000-000000000000', count: 200 },
    leaves: { first: 0, end: 0 },
  });
  expect(report).toMatchObject({ lookedAt: { payments: 200, transactions: 2_000 }, drift: [], overdue: [] });
  expect(await readFromEndToEnd()).toEqual(before);
}, 60_000);
