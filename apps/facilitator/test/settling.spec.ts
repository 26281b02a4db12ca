import { randomBytes, randomUUID } from 'node:crypto';

import { afterEach, beforeAll, afterAll, describe, expect, it } from '@jest/globals';
import { createTransport, TransportUnavailableError } from '@quittance/messaging';
import { paymentIdOf } from '@quittance/protocol';
import { parseChainId } from '@quittance/money';
import type { Hex } from 'viem';

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

/** Two replicas on one database, with the settlement service played by events on the real transport. */
let ground: Ground;
const closing: Array<() => Promise<void>> = [];

async function replica(settings: Readonly<Record<string, string>> = {}): Promise<Replica> {
  const started = await startReplica(ground, { settings });
  closing.push(started.close);
  return started;
}

async function settlementThat(
  script: (event: Accepted, fake: SettlementFake) => Promise<void>,
): Promise<SettlementFake> {
  const fake = new SettlementFake(ground, script);
  await fake.start();
  closing.push(() => fake.close());
  return fake;
}

const nothing = async (): Promise<void> => undefined;

function idOf({ paymentPayload, paymentRequirements }: Body): string {
  const { from, nonce } = paymentPayload.payload.authorization;
  return paymentIdOf({
    chainId: parseChainId('eip155:84532'),
    asset: paymentRequirements.asset,
    payer: from ?? '',
    nonce: nonce ?? '',
  });
}

beforeAll(async () => {
  ground = await startGround();
}, 90_000);
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => ground.stop());

describe('one authorization', () => {
  it('asked for a hundred times at once over two replicas is one payment, one event and a hundred equal answers', async () => {
    const [one, two] = await Promise.all([replica(), replica()]);
    const settlement = await settlementThat((event, fake) => fake.confirm(event));
    const body = await paymentBody(await fundedPayer(ground, 10_000n));
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_none, index) => post(index % 2 === 0 ? one : two, '/settle', body)),
    );
    expect(new Set(answers.map(({ status, body: answer }) => JSON.stringify([status, answer])))).toEqual(
      new Set([JSON.stringify([200, answers[0]?.body])]),
    );
    expect(answers[0]?.body).toMatchObject({ success: true, transaction: hashOf('7a') });
    const id = idOf(body);
    await expect(
      asAdmin(ground, 'SELECT state FROM facilitator.payment WHERE id = $1', [id]),
    ).resolves.toEqual([{ state: 'confirmed' }]);
    const events = await asAdmin(
      ground,
      `SELECT value::json ->> 'type' AS type FROM events.log WHERE key = $1 AND topic = 'quittance.payments.v1'`,
      [id],
    );
    expect(events).toEqual([{ type: 'payment.accepted' }]);
    expect(settlement.accepted.filter(({ key }) => key === id)).toHaveLength(1);
  });

  it('presented with another request around it is refused, and nothing is given on', async () => {
    const service = await replica();
    const settlement = await settlementThat((event, fake) => fake.confirm(event));
    const wish = {
      nonce: `0x${randomBytes(32).toString('hex')}` as Hex,
      validBefore: `${Math.floor(Date.now() / 1000) + 200}`,
    };
    const payer = await fundedPayer(ground, 50_000n);
    await post(service, '/settle', await paymentBody(payer, wish));
    const given = settlement.accepted.length;
    const others = await Promise.all([
      paymentBody(payer, { ...wish, requirements: { maxTimeoutSeconds: 301 } }),
      paymentBody(payer, { ...wish, amount: '20000' }),
    ]);
    for (const other of others) {
      await expect(post(service, '/settle', other)).resolves.toMatchObject({
        status: 200,
        body: {
          success: false,
          errorReason: 'authorization_conflict',
          transaction: '',
          network: 'eip155:84532',
        },
      });
    }
    expect(settlement.accepted).toHaveLength(given);
  });
});

describe('the last dollar', () => {
  it('is paid once: of two payments at once over two replicas, one is refused for lack of funds', async () => {
    const [one, two] = await Promise.all([
      replica({ SETTLE_WAIT_MS: '500' }),
      replica({ SETTLE_WAIT_MS: '500' }),
    ]);
    await settlementThat((event, fake) => fake.submit(event));
    const payer = await fundedPayer(ground, 10_000n);
    const bodies = await Promise.all([paymentBody(payer), paymentBody(payer)]);
    const answers = await Promise.all(
      bodies.map((body, index) => post(index === 0 ? one : two, '/settle', body)),
    );
    expect(answers.map(({ body }) => body['errorReason']).sort()).toEqual([
      'insufficient_funds',
      'settlement_pending',
    ]);
    await expect(post(one, '/verify', await paymentBody(payer, { amount: '1' }))).resolves.toMatchObject({
      body: { invalidReason: 'insufficient_funds' },
    });
  });

  it('and the last seven are paid once each: of twenty payments at once over two replicas, seven are taken on', async () => {
    const replicas = await Promise.all([replica({ SETTLE_WAIT_MS: '0' }), replica({ SETTLE_WAIT_MS: '0' })]);
    const payer = await fundedPayer(ground, 70_000n);
    const bodies = await Promise.all(Array.from({ length: 20 }, () => paymentBody(payer)));
    const answers = await Promise.all(
      bodies.map((body, index) => post(replicas[index % 2] ?? replicas[0], '/settle', body)),
    );
    const reasons = answers.map(({ body }) => body['errorReason'] ?? body['code']);
    expect(reasons.filter((reason) => reason === 'settlement_pending')).toHaveLength(7);
    expect(reasons.filter((reason) => reason === 'insufficient_funds')).toHaveLength(13);
  });

  it.each([
    [
      'confirmed in a block that the balance does not know yet',
      (event: Accepted, fake: SettlementFake) => fake.confirm(event, hashOf('c1'), '99999999'),
      'insufficient_funds',
    ],
    [
      'confirmed in a block that the balance knows',
      (event: Accepted, fake: SettlementFake) => fake.confirm(event, hashOf('c2'), '1'),
      undefined,
    ],
    [
      'failed though anybody could still land it',
      (event: Accepted, fake: SettlementFake) => fake.fail(event, { spent: false }),
      'insufficient_funds',
    ],
    [
      'failed for good',
      (event: Accepted, fake: SettlementFake) => fake.fail(event, { spent: true }),
      undefined,
    ],
  ])('counts a payment that is %s', async (_case, script, reason) => {
    const service = await replica();
    await settlementThat(script);
    const payer = await fundedPayer(ground, 10_000n);
    await post(service, '/settle', await paymentBody(payer));
    const second = await post(service, '/verify', await paymentBody(payer));
    expect(second.body['invalidReason']).toBe(reason);
  });
});

describe('an answer that takes long', () => {
  it('is a 503 to try again while no hash is known, pending with the hash once it is, and the outcome at last', async () => {
    const service = await replica({ SETTLE_WAIT_MS: '300' });
    const settlement = await settlementThat(nothing);
    const body = await paymentBody(await fundedPayer(ground, 10_000n));
    const first = await post(service, '/settle', body);
    expect([first.status, first.body]).toEqual([
      503,
      expect.objectContaining({ code: 'settlement_pending', detail: expect.stringContaining(idOf(body)) }),
    ]);
    // No verdict: nothing that a client would take for a failed settlement.
    expect(first.body).not.toHaveProperty('success');
    expect(first.headers.get('retry-after')).toMatch(/^[0-9]+$/);
    await eventually(() => settlement.accepted.some(({ key }) => key === idOf(body)));
    const event = settlement.accepted.find(({ key }) => key === idOf(body)) as Accepted;
    await settlement.submit(event, hashOf('5b'));
    await eventually(async () => {
      const pending = await post(service, '/settle', body);
      return (
        pending.status === 200 &&
        pending.body['errorReason'] === 'settlement_pending' &&
        pending.body['transaction'] === hashOf('5b')
      );
    });
    await settlement.publish(confirmedEvent(event, hashOf('5b')));
    await eventually(async () => (await post(service, '/settle', body)).body['success'] === true);
  });

  it('comes at once when the outcome comes, on whichever replica the caller waits', async () => {
    const [one, two] = await Promise.all([
      replica({ SETTLE_WAIT_MS: '20000' }),
      replica({ SETTLE_WAIT_MS: '20000' }),
    ]);
    const settlement = await settlementThat(nothing);
    const body = await paymentBody(await fundedPayer(ground, 10_000n));
    const waiting = [post(one, '/settle', body), post(two, '/settle', body)];
    await eventually(() => settlement.accepted.some(({ key }) => key === idOf(body)));
    const begun = performance.now();
    await settlement.confirm(settlement.accepted.find(({ key }) => key === idOf(body)) as Accepted);
    for (const answer of await Promise.all(waiting)) expect(answer.body['success']).toBe(true);
    expect(performance.now() - begun).toBeLessThan(900);
  });

  it('is given with what is known when the service shuts down', async () => {
    const service = await startReplica(ground, { settings: { SETTLE_WAIT_MS: '20000' } });
    const settlement = await settlementThat((event, fake) => fake.submit(event, hashOf('6c')));
    const body = await paymentBody(await fundedPayer(ground, 10_000n));
    const waiting = post(service, '/settle', body);
    await eventually(
      async () =>
        (
          await asAdmin<{ state: string }>(ground, 'SELECT state FROM facilitator.payment WHERE id = $1', [
            idOf(body),
          ])
        )[0]?.state === 'submitted',
    );
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const begun = performance.now();
    await service.close();
    await expect(waiting).resolves.toMatchObject({
      status: 200,
      body: { errorReason: 'settlement_pending', transaction: hashOf('6c') },
    });
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(settlement.accepted.length).toBeGreaterThan(0);
  });
});

describe('what became of a payment', () => {
  it('is told with its reason when it failed, the same each time', async () => {
    const service = await replica();
    await settlementThat((event, fake) =>
      fake.fail(event, { reason: 'invalid_exact_evm_transaction_failed', transaction: hashOf('fa') }),
    );
    const body = await paymentBody(await fundedPayer(ground, 10_000n));
    const first = await post(service, '/settle', body);
    expect(first.body).toMatchObject({
      success: false,
      errorReason: 'invalid_exact_evm_transaction_failed',
      transaction: hashOf('fa'),
      payer: expect.any(String),
    });
    await expect(post(service, '/settle', body).then(({ body: again }) => again)).resolves.toEqual(
      first.body,
    );
  });

  it('can be read with its trail, however events came, and without its signature', async () => {
    const service = await replica({ SETTLE_WAIT_MS: '0' });
    const settlement = await settlementThat(nothing);
    const body = await paymentBody(await fundedPayer(ground, 10_000n));
    await post(service, '/settle', body);
    await eventually(() => settlement.accepted.some(({ key }) => key === idOf(body)));
    const event = settlement.accepted.find(({ key }) => key === idOf(body)) as Accepted;
    const [submitted, confirmed] = [submittedEvent(event, hashOf('d1')), confirmedEvent(event, hashOf('d1'))];
    await settlement.publish(submitted, confirmed, submitted, confirmed, { ...submitted, id: randomUUID() });
    await eventually(
      async () => (await get(service, `/payments/${idOf(body)}`)).body['state'] === 'confirmed',
    );
    const { body: view } = await get(service, `/payments/${idOf(body).toUpperCase()}`);
    expect(view).toMatchObject({
      id: idOf(body),
      state: 'confirmed',
      amount: '10000',
      transaction: hashOf('d1'),
      blockNumber: '5',
    });
    expect(
      (view['transitions'] as Array<{ to: string; eventId: string }>).map(({ to, eventId }) => [to, eventId]),
    ).toEqual([
      ['accepted', event.id],
      ['submitted', submitted.id],
      ['confirmed', confirmed.id],
    ]);
    expect(JSON.stringify(view)).not.toMatch(/[0-9a-f]{130}|secret/i);
  });

  it('is nothing to an event of a payment that was never accepted', async () => {
    const service = await replica();
    const settlement = await settlementThat((event, fake) => fake.confirm(event));
    const body = await paymentBody(await fundedPayer(ground, 20_000n));
    await post(service, '/settle', body);
    const known = settlement.accepted.find(({ key }) => key === idOf(body)) as Accepted;
    const strange = { ...known, key: randomUUID(), data: { ...known.data, paymentId: randomUUID() } };
    await settlement.publish(submittedEvent(strange, hashOf('ee')));
    await eventually(() => service.logLines.some((line) => line.includes('not in the registry')));
  });
});

describe('a payment that nobody submitted', () => {
  it('is released once the chain proves that it cannot land, and not before', async () => {
    const service = await replica({ SETTLE_WAIT_MS: '0' });
    const settlement = await settlementThat(nothing);
    const payer = await fundedPayer(ground, 10_000n);
    const body = await paymentBody(payer, { validBefore: `${Math.floor(Date.now() / 1000) + 8}` });
    await post(service, '/settle', body);
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    await expect(get(service, `/payments/${idOf(body)}`)).resolves.toMatchObject({
      body: { state: 'accepted' },
    });
    await ground.anvil.mine(1);
    await eventually(async () => (await get(service, `/payments/${idOf(body)}`)).body['state'] === 'expired');
    await expect(post(service, '/settle', body)).resolves.toMatchObject({
      status: 200,
      body: { success: false, errorReason: 'payment_expired', transaction: '' },
    });
    await expect(post(service, '/verify', await paymentBody(payer))).resolves.toMatchObject({
      body: { isValid: true },
    });
    await eventually(() =>
      settlement.others.some((event) => event.type === 'payment.expired' && event.key === idOf(body)),
    );
  }, 60_000);
});

describe('while events cannot travel', () => {
  it('nothing is promised: 503 before anything is reserved, verdicts as ever, and settling again after', async () => {
    let down = false;
    const service = await startReplica(ground, {
      replace: ({ config }) => {
        const real = createTransport({ kind: 'postgres', databaseUrl: config.databaseUrl });
        return {
          transport: {
            publish: (events) => real.publish(events),
            subscribe: (options) => real.subscribe(options),
            close: () => real.close(),
            ping: () => (down ? Promise.reject(new TransportUnavailableError('cut')) : real.ping()),
          },
        };
      },
    });
    closing.push(service.close);
    await settlementThat((event, fake) => fake.confirm(event));
    const payer = await fundedPayer(ground, 20_000n);
    const settledBefore = await paymentBody(payer);
    await post(service, '/settle', settledBefore);
    down = true;
    await eventually(async () => (await get(service, '/health/ready')).status === 503);
    const refusal = await post(service, '/settle', await paymentBody(payer));
    expect([refusal.status, refusal.headers.get('content-type'), refusal.body['code']]).toEqual([
      503,
      expect.stringContaining('application/problem+json'),
      'transport_unavailable',
    ]);
    expect(refusal.headers.get('retry-after')).toMatch(/^[0-9]+$/);
    await expect(post(service, '/verify', await paymentBody(payer))).resolves.toMatchObject({
      status: 200,
      body: { isValid: true },
    });
    await expect(post(service, '/settle', settledBefore)).resolves.toMatchObject({
      status: 200,
      body: { success: true },
    });
    await expect(
      asAdmin(ground, 'SELECT count(*)::int AS n FROM facilitator.payment WHERE payer = $1', [
        payer.address.toLowerCase(),
      ]),
    ).resolves.toEqual([{ n: 1 }]);
    down = false;
    await eventually(
      async () => (await post(service, '/settle', await paymentBody(payer))).body['success'] === true,
    );
  });
});
