import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import type { SettlementChain } from '../src/chain/settlement-chain.js';
import { PaymentRepository } from '../src/payment/payment.repository.js';
import { intercepted, type Running, until, World } from './world.js';

/** Real Postgres, a real chain that mines on demand. */

let world: World;
let settling: Running | null = null;

beforeAll(async () => {
  world = await World.start();
}, 120_000);
afterEach(async () => {
  await settling?.close();
  settling = null;
});
afterAll(async () => {
  await world?.stop();
});

const types = (events: readonly { type: string }[]) => events.map(({ type }) => type);

describe('an accepted payment', () => {
  it('is submitted, mined and confirmed by us, with what it cost', async () => {
    settling = world.run();
    const accepted = await world.accept();
    const before = await world.balance(6);
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    const [submitted, confirmed] = await world.told(accepted);
    expect(submitted).toMatchObject({
      type: 'settlement.submitted',
      causationId: accepted.id,
      data: { attempt: 1 },
    });
    expect(confirmed).toMatchObject({
      type: 'settlement.confirmed',
      causationId: submitted?.id,
      data: {
        settledBy: 'us',
        transaction: (submitted?.data as { transaction: string }).transaction,
        gas: { outcome: 'ok', attempt: 1 },
      },
    });
    expect(await world.balance(6)).toBe(before + 10_000n);
  });

  it('makes one transaction when its event comes again and again', async () => {
    settling = world.run();
    const accepted = await world.accept();
    const count = await world.relayerCount();
    await Promise.all([world.take(accepted), world.take(accepted, accepted), world.take(accepted)]);
    await world.becomes(accepted, 'confirmed');
    await world.take(accepted);
    await world.take({ ...accepted, id: 'aaaaaaaa-0000-4000-8000-000000000001' });
    expect(await world.relayerCount()).toBe(count + 1);
    expect(types(await world.told(accepted))).toEqual(['settlement.submitted', 'settlement.confirmed']);
  });

  it('is confirmed within a moment on a chain that mines on demand', async () => {
    settling = world.run();
    const tookMs: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      const accepted = await world.accept();
      const from = performance.now();
      await world.take(accepted);
      await world.becomes(accepted, 'confirmed');
      tookMs.push(performance.now() - from);
    }
    // The first ones warm up connections; the machine may be busy, so the bound is a loose one.
    expect(Math.min(...tookMs)).toBeLessThan(500);
  });

  it('shares the chain with many others: each confirmed once, nonces without a gap', async () => {
    settling = world.run();
    const count = await world.relayerCount();
    const accepted = await Promise.all(
      Array.from({ length: 20 }, (_, index) => world.accept({ payer: 1 + (index % 4) })),
    );
    await Promise.all(accepted.map((event) => world.take(event)));
    await Promise.all(accepted.map((event) => world.becomes(event, 'confirmed', 25_000)));
    const attempts = (await Promise.all(accepted.map((event) => world.attemptsOf(event)))).flat();
    expect(attempts).toHaveLength(20);
    const nonces = [...new Set(attempts.map(({ nonce }) => Number(nonce)))].sort((a, b) => a - b);
    expect(nonces).toEqual(Array.from({ length: nonces.length }, (_, index) => count + index));
    expect(await world.relayerCount()).toBe(count + nonces.length);
  });

  it('is signed by one of two processes only', async () => {
    settling = world.run();
    const second = world.run();
    const count = await world.relayerCount();
    const accepted = await Promise.all(
      Array.from({ length: 12 }, (_, index) => world.accept({ payer: 1 + (index % 4) })),
    );
    await world.take(...accepted);
    await Promise.all(accepted.map((event) => world.becomes(event, 'confirmed', 25_000)));
    await second.close();
    const attempts = (await Promise.all(accepted.map((event) => world.attemptsOf(event)))).flat();
    expect(attempts).toHaveLength(12);
    expect(await world.relayerCount()).toBe(count + new Set(attempts.map(({ nonce }) => nonce)).size);
    for (const event of accepted)
      expect(types(await world.told(event))).toEqual(['settlement.submitted', 'settlement.confirmed']);
  });
});

describe('a payment that cannot go through', () => {
  it('fails before any gas is burnt when the payer has not enough', async () => {
    settling = world.run();
    const count = await world.relayerCount();
    const accepted = await world.accept({ amount: 10n ** 15n });
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    expect(await world.told(accepted)).toMatchObject([
      {
        type: 'settlement.failed',
        data: { reason: 'insufficient_funds', authorizationSpent: false, transaction: null, gas: null },
      },
    ]);
    expect(await world.relayerCount()).toBe(count);
  });

  it('fails as spent when the payer cancelled the authorization', async () => {
    settling = world.run();
    const accepted = await world.accept();
    await world.cancel(accepted);
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    expect(await world.told(accepted)).toMatchObject([
      { type: 'settlement.failed', data: { authorizationSpent: true, gas: null } },
    ]);
  });

  it('stays queued when it is about to expire, until the facilitator says so', async () => {
    settling = world.run();
    const accepted = await world.accept({ validForSeconds: 2 });
    await world.take(accepted);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await world.stateOf(accepted)).toBe('queued');
    await world.take(world.expiryOf(accepted));
    expect(await world.stateOf(accepted)).toBe('expired');
    expect(await world.told(accepted)).toEqual([]);
  });

  it('is never queued when its expiry came first', async () => {
    const accepted = await world.accept();
    await world.take(world.expiryOf(accepted));
    await world.take(accepted);
    expect(await world.stateOf(accepted)).toBe('expired');
  });

  it('is poison when it reuses the authorization of another payment', async () => {
    const accepted = await world.accept();
    await world.take(accepted);
    const data = { ...accepted.data, paymentId: 'bbbbbbbb-0000-4000-8000-000000000002' };
    const other = { ...accepted, id: 'bbbbbbbb-0000-4000-8000-000000000003', key: data.paymentId, data };
    await expect(new PaymentRepository(world.database).take([other])).rejects.toMatchObject({
      constraint: 'payment_identity',
    });
  });
});

describe('an authorization that somebody else lands', () => {
  it('before we hear of it is settled by the other', async () => {
    settling = world.run();
    const accepted = await world.accept();
    const transaction = await world.land(accepted);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(await world.told(accepted)).toMatchObject([
      { type: 'settlement.confirmed', data: { settledBy: 'other', transaction, gas: null } },
    ]);
  });

  it('after we failed is confirmed after all', async () => {
    settling = world.run();
    const accepted = await world.accept({ amount: 2_000_000_000n, payer: 2 });
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    await world.mint(2, 2_000_000_000n);
    await world.land(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(types(await world.told(accepted))).toEqual(['settlement.failed', 'settlement.confirmed']);
  });
});

describe('a node that is down', () => {
  it('leaves payments queued, and they are settled when it is back', async () => {
    let down = true;
    const unavailable = Object.assign(new Error('connection refused'), {
      code: 'chain_unavailable',
      retryable: true,
    });
    settling = world.run({
      wrap: (chain) =>
        intercepted(chain, (_method, proceed) => (down ? Promise.reject(unavailable) : proceed())),
    });
    const accepted = await world.accept();
    await world.take(accepted);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await world.stateOf(accepted)).toBe('queued');
    down = false;
    await world.becomes(accepted, 'confirmed');
    expect(types(await world.told(accepted))).toEqual(['settlement.submitted', 'settlement.confirmed']);
  });

  it('for one payment only does not hold up the others', async () => {
    const poisoned = await world.accept({ amount: 4_242n });
    const unavailable = Object.assign(new Error('HTTP 500'), { code: 'chain_unavailable', retryable: true });
    settling = world.run({
      wrap: (chain) =>
        replaced(chain, {
          goesThrough: (call, from, gas) =>
            call.data.includes(4_242n.toString(16).padStart(64, '0'))
              ? Promise.reject(unavailable)
              : chain.goesThrough(call, from, gas),
          simulateBatch: (batch) =>
            batch.members.some(({ value }) => value === 4_242n)
              ? Promise.reject(unavailable)
              : chain.simulateBatch(batch),
        }),
    });
    const fine = await world.accept();
    await world.take(poisoned, fine);
    await world.becomes(fine, 'confirmed');
    expect(await world.stateOf(poisoned)).toBe('queued');
    await world.take(world.expiryOf(poisoned));
  });

  it('and refuses what is broadcast is asked again with the same transaction', async () => {
    let refusals = 3;
    settling = world.run({
      wrap: (chain) =>
        intercepted(chain, async (method, proceed) => {
          if (method !== 'broadcast' || refusals === 0) return proceed();
          refusals -= 1;
          return { outcome: 'refused', detail: 'transaction underpriced' };
        }),
    });
    const accepted = await world.accept();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(refusals).toBe(0);
    expect(await world.attemptsOf(accepted)).toHaveLength(1);
    expect(settling.logged.filter(({ message }) => message.includes('refused'))).toHaveLength(1);
  });

  it('and is of another chain than configured gets nothing to sign', async () => {
    const mismatch = Object.assign(new Error('eip155:84532 is configured, the node is eip155:1'), {
      code: 'chain_mismatch',
    });
    settling = world.run({
      wrap: (chain) =>
        intercepted(chain, (method, proceed) =>
          method === 'checkIdentity' ? Promise.reject(mismatch) : proceed(),
        ),
    });
    const accepted = await world.accept();
    await world.take(accepted);
    await until(async () => settling?.logged.some(({ level }) => level === 'error') ?? false, {
      what: async () => 'an error in the log',
    });
    expect(await world.stateOf(accepted)).toBe('queued');
    await expect(settling.settler.check()).rejects.toMatchObject({ code: 'chain_unchecked' });
    await world.take(world.expiryOf(accepted));
  });
});

/** A chain with some methods of its own. */
function replaced(chain: SettlementChain, methods: Partial<SettlementChain>): SettlementChain {
  return new Proxy(chain, {
    get: (target, name) => {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
