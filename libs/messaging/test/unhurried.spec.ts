import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { catalogue, createEvent, type QuittanceEvent, topics } from '@quittance/events';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { createTransport, type EventTransport } from '../src/index.js';
import { acceptedEvent, eventually, Receiver } from './event-fixture.js';

const tries = 20;
/** Most of the tries, on a machine that does something else meanwhile. */
const togetherMin = 5;

describe('events that nobody hurries for, on the Postgres log', () => {
  let database: TestDatabase;
  let transport: EventTransport;

  beforeAll(async () => {
    database = await startTestDatabase();
  }, 60_000);
  afterEach(() => transport.close());
  afterAll(() => database.stop());

  const receive = async (): Promise<Receiver> => {
    const receiver = new Receiver();
    transport = createTransport({ kind: 'postgres', databaseUrl: database.serviceUrls.ledger });
    await transport.subscribe({
      group: `ledger.${randomUUID()}`,
      topics: [topics.payments.name],
      unhurried: ['payment.accepted'],
      onBatch: receiver.onBatch,
    });
    return receiver;
  };
  const expiredEvent = (paymentId: string): QuittanceEvent =>
    createEvent({
      id: randomUUID(),
      type: 'payment.expired',
      occurredAt: new Date(),
      causationId: null,
      data: { ...catalogue['payment.expired'].fixture.data, paymentId },
    });
  const arrived = async (receiver: Receiver, events: readonly QuittanceEvent[]): Promise<void> =>
    eventually('all events arrive', () => receiver.has(events));

  it('are handed over with what comes right after them', async () => {
    const receiver = await receive();
    let together = 0;
    for (let n = 0; n < tries; n += 1) {
      const accepted = acceptedEvent();
      const expired = expiredEvent(accepted.key);
      await transport.publish([accepted]);
      await transport.publish([expired]);
      await arrived(receiver, [accepted, expired]);
      const batch = receiver.batches.find(({ events }) => events.some(({ id }) => id === accepted.id));
      if (batch?.events.some(({ id }) => id === expired.id) === true) together += 1;
    }
    expect(together).toBeGreaterThanOrEqual(togetherMin);
  });

  it('come by themselves, each once, when nothing comes after them', async () => {
    const receiver = await receive();
    for (let n = 0; n < 3; n += 1) {
      const accepted = acceptedEvent();
      await transport.publish([accepted]);
      await arrived(receiver, [accepted]);
      expect(receiver.ids([accepted])).toEqual([accepted.id]);
    }
  });
});
