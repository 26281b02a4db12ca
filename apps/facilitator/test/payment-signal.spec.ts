import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '@quittance/observability';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { PaymentSignal } from '../src/settle/payment-signal.loop.js';
import { eventually } from './stack.fixture.js';

let database: TestDatabase;
/** A Postgres that is slow to answer: clients reach it, and their words pass on once the gate is open. */
let slow: Server;
let reached = 0;
const gate = Promise.withResolvers<void>();

beforeAll(async () => {
  database = await startTestDatabase();
  const { port } = new URL(database.serviceUrls.facilitator);
  slow = createServer((client) => {
    reached += 1;
    client.on('error', () => undefined);
    void gate.promise.then(() => {
      const server = connect(Number(port), '127.0.0.1');
      server.on('error', () => client.destroy());
      client.pipe(server).pipe(client);
    });
  });
  slow.listen(0, '127.0.0.1');
  await once(slow, 'listening');
}, 90_000);

afterAll(async () => {
  slow.close();
  await database.stop();
});

describe('the signal of changed payments', () => {
  it('that is closed while it connects ends as soon as it is connected', async () => {
    const url = new URL(database.serviceUrls.facilitator);
    url.port = String((slow.address() as AddressInfo).port);
    url.searchParams.delete('host');
    const waiter = { notify: () => undefined, notifyAll: () => undefined };
    const signal = new PaymentSignal(url.href, waiter, createLogger({ service: 'test', level: 'fatal' }));
    signal.start();
    await eventually(() => reached === 1);
    const closed = signal.close().then(() => 'closed');
    gate.resolve();
    const late = new Promise((resolve) => setTimeout(resolve, 10_000, 'still open').unref());
    expect(await Promise.race([closed, late])).toBe('closed');
  }, 30_000);
});
