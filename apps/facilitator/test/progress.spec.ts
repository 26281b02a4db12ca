import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parseChainId } from '@quittance/money';
import { paymentIdOf } from '@quittance/protocol';

import {
  finalizedEvent,
  gasOf,
  releasedEvent,
  reorgedEvent,
  replacedEvent,
  resumedEvent,
  suspendedEvent,
} from './event.fixture.js';
import { type Body, paymentBody } from './payment.fixture.js';
import {
  type Accepted,
  asAdmin,
  confirmedEvent,
  eventually,
  fundedPayer,
  get,
  type Ground,
  hashOf,
  post,
  type Replica,
  SettlementFake,
  startGround,
  startReplica,
  submittedEvent,
} from './stack.fixture.js';

/** What the settlement service tells after the first broadcast, and of whole chains; played on the real transport. */
let ground: Ground;
const closing: Array<() => Promise<void>> = [];

async function replica(settings: Readonly<Record<string, string>> = {}): Promise<Replica> {
  const started = await startReplica(ground, { settings: { SETTLE_WAIT_MS: '0', ...settings } });
  closing.push(started.close);
  return started;
}

async function silentSettlement(): Promise<SettlementFake> {
  const fake = new SettlementFake(ground, async () => undefined);
  await fake.start();
  closing.push(() => fake.close());
  return fake;
}

function idOf({ paymentPayload, paymentRequirements }: Body): string {
  const { from, nonce } = paymentPayload.payload.authorization;
  return paymentIdOf({
    chainId: parseChainId('eip155:84532'),
    asset: paymentRequirements.asset,
    payer: from ?? '',
    nonce: nonce ?? '',
  });
}

async function acceptedBy(service: Replica, settlement: SettlementFake, body: Body): Promise<Accepted> {
  await post(service, '/settle', body);
  await eventually(() => settlement.accepted.some(({ key }) => key === idOf(body)));
  return settlement.accepted.find(({ key }) => key === idOf(body)) as Accepted;
}

const viewOf = async (service: Replica, { key }: Accepted) => (await get(service, `/payments/${key}`)).body;
const attemptsOf = async (service: Replica, event: Accepted) =>
  ((await viewOf(service, event))['attempts'] as ReadonlyArray<Record<string, unknown>>).map(
    ({ attempt, version, transaction, outcome, blockNumber, fee }) => ({
      attempt,
      version,
      transaction,
      outcome,
      blockNumber,
      fee,
    }),
  );

beforeAll(async () => {
  ground = await startGround();
}, 90_000);
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => ground.stop());

describe('a payment that takes several transactions', () => {
  it('shows each with what came of it, and always has the newest hash', async () => {
    const [service, settlement] = [await replica(), await silentSettlement()];
    const body = await paymentBody(await fundedPayer(ground, 10_000n));
    const event = await acceptedBy(service, settlement, body);
    const [first, second, third] = [hashOf('a1'), hashOf('a2'), hashOf('a3')];
    await settlement.publish(
      submittedEvent(event, first),
      replacedEvent(event, { transaction: second, replaces: first }),
    );
    await eventually(async () => (await viewOf(service, event))['transaction'] === second);
    await expect(post(service, '/settle', body)).resolves.toMatchObject({
      body: { errorReason: 'settlement_pending', transaction: second },
    });
    await settlement.publish(releasedEvent(event, second));
    await eventually(async () => (await attemptsOf(service, event))[1]?.outcome === 'missed');
    await expect(viewOf(service, event)).resolves.toMatchObject({ state: 'submitted', transaction: second });
    const next = submittedEvent(event, third);
    const confirmed = confirmedEvent(event, third);
    await settlement.publish(
      { ...next, data: { ...next.data, attempt: 2 } },
      { ...confirmed, data: { ...confirmed.data, gas: gasOf(2, 'ok') as never } },
    );
    await eventually(async () => (await viewOf(service, event))['state'] === 'confirmed');
    await expect(attemptsOf(service, event)).resolves.toEqual([
      { attempt: 1, version: 1, transaction: first, outcome: 'replaced', blockNumber: null, fee: null },
      { attempt: 1, version: 2, transaction: second, outcome: 'missed', blockNumber: '4', fee: '100000' },
      { attempt: 2, version: 1, transaction: third, outcome: 'settled', blockNumber: '5', fee: '100000' },
    ]);
    const { transitions, attempts } = await viewOf(service, event);
    expect((transitions as Array<{ transaction: string }>).map(({ transaction }) => transaction)).toEqual([
      null,
      first,
      second,
      third,
      third,
    ]);
    expect((attempts as Array<{ relayer: string }>)[1]).toMatchObject({
      relayer: `0x${'f3'.repeat(20)}`,
      relayerNonce: '1',
      batchSize: 1,
    });
  });
});

describe('a payment whose block left the chain', () => {
  it('is under way again with its hash, counts against its payer again, and is confirmed anew', async () => {
    const [service, settlement] = [await replica(), await silentSettlement()];
    const payer = await fundedPayer(ground, 10_000n);
    const body = await paymentBody(payer);
    const event = await acceptedBy(service, settlement, body);
    const transaction = hashOf('d7');
    const confirmed = confirmedEvent(event, transaction, '1');
    await settlement.publish(submittedEvent(event, transaction), confirmed);
    await eventually(async () => (await viewOf(service, event))['state'] === 'confirmed');
    const valid = async () =>
      (await post(service, '/verify', await paymentBody(payer))).body['isValid'] === true;
    await expect(valid()).resolves.toBe(true);
    const oldNews = reorgedEvent(event, randomUUID(), transaction);
    const reorged = reorgedEvent(event, confirmed.id, transaction);
    await settlement.publish(oldNews, reorged, reorged);
    await eventually(async () => (await viewOf(service, event))['state'] === 'submitted');
    await expect(viewOf(service, event)).resolves.toMatchObject({ transaction, blockNumber: null });
    await expect(attemptsOf(service, event)).resolves.toMatchObject([{ outcome: 'reorged' }]);
    await expect(valid()).resolves.toBe(false);
    await settlement.publish(confirmed, confirmedEvent(event, transaction, '6'));
    await eventually(async () => (await viewOf(service, event))['state'] === 'confirmed');
    await expect(viewOf(service, event)).resolves.toMatchObject({ blockNumber: '6' });
    await expect(post(service, '/settle', body)).resolves.toMatchObject({ body: { success: true } });
  });

  it('is final once the chain says so, and finality never goes back', async () => {
    const [service, settlement] = [await replica(), await silentSettlement()];
    const event = await acceptedBy(
      service,
      settlement,
      await paymentBody(await fundedPayer(ground, 10_000n)),
    );
    await settlement.publish(confirmedEvent(event, hashOf('e7'), '50'), finalizedEvent('49'));
    await eventually(async () => (await viewOf(service, event))['state'] === 'confirmed');
    await expect(viewOf(service, event)).resolves.toMatchObject({ final: false });
    await settlement.publish(finalizedEvent('50'), finalizedEvent('3'));
    await eventually(async () => (await viewOf(service, event))['final'] === true);
    await settlement.publish(finalizedEvent('4'));
    const read = `SELECT final_block::text AS n FROM facilitator.chain`;
    await expect(asAdmin(ground, read)).resolves.toEqual([{ n: '50' }]);
  });
});

describe('a chain that is suspended', () => {
  it('is not offered and takes on nothing new on any replica, answers for what is known, and comes back', async () => {
    const [one, two, settlement] = [await replica(), await replica(), await silentSettlement()];
    const payer = await fundedPayer(ground, 100_000n);
    const known = await paymentBody(payer);
    const event = await acceptedBy(one, settlement, known);
    await settlement.confirm(event, hashOf('5a'), '1');
    const offered = async (service: Replica) =>
      ((await get(service, '/supported')).body['kinds'] as unknown[]).length > 0;
    const suspended = suspendedEvent();
    await settlement.publish(suspended, resumedEvent(new Date(Date.now() - 60_000)));
    for (const service of [one, two]) {
      await eventually(async () => !(await offered(service)));
      await expect(get(service, '/supported')).resolves.toMatchObject({
        body: { kinds: [], signers: { 'eip155:*': [] } },
      });
      for (const path of ['/verify', '/settle'] as const) {
        const answer = await post(service, path, await paymentBody(payer));
        expect([answer.status, answer.body['code'], answer.headers.get('retry-after')]).toEqual([
          503,
          'network_suspended',
          expect.stringMatching(/^[0-9]+$/),
        ]);
        expect(answer.body).not.toHaveProperty(path === '/verify' ? 'isValid' : 'success');
      }
      await expect(post(service, '/settle', known)).resolves.toMatchObject({
        status: 200,
        body: { success: true, transaction: hashOf('5a') },
      });
    }
    await settlement.publish(resumedEvent(), suspended);
    for (const service of [one, two]) await eventually(() => offered(service));
    await expect(post(two, '/verify', await paymentBody(payer))).resolves.toMatchObject({
      body: { isValid: true },
    });
  });
});

describe('a full queue', () => {
  it('is a 503 before anything is reserved, with an answer for what is known, until there is room', async () => {
    await asAdmin(
      ground,
      `UPDATE facilitator.payment SET state = 'failed', reason = 'x', authorization_spent = true,
      last_event_id = gen_random_uuid() WHERE state IN ('accepted', 'submitted')`,
    );
    const [service, settlement] = [await replica({ QUEUE_MAX: '3' }), await silentSettlement()];
    const payer = await fundedPayer(ground, 1_000_000n);
    const bodies = await Promise.all(Array.from({ length: 12 }, () => paymentBody(payer)));
    const answers = await Promise.all(bodies.map((body) => post(service, '/settle', body)));
    const full = answers.filter(({ body }) => body['code'] === 'queue_full');
    expect(full).toHaveLength(9);
    for (const { status, headers } of full) {
      expect([status, headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^[0-9]+$/)]);
    }
    await expect(
      asAdmin(ground, 'SELECT count(*)::int AS n FROM facilitator.payment WHERE payer = $1', [
        payer.address.toLowerCase(),
      ]),
    ).resolves.toEqual([{ n: 3 }]);
    const known = bodies[answers.findIndex(({ body }) => body['code'] === 'settlement_pending')] as Body;
    await expect(post(service, '/settle', known)).resolves.toMatchObject({
      body: { code: 'settlement_pending' },
    });
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch(/quittance_payments_undecided\{.*chain="eip155:84532".*\} 3/);
    expect(metrics).toMatch(/quittance_verdicts_total\{.*outcome="pending".*\} 4/);
    expect(metrics).toMatch(/quittance_settle_wait_seconds_count\{.*\} 4/);
    await eventually(
      () => settlement.accepted.filter(({ data }) => data.payer === payer.address.toLowerCase()).length === 3,
    );
    for (const event of settlement.accepted) await settlement.confirm(event, hashOf('7f'), '1');
    await eventually(
      async () =>
        (await post(service, '/settle', await paymentBody(payer))).body['code'] === 'settlement_pending',
    );
  });
});
