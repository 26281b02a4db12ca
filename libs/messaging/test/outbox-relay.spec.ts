import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type QuittanceEvent, topics } from '@quittance/events';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import {
  emitEvents,
  createTransport,
  type EventTransport,
  OutboxRelay,
  PostgresSession,
  relayBatchMax,
  takeUnseen,
  TransportUnavailableError,
} from '../src/index.js';
import { acceptedEvent, acceptedEvents, eventually, idsOf, Receiver } from './event-fixture.js';
import { ServiceSql } from './service-sql.js';

const schema = 'ledger';
const killedRelay = fileURLToPath(new URL('./killed-relay.mjs', import.meta.url));
const takeOverMaxMs = 5_000;

class RecordingTransport implements Pick<EventTransport, 'publish'> {
  readonly batches: (readonly QuittanceEvent[])[] = [];
  failures = 0;

  async publish(events: readonly QuittanceEvent[]): Promise<void> {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new TransportUnavailableError('the test says so');
    }
    this.batches.push(events);
  }

  get ids(): string[] {
    return this.batches.flatMap(idsOf);
  }
}

describe('the outbox relay', () => {
  let database: TestDatabase;
  let service: ServiceSql;
  const relays = new Set<OutboxRelay>();

  beforeAll(async () => {
    database = await startTestDatabase();
    service = new ServiceSql(database.serviceUrls.ledger);
  }, 60_000);
  beforeEach(() => service.sql('UPDATE ledger.outbox SET published_at = now()').then(() => undefined));
  afterEach(async () => {
    await Promise.all([...relays].map((relay) => relay.close()));
    relays.clear();
  });
  afterAll(async () => {
    await service.close();
    await database.stop();
  });

  const relay = (transport: Pick<EventTransport, 'publish'>): OutboxRelay => {
    const started = new OutboxRelay({ databaseUrl: database.serviceUrls.ledger, schema, transport });
    relays.add(started);
    started.start();
    return started;
  };
  const unpublished = async (): Promise<number> =>
    (await service.sql('SELECT FROM ledger.outbox WHERE published_at IS NULL')).length;

  it('publishes in the order of the outbox, in bounded batches, and marks what it published', async () => {
    const events = acceptedEvents(2 * relayBatchMax + 7);
    await service.transaction((sql) => emitEvents(sql, schema, events));
    const transport = new RecordingTransport();
    relay(transport);

    await eventually('everything is marked', async () => (await unpublished()) === 0);
    expect(transport.ids).toEqual(idsOf(events));
    expect(transport.batches.map((batch) => batch.length)).toEqual([relayBatchMax, relayBatchMax, 7]);
    expect(transport.batches[0]?.[0]).toEqual(events[0]);
  });

  it('publishes nothing of a transaction that was rolled back', async () => {
    const [undone, done] = [acceptedEvent(), acceptedEvent()];
    const transport = new RecordingTransport();
    relay(transport);
    const rollback = service.transaction(async (sql) => {
      await emitEvents(sql, schema, [undone]);
      throw new RangeError('undo');
    });
    await expect(rollback).rejects.toThrow('undo');
    await emitEvents(service.sql, schema, [done]);

    await eventually('the committed event is marked', async () => (await unpublished()) === 0);
    expect(transport.ids).toEqual([done.id]);
  });

  it('is told of an insert by the database when it commits', async () => {
    const session = await PostgresSession.open({
      url: database.serviceUrls.ledger,
      applicationName: 'listener',
    });
    let calls = 0;
    await session.listen(`quittance_outbox_${schema}`, () => (calls += 1));
    await service.transaction((sql) => emitEvents(sql, schema, acceptedEvents(3)));
    await eventually('the notification', () => calls === 1);
    await session.close();
  });

  it('tries again while the transport is away, without losing the order', async () => {
    const transport = new RecordingTransport();
    transport.failures = 3;
    const events = acceptedEvents(4);
    await emitEvents(service.sql, schema, events.slice(0, 2));
    relay(transport);
    await emitEvents(service.sql, schema, events.slice(2));
    await eventually('everything is marked', async () => (await unpublished()) === 0);
    expect(transport.ids).toEqual(idsOf(events));
    expect(transport.failures).toBe(0);
  });

  it('has one active at a time; the other takes over as soon as its connection is gone', async () => {
    const [first, second] = [new RecordingTransport(), new RecordingTransport()];
    relay(first);
    await emitEvents(service.sql, schema, [acceptedEvent()]);
    await eventually('the first is active', () => first.ids.length === 1);
    relay(second);
    await emitEvents(service.sql, schema, acceptedEvents(20));
    await eventually('the first published them', () => first.ids.length === 21);
    expect(second.ids).toEqual([]);

    await [...relays][0]?.close();
    const events = acceptedEvents(5);
    await emitEvents(service.sql, schema, events);
    await eventually('the second took over', () => second.ids.length === 5, takeOverMaxMs);
    expect(second.ids).toEqual(idsOf(events));
  });

  it('comes back by itself after its connection was cut', async () => {
    const transport = new RecordingTransport();
    relay(transport);
    await emitEvents(service.sql, schema, [acceptedEvent()]);
    await eventually('it is active', () => transport.ids.length === 1);
    const cut = await service.sql<{ cut: boolean }>(
      "SELECT pg_terminate_backend(pid) AS cut FROM pg_stat_activity WHERE application_name = 'quittance_outbox_relay_ledger' AND datname = current_database()",
    );
    // That of a relay closed a moment ago may still be listed.
    expect(cut.length).toBeGreaterThan(0);
    const later = acceptedEvent();
    await emitEvents(service.sql, schema, [later]);
    // What was not marked yet when the connection went is published again.
    await eventually('it goes on', () => transport.ids.includes(later.id));
  });

  it('killed between publishing and marking, delivers twice, and the inbox lets the effect happen once', async () => {
    const events = acceptedEvents(5);
    const databaseUrl = database.serviceUrls.ledger;
    const doomed = fork(killedRelay, [JSON.stringify({ databaseUrl, schema })]);
    const delivered = new Receiver();
    const effects: string[] = [];
    const transport = createTransport({ kind: 'postgres', databaseUrl });
    await transport.subscribe({
      group: 'ledger',
      topics: [topics.payments.name],
      onBatch: async (batch) => {
        await delivered.onBatch(batch);
        const unseen = await service.transaction((sql) => takeUnseen(sql, schema, batch.events));
        effects.push(...idsOf(unseen));
      },
    });
    await emitEvents(service.sql, schema, events);
    expect((await once(doomed, 'message'))[0]).toEqual({ published: idsOf(events) });
    relay(transport);
    doomed.kill('SIGKILL');
    const killedAt = Date.now();

    await eventually('the standby marks them', async () => (await unpublished()) === 0);
    expect(Date.now() - killedAt).toBeLessThan(takeOverMaxMs);
    await eventually('both deliveries', () => delivered.ids(events).length === 2 * events.length);
    await transport.close();
    expect([...effects].sort()).toEqual(idsOf(events).sort());
  });

  it('starts before the database does, and begins when it is there', async () => {
    const transport = new RecordingTransport();
    await database.stopServer('immediate');
    relay(transport);
    await database.startServer();
    const event = acceptedEvent();
    await eventually('the database answers', () =>
      service.sql('SELECT 1').then(
        () => true,
        () => false,
      ),
    );
    await emitEvents(service.sql, schema, [event]);
    await eventually('it is published', () => transport.ids.includes(event.id));
  });
});
