import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { takeUnseen } from '../src/index.js';
import { acceptedEvent, acceptedEvents, idsOf } from './event-fixture.js';
import { ServiceSql } from './service-sql.js';

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

describe('the inbox', () => {
  let database: TestDatabase;
  let service: ServiceSql;

  beforeAll(async () => {
    database = await startTestDatabase();
    service = new ServiceSql(database.serviceUrls.settlement);
  }, 60_000);
  afterAll(async () => {
    await service.close();
    await database.stop();
  });

  it('lets each event through once, in the order of the batch', async () => {
    const [a, b, c] = [acceptedEvent(), acceptedEvent(), acceptedEvent()];
    expect(await takeUnseen(service.sql, 'settlement', [b, a, b])).toEqual([b, a]);
    expect(await takeUnseen(service.sql, 'settlement', [a, c, b])).toEqual([c]);
    expect(await takeUnseen(service.sql, 'settlement', [a, b, c])).toEqual([]);
    expect(await takeUnseen(service.sql, 'settlement', [])).toEqual([]);
  });

  it('forgets the events of a transaction that was rolled back', async () => {
    const event = acceptedEvent();
    const undone = service.transaction(async (sql) => {
      expect(await takeUnseen(sql, 'settlement', [event])).toEqual([event]);
      throw new RangeError('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    expect(await takeUnseen(service.sql, 'settlement', [event])).toEqual([event]);
  });

  it('gives each event to one of many concurrent transactions, whatever order their batches are in', async () => {
    // Batches long enough for the statements to overlap: unsorted, they deadlock.
    const events = acceptedEvents(4_000);
    const batches = Array.from({ length: 12 }, () => shuffled(events).slice(0, 3_000));
    const takers = batches.map((batch) => service.transaction((sql) => takeUnseen(sql, 'settlement', batch)));
    const taken = (await Promise.all(takers)).flatMap(idsOf);
    await takeUnseen(service.sql, 'settlement', events).then((rest) => taken.push(...idsOf(rest)));
    expect(taken.sort()).toEqual(idsOf(events).sort());
  });
});
