import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { paymentBody, type Payer } from './payment.fixture.js';
import {
  type Answer,
  eventually,
  fundedPayer,
  get,
  type Ground,
  post,
  type Replica,
  SettlementFake,
  startGround,
  startReplica,
} from './stack.fixture.js';

/** What we depend on goes away and comes back: a fault is a 503 with its name, never a verdict, and passes by itself. */
let ground: Ground;
let replica: Replica;
let settlement: SettlementFake;
let payer: Payer;

beforeAll(async () => {
  ground = await startGround();
  replica = await startReplica(ground);
  settlement = new SettlementFake(ground);
  await settlement.start();
  payer = await fundedPayer(ground, 1_000_000n);
}, 90_000);

afterAll(async () => {
  await settlement.close();
  await replica.close();
  await ground.stop();
});

let restore: () => Promise<void> | void = () => undefined;
afterEach(async () => {
  await restore();
  restore = () => undefined;
});

function expectFault(answer: Answer, code: string): void {
  expect([answer.status, answer.headers.get('content-type'), answer.body['code']]).toEqual([
    503,
    expect.stringContaining('application/problem+json'),
    code,
  ]);
  expect(answer.headers.get('retry-after')).toMatch(/^[0-9]+$/);
  expect(JSON.stringify(answer.body)).not.toMatch(/isValid|success|127\.0\.0\.1|localhost|ECONN/);
}

async function settles(): Promise<boolean> {
  return (await post(replica, '/settle', await paymentBody(payer))).body['success'] === true;
}

describe('a node that hangs', () => {
  it('is chain_unavailable until it answers again; settled payments keep their answers', async () => {
    const settled = await paymentBody(payer);
    await post(replica, '/settle', settled);
    ground.anvil.pause();
    restore = () => ground.anvil.resume();
    const body = await paymentBody(payer);
    const answers = await Promise.all([
      post(replica, '/verify', body),
      post(replica, '/settle', body),
      get(replica, '/health/ready'),
    ]);
    expectFault(answers[0] as Answer, 'chain_unavailable');
    expectFault(answers[1] as Answer, 'chain_unavailable');
    expect(answers[2]).toMatchObject({
      status: 503,
      body: {
        status: 'unavailable',
        checks: { database: { status: 'up' }, 'chain:eip155:84532': { status: 'down' } },
      },
    });
    await expect(get(replica, '/health/live')).resolves.toMatchObject({ status: 200 });
    await expect(post(replica, '/settle', settled)).resolves.toMatchObject({
      status: 200,
      body: { success: true },
    });
    ground.anvil.resume();
    await eventually(settles);
    await expect(post(replica, '/settle', body)).resolves.toMatchObject({ body: { success: true } });
  }, 60_000);
});

describe('a database that is down', () => {
  it('is a 503 until it is back; then an answered payment has the same answer and new ones settle', async () => {
    const settled = await paymentBody(payer);
    const first = await post(replica, '/settle', settled);
    await ground.database.stopServer('immediate');
    restore = () => ground.database.startServer();
    const body = await paymentBody(payer);
    expectFault(await post(replica, '/verify', body), 'database_unavailable');
    expectFault(await post(replica, '/settle', body), 'database_unavailable');
    expectFault(await get(replica, '/payments/6f2d3c1a-5b7e-8f90-a1b2-c3d4e5f60718'), 'database_unavailable');
    await expect(get(replica, '/health/ready')).resolves.toMatchObject({
      status: 503,
      body: { checks: { database: { status: 'down' }, transport: { status: 'down' } } },
    });
    expect((await post(replica, '/verify', '{')).status).toBe(400);
    await ground.database.startServer();
    restore = () => undefined;
    await eventually(async () => (await get(replica, '/health/ready')).status === 200);
    await expect(post(replica, '/settle', settled)).resolves.toMatchObject({ status: 200, body: first.body });
    await eventually(settles);
  }, 60_000);

  it('does not keep a replica from starting, which is ready once the database is back', async () => {
    await ground.database.stopServer('fast');
    restore = () => ground.database.startServer();
    const late = await startReplica(ground, { awaitReady: false });
    await expect(get(late, '/health/live')).resolves.toMatchObject({ status: 200 });
    await expect(get(late, '/health/ready')).resolves.toMatchObject({ status: 503 });
    await ground.database.startServer();
    restore = () => undefined;
    await eventually(async () => (await get(late, '/health/ready')).status === 200);
    await eventually(
      async () => (await post(late, '/settle', await paymentBody(payer))).body['success'] === true,
    );
    await late.close();
  }, 60_000);
});

describe('a payment whose outcome comes while the database is down', () => {
  it('gets its answer when the database is back', async () => {
    const waitingReplica = await startReplica(ground, { settings: { SETTLE_WAIT_MS: '15000' } });
    await settlement.close();
    const body = await paymentBody(payer);
    const waiting = post(waitingReplica, '/settle', body);
    await eventually(() => waitingReplica.logLines.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await ground.database.stopServer('fast');
    await ground.database.startServer();
    settlement = new SettlementFake(ground);
    await settlement.start();
    await expect(waiting).resolves.toMatchObject({ status: 200, body: { success: true } });
    await waitingReplica.close();
  }, 60_000);
});
