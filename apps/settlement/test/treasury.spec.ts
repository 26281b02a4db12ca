import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import type { QuittanceEvent } from '@quittance/events';
import { createTestClient, http, parseEther } from 'viem';

import { intercepted, type Running, type RunOptions, until, World } from './world.js';

/** Money for gas: what runs out of it, who tells that, and that it is told once. */

let world: World;
let owner: Database;
const processes: Running[] = [];

const plenty = parseEther('100');
const tooLittle = 10n ** 14n;

beforeAll(async () => {
  world = await World.start();
  owner = Database.connect({ url: world.server.adminUrl, applicationName: 'treasury_test' });
}, 120_000);
beforeEach(async () => {
  await fund(0, plenty);
  await fund(9, plenty);
});
afterEach(async () => {
  await Promise.all(processes.splice(0).map((each) => each.close()));
});
afterAll(async () => {
  await owner?.close();
  await world?.stop();
});

function run(options: RunOptions = {}): Running {
  const running = world.run(options);
  processes.push(running);
  return running;
}

async function fund(index: number, value: bigint): Promise<void> {
  const client = createTestClient({ mode: 'anvil', transport: http(world.anvil.rpcUrl) });
  await client.setBalance({ address: world.account(index).address, value });
}

async function told(): Promise<QuittanceEvent[]> {
  const rows = await owner.sql<{ event: QuittanceEvent }>(
    `SELECT event FROM settlement.outbox
     WHERE event->>'type' IN ('settlement.suspended', 'settlement.resumed') ORDER BY sequence`,
  );
  return rows.map(({ event }) => event);
}

const saying = async () => JSON.stringify(await told());
const alarms = (running: Running, alarm: string) =>
  running.logged
    .filter(({ fields }) => 'alarm' in fields && fields.alarm === alarm)
    .map(({ level }) => level);

describe('a treasury', () => {
  it('of each of two processes sees that no relayer can pay; one of them tells it, and that it is over', async () => {
    await fund(0, tooLittle);
    await fund(9, tooLittle);
    const before = (await told()).length;
    const relayers = [world.relayerOf(0), world.relayerOf(9)];
    const both = [run({ relayers }), run({ relayers })];
    await until(async () => both.every((one) => alarms(one, 'relayer_dry').length === 2), { what: saying });
    await until(async () => (await told()).length > before, { what: saying });
    expect((await told()).slice(before)).toMatchObject([
      {
        type: 'settlement.suspended',
        key: world.network.chainId,
        causationId: null,
        data: { chainId: world.network.chainId, reason: 'relayers_unfunded' },
      },
    ]);
    const accepted = await world.accept();
    await world.take(accepted);

    await fund(9, plenty);
    await until(async () => (await told()).length > before + 1, { withinMs: 30_000, what: saying });
    await world.becomes(accepted, 'confirmed', 30_000);
    const [suspended, resumed, ...more] = (await told()).slice(before);
    expect(resumed).toMatchObject({ type: 'settlement.resumed', causationId: suspended?.id });
    expect(more).toEqual([]);
    expect((await world.batches()).map(({ relayer }) => relayer)).toEqual([
      world.account(9).address.toLowerCase(),
    ]);
    await until(async () => both.every((one) => alarms(one, 'relayer_dry').length === 3), {
      withinMs: 30_000,
      what: async () => JSON.stringify(both.map((one) => alarms(one, 'relayer_dry'))),
    });
    expect(both.map((one) => alarms(one, 'relayer_dry'))).toEqual([
      ['error', 'error', 'info'],
      ['error', 'error', 'info'],
    ]);
  }, 90_000);

  it('remembers over a restart what was told last', async () => {
    await fund(0, tooLittle);
    await fund(9, tooLittle);
    const before = (await told()).length;
    const first = run();
    await until(async () => (await told()).length > before, { what: saying });
    await first.close();
    const second = run();
    await until(async () => alarms(second, 'relayer_dry').length === 1, { what: saying });
    await second.close();
    expect((await told()).slice(before).map(({ type }) => type)).toEqual(['settlement.suspended']);
    await fund(0, plenty);
    run();
    await until(async () => (await told()).length > before + 1, { withinMs: 30_000, what: saying });
    expect((await told()).slice(before).map(({ type }) => type)).toEqual([
      'settlement.suspended',
      'settlement.resumed',
    ]);
  }, 90_000);

  it('does not hold back a relayer because the node does not say what it holds', async () => {
    const running = run({
      wrap: (chain) =>
        intercepted(chain, async (method, proceed) => {
          if (method === 'balance') throw new Error('no answer');
          return proceed();
        }),
    });
    const accepted = await world.accept();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(alarms(running, 'relayer_dry')).toEqual([]);
  });

  it('says that a relayer runs low when what it spent in the last hour is more than it can go on with for a day', async () => {
    const accepted = await world.accept();
    const running = run();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    await running.close();
    const [row] = await owner.sql<{ fee: string }>(
      'SELECT sum(fee)::text AS fee FROM settlement.batch WHERE relayer = $1',
      [world.account(0).address.toLowerCase()],
    );
    const network = { relayerBalanceMinWei: 1n };
    await fund(0, BigInt(row?.fee ?? 0) * 23n);
    const poor = run({ network });
    await until(async () => alarms(poor, 'relayer_low').length === 1, { what: saying });
    expect(poor.logged.find(({ fields }) => 'alarm' in fields)).toMatchObject({
      level: 'error',
      fields: { alarm: 'relayer_low', hoursLeft: '23.0', relayer: world.account(0).address.toLowerCase() },
    });
    expect(poor.settler.figures().relayers.filter(({ isOwn }) => isOwn)).toMatchObject([
      { level: 'low', hoursLeftTenths: 230n },
    ]);
    await poor.close();
  }, 40_000);
});

describe('a chain whose gas costs more than the cap', () => {
  it('is suspended after a while, with what was accepted kept, and resumed by whoever finds it payable', async () => {
    const before = (await told()).length;
    const dear = run({ network: { gasPriceMaxWei: 1n } });
    const accepted = await world.accept();
    await world.take(accepted);
    await until(async () => (await told()).length > before, { withinMs: 30_000, what: saying });
    expect((await told())[before]).toMatchObject({
      type: 'settlement.suspended',
      data: { reason: 'gas_price_above_cap' },
    });
    expect(await world.stateOf(accepted)).toBe('queued');
    await dear.close();
    run();
    await until(async () => (await told()).length > before + 1, { withinMs: 30_000, what: saying });
    expect((await told())[before + 1]).toMatchObject({ type: 'settlement.resumed' });
    await world.becomes(accepted, 'confirmed');
  }, 90_000);
});
