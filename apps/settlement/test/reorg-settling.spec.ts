import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventOf, QuittanceEvent } from '@quittance/events';
import { createTestClient, http } from 'viem';

import { type Running, until, World } from './world.js';

/** Reorganizations under a service at work: it has to put everything back on chain by itself. */

type Accepted = EventOf<'payment.accepted'>;

let world: World;
const processes: Running[] = [];

beforeAll(async () => {
  world = await World.start();
}, 120_000);
afterEach(async () => {
  await Promise.all(processes.splice(0).map((running) => running.close()));
});
afterAll(async () => {
  await world?.stop();
});

async function reorg(depth: number): Promise<void> {
  const client = createTestClient({ mode: 'anvil', transport: http(world.anvil.rpcUrl) });
  await client.request<{ Method: 'anvil_reorg'; Parameters: unknown[]; ReturnType: null }>({
    method: 'anvil_reorg',
    params: [depth, []],
  });
}

/** Payments in groups, so that some are alone and some share a transaction; one of them is landed by somebody else. */
async function settle(groups: readonly number[]): Promise<Accepted[]> {
  const all: Accepted[] = [];
  for (const [index, size] of groups.entries()) {
    const group = await Promise.all(
      Array.from({ length: size }, (_, place) => world.accept({ payer: 1 + ((index + place) % 4) })),
    );
    if (index === 1 && group[0] !== undefined) await world.land(group[0]);
    await world.take(...group);
    all.push(...group);
    await everyBecomes(group);
  }
  return all;
}

async function everyBecomes(payments: readonly Accepted[]): Promise<void> {
  for (const payment of payments) await world.becomes(payment, 'confirmed', 20_000);
}

function standing(events: readonly QuittanceEvent[]): QuittanceEvent[] {
  const taken = new Set(events.flatMap(({ data }) => ('takesBack' in data ? [data.takesBack] : [])));
  return events.filter(({ id, type }) => !taken.has(id) && type !== 'settlement.reorged');
}

async function expectExactlyOnce(payments: readonly Accepted[], paidBefore: bigint): Promise<void> {
  for (const payment of payments) {
    const events = standing(await world.told(payment));
    expect(events.filter(({ type }) => type === 'settlement.confirmed')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'settlement.failed')).toHaveLength(0);
  }
  expect((await world.balance(6)) - paidBefore).toBe(10_000n * BigInt(payments.length));
}

describe('a reorganization under a service at work', () => {
  it.each([1, 4, 12])(
    'of depth %i ends with every payment on chain and told once',
    async (depth) => {
      processes.push(world.run());
      const paid = await world.balance(6);
      const payments = await settle([1, 5, 1, 12, 3, 1]);
      await reorg(depth);
      await until(
        async () => {
          const told = (await Promise.all(payments.map((payment) => world.told(payment)))).flat();
          return told.some(({ type }) => type === 'settlement.reorged');
        },
        { what: async () => 'a reorganization told' },
      );
      await everyBecomes(payments);
      await until(async () => (await world.balance(6)) - paid === 10_000n * BigInt(payments.length), {
        what: async () => `all paid: ${(await world.balance(6)) - paid}`,
      });
      await expectExactlyOnce(payments, paid);
    },
    90_000,
  );

  it('while two processes settle ends the same', async () => {
    processes.push(world.run(), world.run());
    const paid = await world.balance(6);
    const payments = await settle([2, 3, 6, 1]);
    const more = await Promise.all([1, 2, 3, 4].map((payer) => world.accept({ payer })));
    await world.take(...more);
    await reorg(3);
    const all = [...payments, ...more];
    await until(
      async () => {
        await world.mine();
        return (await world.balance(6)) - paid === 10_000n * BigInt(all.length);
      },
      { what: async () => `all paid: ${(await world.balance(6)) - paid}`, withinMs: 30_000 },
    );
    await everyBecomes(all);
    await expectExactlyOnce(all, paid);
  }, 90_000);
});
