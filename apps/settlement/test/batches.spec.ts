import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { type Accepted, type Running, until, World } from './world.js';

/** Real Postgres, and a real chain on which the tests decide when a block comes. */

let world: World;
let settling: Running | null = null;

beforeAll(async () => {
  world = await World.start();
}, 120_000);
afterEach(async () => {
  await settling?.close();
  settling = null;
  await world.setAutomine(true);
});
afterAll(async () => {
  await world?.stop();
});

const many = (count: number, terms: Parameters<World['accept']>[0] = {}) =>
  Promise.all(
    Array.from({ length: count }, (_, index) => world.accept({ payer: 1 + (index % 4), ...terms })),
  );

/** Puts something on its way, so that what comes after it gathers. */
async function busy(): Promise<Accepted> {
  await world.setAutomine(false);
  const first = await world.accept();
  await world.take(first);
  await world.becomes(first, 'submitted');
  return first;
}

async function confirmedTogether(payments: readonly Accepted[]): Promise<void> {
  for (const payment of payments) await world.becomes(payment, 'submitted');
  await world.setAutomine(true);
  await world.mine();
  for (const payment of payments) await world.becomes(payment, 'confirmed', 20_000);
}

describe('payments that wait together', () => {
  it('go in one transaction, each with its part of the gas, while one that comes alone goes by itself', async () => {
    settling = world.run();
    const first = await busy();
    const accepted = await many(12);
    await world.take(...accepted);
    await confirmedTogether([first, ...accepted]);
    const hashes = (await Promise.all(accepted.map((event) => world.attemptsOf(event)))).flat();
    expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(1);
    const [alone] = await world.attemptsOf(first);
    expect(hashes.map(({ hash }) => hash)).not.toContain(alone?.hash);
    const told = (await Promise.all(accepted.map((event) => world.told(event)))).flat();
    const submitted = told.filter(({ type }) => type === 'settlement.submitted');
    expect(submitted.map(({ data }) => (data as { batchSize: number }).batchSize)).toEqual(
      Array.from({ length: 12 }, () => 12),
    );
    const gas = told.flatMap(({ type, data }) =>
      type === 'settlement.confirmed' ? [BigInt((data as { gas: { gasUsed: string } }).gas.gasUsed)] : [],
    );
    expect(gas.reduce((sum, part) => sum + part, 0n)).toBe(await world.gasUsed(hashes[0]?.hash));
  });

  it.each([
    {
      bad: 'has not got the money',
      spoil: async () => world.accept({ payer: 2, amount: 10n ** 15n }),
      told: { type: 'settlement.failed', data: { reason: 'insufficient_funds', transaction: null } },
    },
    {
      bad: 'was cancelled by its payer',
      spoil: async () => {
        const accepted = await world.accept();
        await world.cancel(accepted);
        return accepted;
      },
      told: {
        type: 'settlement.failed',
        data: { reason: 'invalid_exact_evm_nonce_already_used', authorizationSpent: true, transaction: null },
      },
    },
    {
      bad: 'was used by somebody else',
      spoil: async () => {
        const accepted = await world.accept();
        await world.land(accepted);
        return accepted;
      },
      told: { type: 'settlement.confirmed', data: { settledBy: 'other', gas: null } },
    },
  ])('settle though one in twenty $bad, which gets its own outcome', async ({ spoil, told }) => {
    const bad = await spoil();
    settling = world.run();
    const first = await busy();
    const good = await many(19);
    await world.take(...good.slice(0, 9), bad, ...good.slice(9));
    await confirmedTogether([first, ...good]);
    const attempts = (await Promise.all(good.map((event) => world.attemptsOf(event)))).flat();
    expect(attempts).toHaveLength(19);
    expect(new Set(attempts.map(({ hash }) => hash)).size).toBe(1);
    await world.becomes(bad, told.type === 'settlement.failed' ? 'failed' : 'confirmed', 20_000);
    expect(await world.attemptsOf(bad)).toEqual([]);
    expect(await world.told(bad)).toEqual([expect.objectContaining({ type: told.type })]);
    expect((await world.told(bad))[0]?.data).toMatchObject(told.data);
  });

  it('are as many as fit, and the others come next', async () => {
    settling = world.run();
    const first = await busy();
    const accepted = await many(420);
    await world.take(...accepted);
    await confirmedTogether([first, ...accepted]);
    const attempts = (await Promise.all(accepted.map((event) => world.attemptsOf(event)))).flat();
    expect(attempts).toHaveLength(420);
    const batches = new Set(attempts.map(({ batch }) => batch)).size;
    expect(batches).toBeGreaterThanOrEqual(2);
    expect(batches).toBeLessThanOrEqual(4);
  });
});

describe('a payment that fails in its batch when that is mined', () => {
  it('is signed again or gets its reason, and the others are settled', async () => {
    settling = world.run();
    const first = await busy();
    const accepted = await many(6);
    const [taken, ...others] = accepted;
    if (taken === undefined) throw new RangeError('no payment');
    await world.take(...accepted);
    for (const payment of accepted) await world.becomes(payment, 'submitted');
    await world.landFirst(taken);
    await world.setAutomine(true);
    for (const payment of [first, ...others]) await world.becomes(payment, 'confirmed', 20_000);
    await world.becomes(taken, 'confirmed', 20_000);
    const told = await world.told(taken);
    expect(told.find(({ type }) => type === 'settlement.confirmed')?.data).toMatchObject({
      settledBy: 'other',
    });
    await until(async () => (await world.attemptsOf(taken))[0]?.state === 'missed', {
      what: async () => JSON.stringify(await world.attemptsOf(taken)),
    });
  });
});
