import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { madeUpPayment, type PaymentEvent } from '@quittance/events';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { EventContradictsError } from './posting-error.js';
import { PostingRepository } from './posting.repository.js';

let server: TestDatabase;
let database: Database;
let repository: PostingRepository;

beforeAll(async () => {
  server = await startTestDatabase();
  const { ledger: url } = server.serviceUrls;
  database = Database.connect({ url, applicationName: 'parts-spec', planByIndex: true });
  repository = new PostingRepository(database);
}, 60_000);

afterAll(async () => {
  await database.close();
  await server.stop();
});

/** More than fit into two transactions. */
const payments = 700;
const events = (name: string): PaymentEvent[] => {
  const all = Array.from({ length: payments }, (_, number) =>
    madeUpPayment({ name, payers: 50, merchants: 5 }, number),
  );
  // As they happened: those of a payment lie far apart.
  return [0, 1, 2].flatMap((place) => all.flatMap((own) => own[place] ?? []));
};

async function settled(): Promise<{ readonly transactions: number; readonly settlements: number }> {
  const [row] = await database.sql<{ transactions: number; settlements: number }>(
    `SELECT count(DISTINCT xid)::int AS transactions, count(settlement)::int AS settlements FROM ledger.transaction`,
  );
  return row ?? { transactions: 0, settlements: 0 };
}

it('a large batch is posted in several transactions, each payment in one, and changes nothing when it comes again', async () => {
  const batch = events('parts');
  expect(await repository.post({ events: batch, shard: 0 })).toHaveLength(batch.length);
  expect(await settled()).toEqual({ transactions: 3, settlements: payments });
  expect(await repository.post({ events: batch, shard: 0 })).toEqual([]);
  expect(await settled()).toEqual({ transactions: 3, settlements: payments });
});

it('a batch of which one part cannot be posted fails, and what can be posted of it counts once', async () => {
  const batch = events('parts that fail');
  const wrong = batch.map((event, place) =>
    place === batch.length - 1
      ? ({ ...event, data: { ...event.data, amount: '999' } } as PaymentEvent)
      : event,
  );
  await expect(repository.post({ events: wrong, shard: 0 })).rejects.toThrow(EventContradictsError);
  await repository.post({ events: batch, shard: 0 });
  expect(await settled()).toMatchObject({ settlements: 2 * payments });
});
