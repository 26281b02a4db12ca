import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DatabaseSchemaMissingError } from '@quittance/database';
import { type QuittanceEvent, topics } from '@quittance/events';
import { createTransport, type EventTransport } from '@quittance/messaging';
import { createLogger } from '@quittance/observability';

import { parseConfig } from '../src/config.js';
import { type Service, startService } from '../src/service.js';
import { until, World } from './world.js';

/** The service whole: events in and out over the Postgres transport, a real chain, real health checks. */

let world: World;
let facilitator: EventTransport;
const heard: QuittanceEvent[] = [];
const services: Service[] = [];

beforeAll(async () => {
  world = await World.start();
  facilitator = createTransport({ kind: 'postgres', databaseUrl: world.server.serviceUrls.facilitator });
  await facilitator.subscribe({
    group: 'facilitator',
    topics: [topics.settlements.name],
    onBatch: async ({ events }) => void heard.push(...events),
  });
}, 120_000);
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.close()));
});
afterAll(async () => {
  await facilitator?.close();
  await world?.stop();
});

async function start(
  over: Record<string, string> = {},
  onSchemaMissing: (error: DatabaseSchemaMissingError) => void = () => undefined,
): Promise<Service> {
  const config = parseConfig({
    DATABASE_URL: world.server.serviceUrls.settlement,
    NETWORKS: world.networksText(),
    RELAYER_PRIVATE_KEYS: world.anvil.accounts[0]?.privateKey ?? '',
    PORT: '0',
    LOG_LEVEL: 'silent',
    ...over,
  });
  const service = await startService(
    config,
    createLogger({ service: 'settlement', level: config.logLevel }),
    onSchemaMissing,
  );
  services.push(service);
  return service;
}

async function ready({ url }: Service): Promise<{
  status: number;
  body: { status: string; checks: Record<string, { status: string }> };
}> {
  const answer = await fetch(`${url}/health/ready`);
  return { status: answer.status, body: (await answer.json()) as never };
}

const about = (paymentId: string) => heard.filter(({ key }) => key === paymentId).map(({ type }) => type);

describe('the settlement service', () => {
  it('turns an accepted payment into a submission and a confirmation, over the transport', async () => {
    await start();
    const accepted = await world.accept();
    await facilitator.publish([accepted]);
    const { paymentId } = accepted.data;
    await until(async () => about(paymentId).length === 2, {
      what: async () => JSON.stringify(about(paymentId)),
    });
    expect(about(paymentId)).toEqual(['settlement.submitted', 'settlement.confirmed']);
  });

  it('makes one transaction of an event that is published twice', async () => {
    await start();
    const accepted = await world.accept();
    const count = await world.relayerCount();
    await facilitator.publish([accepted, accepted]);
    await facilitator.publish([accepted]);
    await world.becomes(accepted, 'confirmed');
    expect(await world.relayerCount()).toBe(count + 1);
  });

  it('takes up after a restart what came while it was away', async () => {
    const accepted = await world.accept();
    await facilitator.publish([accepted]);
    await start();
    await world.becomes(accepted, 'confirmed');
  });

  it('is ready when database, transport and chain answer', async () => {
    const service = await start();
    await until(async () => (await ready(service)).status === 200, {
      what: async () => JSON.stringify(await ready(service)),
    });
    const { body } = await ready(service);
    expect(Object.keys(body.checks)).toEqual(['database', 'transport', 'chain:eip155:84532']);
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
  });

  it('starts without a node, says that it is not ready, and settles when the node is there', async () => {
    const service = await start();
    world.anvil.pause();
    try {
      const { status, body } = await ready(service);
      expect(status).toBe(503);
      expect(body.checks['chain:eip155:84532']?.status).toBe('down');
      expect(body.checks['database']?.status).toBe('up');
    } finally {
      world.anvil.resume();
    }
    await until(async () => (await ready(service)).status === 200, { what: async () => 'ready' });
  });

  it('is never ready for a node of another chain', async () => {
    const service = await start({ NETWORKS: world.networksText({ chainId: 'eip155:1' }) });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await ready(service)).body).toMatchObject({
      status: 'unavailable',
      checks: { 'chain:eip155:1': { status: 'down' } },
    });
  });

  it('reports a database that was never migrated', async () => {
    const empty = new URL(world.server.adminUrl);
    empty.pathname = '/postgres';
    const missing: string[] = [];
    await start({ DATABASE_URL: empty.href }, (error) => missing.push(...error.tables));
    await until(async () => missing.length > 0, { what: async () => 'the report' });
    expect(missing).toContain('settlement.payment');
  });

  it('starts without a database, says that it is not ready, and works when the database is there', async () => {
    const accepted = await world.accept();
    await world.server.stopServer();
    const service = await start();
    const { status, body } = await ready(service);
    expect({ status, database: body.checks['database']?.status }).toEqual({ status: 503, database: 'down' });
    await world.server.startServer();
    await until(async () => (await ready(service)).status === 200, { what: async () => 'ready' });
    await facilitator.publish([accepted]);
    await world.becomes(accepted, 'confirmed');
  }, 60_000);

  it('survives a crash of the database in the middle of its work', async () => {
    await start();
    const before = await Promise.all([1, 2, 3, 4].map((payer) => world.accept({ payer })));
    await facilitator.publish(before);
    await world.server.stopServer('immediate');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await world.server.startServer();
    await Promise.all(
      before.map((accepted) =>
        until(async () => (await world.stateOf(accepted).catch(() => '')) === 'confirmed', {
          withinMs: 25_000,
          what: async () => 'confirmed',
        }),
      ),
    );
    await until(
      async () => before.every(({ data }) => about(data.paymentId).includes('settlement.confirmed')),
      { what: async () => JSON.stringify(heard) },
    );
  }, 60_000);
});
