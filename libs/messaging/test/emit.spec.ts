import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { QuittanceEvent } from '@quittance/events';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { createTransport, emitEvents, eventRoute, OutboxRelay } from '../src/index.js';
import { acceptedEvent, acceptedEvents, eventually, idsOf } from './event-fixture.js';
import { ServiceSql } from './service-sql.js';

const schema = 'ledger';

describe('emitting events right to the log', () => {
  let database: TestDatabase;
  let direct: ServiceSql;
  let byOutbox: ServiceSql;

  beforeAll(async () => {
    database = await startTestDatabase();
    direct = new ServiceSql(database.serviceUrls.ledger, eventRoute({ kind: 'postgres' }));
    byOutbox = new ServiceSql(database.serviceUrls.ledger, eventRoute({ kind: 'kafka' }));
  }, 60_000);
  beforeEach(() => direct.sql('UPDATE ledger.outbox SET published_at = now()').then(() => undefined));
  afterAll(async () => {
    await Promise.all([direct.close(), byOutbox.close()]);
    await database.stop();
  });

  /** Ids in the log of those events, partition by partition in order of offsets. */
  const logged = async (events: readonly QuittanceEvent[]): Promise<string[]> => {
    const rows = await direct.sql<{ id: string }>(
      `SELECT value::json ->> 'id' AS id FROM events.log
        WHERE key = ANY ($1::text[]) ORDER BY topic, partition, "offset"`,
      [events.map(({ key }) => key)],
    );
    return rows.map(({ id }) => id);
  };
  const inOutbox = async (): Promise<string[]> => {
    const rows = await direct.sql<{ id: string }>(
      'SELECT event_id::text AS id FROM ledger.outbox WHERE published_at IS NULL ORDER BY sequence',
    );
    return rows.map(({ id }) => id);
  };

  it('puts each event into the log once, in its order, as it was written, and none into the outbox', async () => {
    const events = acceptedEvents(5, randomUUID());
    await direct.transaction((sql) => emitEvents(sql, schema, events));
    expect(await logged(events)).toEqual(idsOf(events));
    expect(await inOutbox()).toEqual([]);
    const [first] = await direct.sql<{ value: string }>(
      'SELECT value FROM events.log WHERE key = $1 LIMIT 1',
      [events[0]?.key],
    );
    expect(first?.value).toBe(JSON.stringify(events[0]));
  });

  it('puts nothing there of a transaction that was rolled back', async () => {
    const event = acceptedEvent();
    const undone = direct.transaction(async (sql) => {
      await emitEvents(sql, schema, [event]);
      throw new RangeError('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    expect(await logged([event])).toEqual([]);
  });

  it('is for connections that say so: any other writes to the outbox', async () => {
    const silent = new ServiceSql(database.serviceUrls.ledger);
    const [first, second] = [acceptedEvent(), acceptedEvent()];
    await emitEvents(byOutbox.sql, schema, [first]);
    await emitEvents(silent.sql, schema, [second]);
    await silent.close();
    expect(await inOutbox()).toEqual([first.id, second.id]);
    expect(await logged([first, second])).toEqual([]);
  });

  it('lets nothing overtake what was left in the outbox, and goes on directly when that is published', async () => {
    const events = acceptedEvents(3, randomUUID()) as [QuittanceEvent, QuittanceEvent, QuittanceEvent];
    await emitEvents(byOutbox.sql, schema, [events[0]]);
    await emitEvents(direct.sql, schema, [events[1]]);
    expect(await inOutbox()).toEqual(idsOf(events.slice(0, 2)));

    const databaseUrl = database.serviceUrls.ledger;
    const transport = createTransport({ kind: 'postgres', databaseUrl });
    const relay = new OutboxRelay({ databaseUrl, schema, transport });
    relay.start();
    await eventually('the outbox is empty', async () => (await inOutbox()).length === 0);
    await emitEvents(direct.sql, schema, [events[2]]);
    await Promise.all([relay.close(), transport.close()]);
    expect(await inOutbox()).toEqual([]);
    expect(await logged(events)).toEqual(idsOf(events));
  });

  it('keeps many writers from waiting for each other in a circle, and the order of each key', async () => {
    const keys = Array.from({ length: 6 }, () => randomUUID());
    await direct.transaction((sql) =>
      emitEvents(
        sql,
        schema,
        keys.map((key) => acceptedEvent(key)),
      ),
    );
    const written = new Map<string, string[]>(keys.map((key) => [key, []]));
    const write = async (): Promise<void> => {
      const events = keys
        .filter(() => Math.random() < 0.6)
        .sort(() => Math.random() - 0.5)
        .map((key) => acceptedEvent(key));
      await direct.transaction(async (sql) => {
        // As a service does: the locks of what changes first, in one order, and its events last.
        for (const { key } of [...events].sort((a, b) => (a.key < b.key ? -1 : 1)))
          await sql('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [key]);
        for (const { key, id } of events) written.get(key)?.push(id);
        await emitEvents(sql, schema, events);
      });
    };
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (let round = 0; round < 10; round += 1) await write();
      }),
    );
    for (const [key, ids] of written) {
      const all = await logged([acceptedEvent(key)]);
      expect(all.slice(1)).toEqual(ids);
    }
  });

  it("is refused in another service's name", async () => {
    await expect(emitEvents(direct.sql, 'settlement', [acceptedEvent()])).rejects.toMatchObject({
      code: '42501',
    });
  });
});
