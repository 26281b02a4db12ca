import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { topics } from '@quittance/events';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { createTransport, type EventTransport } from '../src/index.js';
import { acceptedEvents, eventually, Receiver } from './event-fixture.js';
import { ServiceSql } from './service-sql.js';

const topic = topics.payments.name;
const hungConsumer = fileURLToPath(new URL('./hung-consumer.mjs', import.meta.url));
/** The server ends the session of a member that is silent for ten seconds. */
const hangMaxMs = 30_000;

describe('the members of a group on the Postgres log', () => {
  let database: TestDatabase;
  let owner: ServiceSql;
  const open = new Set<EventTransport>();

  beforeAll(async () => {
    database = await startTestDatabase();
    owner = new ServiceSql(database.adminUrl);
  }, 60_000);
  afterEach(async () => {
    await Promise.all([...open].map((transport) => transport.close()));
    open.clear();
  });
  afterAll(async () => {
    await owner.close();
    await database.stop();
  });

  const connect = (): EventTransport => {
    const transport = createTransport({ kind: 'postgres', databaseUrl: database.serviceUrls.ledger });
    open.add(transport);
    return transport;
  };
  const join = async (group: string, receiver: Receiver): Promise<EventTransport> => {
    const transport = connect();
    await transport.subscribe({ group, topics: [topic], onBatch: receiver.onBatch });
    return transport;
  };
  const behind = async (group: string): Promise<number> => {
    const [row] = await owner.sql<{ records: number }>(
      `SELECT sum(h.next_offset - coalesce(o.next_offset, 0))::integer AS records
         FROM events.partition_head h LEFT JOIN events.consumer_offset o
           ON o.consumer_group = $1 AND o.topic = h.topic AND o.partition = h.partition
        WHERE h.topic = $2`,
      [group, topic],
    );
    return row?.records ?? Number.NaN;
  };
  const partitionsOf = (receiver: Receiver): Set<number> =>
    new Set(receiver.batches.flatMap(({ partitions }) => partitions));

  it('get what is in several partitions in one batch', async () => {
    const events = acceptedEvents(60);
    await connect().publish(events);
    const receiver = new Receiver();
    await join('ledger.together', receiver);
    await eventually('all events arrive', () => receiver.has(events));
    expect(Math.max(...receiver.batches.map(({ partitions }) => partitions.length))).toBe(
      topics.payments.partitions,
    );
  });

  it('share the partitions, and one takes all when the other leaves', async () => {
    const [first, second] = [new Receiver(), new Receiver()];
    await join('ledger.shared', first);
    const leaver = await join('ledger.shared', second);
    const publisher = connect();
    await eventually('both get some, and none the other’s', async () => {
      first.batches.length = 0;
      second.batches.length = 0;
      const events = acceptedEvents(30);
      await publisher.publish(events);
      await eventually(
        'they arrive',
        () => first.ids(events).length + second.ids(events).length === events.length,
      );
      return partitionsOf(first).size === 2 && partitionsOf(second).size === 2;
    });
    expect([...partitionsOf(first), ...partitionsOf(second)].sort()).toEqual([0, 1, 2, 3]);

    await leaver.close();
    const events = acceptedEvents(30);
    await publisher.publish(events);
    await eventually('one gets all', () => first.has(events));
  });

  it('lose their partitions when they hang', async () => {
    const group = 'ledger.hanging';
    const events = acceptedEvents(20);
    await connect().publish(events);
    const databaseUrl = database.serviceUrls.ledger;
    const hanging = fork(hungConsumer, [
      JSON.stringify({ transport: { kind: 'postgres', databaseUrl }, group, topics: [topic] }),
    ]);
    await once(hanging, 'message');
    hanging.kill('SIGSTOP');
    const receiver = new Receiver();
    await join(group, receiver);
    await eventually('another takes over', () => receiver.has(events), hangMaxMs);
    hanging.kill('SIGKILL');
    await once(hanging, 'exit');
  }, 60_000);

  it('go on from where an operator puts them', async () => {
    const group = 'ledger.moved';
    const events = acceptedEvents(20);
    const receiver = new Receiver();
    await join(group, receiver);
    const publisher = connect();
    await publisher.publish(events);
    await eventually('all events arrive', () => receiver.has(events));
    await eventually('its offsets say so', async () => (await behind(group)) === 0);

    await owner.sql('UPDATE events.consumer_offset SET next_offset = 0 WHERE consumer_group = $1', [group]);
    await eventually('they come again', () => receiver.ids(events).length >= 2 * events.length);
  });
});
