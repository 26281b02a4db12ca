import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { emitEvents } from '../src/index.js';
import { PostgresLog } from '../src/postgres-log.js';
import { silentLogger } from '../src/transport.js';
import { acceptedEvent } from './event-fixture.js';
import { ServiceSql } from './service-sql.js';

const topic = 'quittance.payments.v1';
const refused = { code: '42501' }; // insufficient_privilege
const restricted = { code: '23001' }; // restrict_violation

describe('the guards of the event tables', () => {
  let database: TestDatabase;
  let owner: ServiceSql;
  let ledger: ServiceSql;
  let log: PostgresLog;

  beforeAll(async () => {
    database = await startTestDatabase();
    owner = new ServiceSql(database.adminUrl);
    ledger = new ServiceSql(database.serviceUrls.ledger);
    log = new PostgresLog({ databaseUrl: database.serviceUrls.ledger, logger: silentLogger });
    await log.append([{ topic, key: 'a', value: 'first' }]);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([owner.close(), ledger.close(), log.close()]);
    await database.stop();
  });

  it('give concurrent appends offsets without gaps, in one order', async () => {
    const append = (worker: number): Promise<void> =>
      log.append(
        Array.from({ length: 50 }, (_, at) => ({
          topic,
          key: `key-${(worker + at) % 9}`,
          value: `${worker}:${at}`,
        })),
      );
    await Promise.all(Array.from({ length: 20 }, (_, worker) => append(worker)));
    const partitions = await ledger.sql<{ first: string; next: string; records: string; head: string }>(
      `SELECT min(l."offset")::text AS first, (max(l."offset") + 1)::text AS next, count(*)::text AS records,
              h.next_offset::text AS head
         FROM events.log l JOIN events.partition_head h USING (topic, partition)
        GROUP BY l.topic, l.partition, h.next_offset`,
    );
    expect(partitions.length).toBeGreaterThan(1);
    for (const { first, next, records, head } of partitions) {
      expect({ first, next, head }).toEqual({ first: '0', next: records, head: records });
    }
  });

  it.each([
    ['change a record', "UPDATE events.log SET value = 'forged'"],
    ['delete a record', 'DELETE FROM events.log'],
    ['empty the log', 'TRUNCATE events.log'],
    [
      'write a record past the append function',
      `INSERT INTO events.log VALUES ('${topic}', 0, 999, 'k', 'v')`,
    ],
    ['move a head', 'UPDATE events.partition_head SET next_offset = 0'],
    ['delete offsets', 'DELETE FROM events.consumer_offset'],
    ["read another service's outbox", 'SELECT FROM facilitator.outbox'],
    [
      "write another service's outbox",
      `INSERT INTO settlement.outbox (event_id, event) VALUES (gen_random_uuid(), '{}')`,
    ],
    ["write another service's inbox", 'INSERT INTO facilitator.inbox (event_id) VALUES (gen_random_uuid())'],
    ['forget that an event was seen', 'DELETE FROM ledger.inbox'],
    ['rewrite an event in its outbox', "UPDATE ledger.outbox SET event = '{}'"],
    [
      'date an event back',
      "INSERT INTO ledger.outbox (event_id, event, created_at) VALUES (gen_random_uuid(), '{}', now())",
    ],
    ['take the guard off', 'ALTER TABLE events.log DISABLE TRIGGER ALL'],
  ])('do not let a service %s', async (_case, statement) => {
    await expect(ledger.sql(statement)).rejects.toMatchObject(refused);
  });

  it.each(["UPDATE events.log SET value = 'forged'", 'DELETE FROM events.log', 'TRUNCATE events.log'])(
    'refuse even to the owner: %s',
    async (statement) => {
      await expect(owner.sql(statement)).rejects.toMatchObject(restricted);
    },
  );

  it('let a service move the offsets of its own groups and of no other', async () => {
    const move = (group: string): Promise<unknown[]> =>
      ledger.sql('INSERT INTO events.consumer_offset VALUES ($1, $2, 0, 1)', [group, topic]);
    await move('ledger');
    await move('ledger.reports');
    for (const group of ['settlement', 'ledgers', 'facilitator.ledger']) {
      await expect(move(group)).rejects.toMatchObject(refused);
    }
    await owner.sql("INSERT INTO events.consumer_offset VALUES ('settlement', $1, 0, 7)", [topic]);
    expect(
      await ledger.sql('UPDATE events.consumer_offset SET next_offset = 0 RETURNING consumer_group'),
    ).toEqual([{ consumer_group: 'ledger' }, { consumer_group: 'ledger.reports' }]);
    expect(
      await owner.sql("SELECT next_offset FROM events.consumer_offset WHERE consumer_group = 'settlement'"),
    ).toEqual([{ next_offset: '7' }]);
  });

  it('keep an event in the outbox until it is published', async () => {
    await emitEvents(ledger.sql, 'ledger', [acceptedEvent()]);
    await expect(ledger.sql('DELETE FROM ledger.outbox')).rejects.toMatchObject(restricted);
    await ledger.sql('UPDATE ledger.outbox SET published_at = now()');
    await ledger.sql('DELETE FROM ledger.outbox');
    expect(await ledger.sql('SELECT FROM ledger.outbox')).toEqual([]);
  });

  it('take free text as it is, even a zero byte in JSON', async () => {
    const event = acceptedEvent();
    const odd = { ...event, data: { ...event.data, resource: 'https://shop.example/\u0000' } };
    await emitEvents(ledger.sql, 'ledger', [odd]);
    const [row] = await ledger.sql<{ event: string }>('SELECT event::text AS event FROM ledger.outbox');
    expect(JSON.parse(row?.event ?? '')).toEqual(odd);
  });
});
