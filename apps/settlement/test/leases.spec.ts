import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { leaseMs } from '../src/relayer/lease.js';
import { Presence } from '../src/relayer/presence.adapter.js';
import { pausing, type Running, until, World } from './world.js';

/** Several processes that share the keys of relayers: real Postgres, real chain. */

let world: World;
let processes: Running[] = [];

beforeAll(async () => {
  world = await World.start();
}, 120_000);
afterEach(async () => {
  await Promise.all(processes.map((running) => running.close()));
  processes = [];
  await world.setAutomine(true);
});
afterAll(async () => {
  await world?.stop();
});

const bothKeys = () => [world.relayerOf(0), world.relayerOf(9)];

function run(options: Parameters<World['run']>[0] = {}): Running {
  const running = world.run(options);
  processes.push(running);
  return running;
}

async function heldBy(count: number): Promise<void> {
  await until(async () => (await world.leases()).filter(({ live }) => live).length === count, {
    what: async () => `${count} leases: ${JSON.stringify(await world.leases())}`,
  });
}

describe('keys of relayers', () => {
  it('are all taken by a process that is alone, each with a token of its own', async () => {
    run({ relayers: bothKeys() });
    await heldBy(2);
    const leases = await world.leases();
    expect(new Set(leases.map(({ holder }) => holder)).size).toBe(1);
    expect(leases.map(({ address }) => address).toSorted()).toEqual(
      bothKeys()
        .map(({ address }) => address)
        .toSorted(),
    );
  });

  it('are shared by processes that start together', async () => {
    // Both have looked for a key before either takes one, and so may have found the same.
    const gates = [pausing(), pausing()];
    for (const gate of gates) gate.hold('transactionCountMax');
    for (const { wrap } of gates) run({ relayers: bothKeys(), wrap });
    await Promise.all(gates.map((gate) => gate.held()));
    for (const gate of gates) gate.letGo();
    await heldBy(2);
    expect(new Set((await world.leases()).map(({ holder }) => holder)).size).toBe(2);
  });

  it('take turns, so that a full pipeline of one does not stop the other', async () => {
    await world.setAutomine(false);
    run({ relayers: bothKeys() });
    await heldBy(2);
    const accepted = [];
    for (let index = 0; index < 4; index += 1) {
      const payment = await world.accept({ payer: 1 + index });
      accepted.push(payment);
      await world.take(payment);
      await world.becomes(payment, 'submitted');
    }
    const outstanding = (await world.batches()).filter(({ state }) => state === 'outstanding');
    expect(new Set(outstanding.map(({ relayer }) => relayer)).size).toBe(2);
    await world.setAutomine(true);
    await world.mine();
    for (const payment of accepted) await world.becomes(payment, 'confirmed', 20_000);
  });

  it('are given up by a process that ends, and taken over at once', async () => {
    const first = run({ relayers: bothKeys() });
    await heldBy(2);
    const before = await world.leases();
    await first.close();
    expect((await world.leases()).filter(({ live }) => live)).toEqual([]);
    run({ relayers: bothKeys() });
    await heldBy(2);
    for (const lease of await world.leases()) {
      const old = before.find(({ address }) => address === lease.address);
      expect(BigInt(lease.token)).toBe(BigInt(old?.token ?? 0) + 1n);
    }
  });

  it('pass on when their holder sleeps past its lease, and what it then signs is not stored', async () => {
    const sleeper = pausing();
    const asleep = run({ wrap: sleeper.wrap, relayers: [world.relayer] });
    await heldBy(1);
    const [lease] = (await world.leases()).filter(({ live }) => live);
    // It cannot ask the chain, and so is in the midst of its work when its time is over.
    sleeper.hold('goesThrough');
    const accepted = await world.accept();
    await world.take(accepted);
    await sleeper.held();
    await world.passOnLease(world.relayer.address);
    sleeper.letGo();
    await until(async () => asleep.logged.some(({ message }) => message.includes('lost')), {
      what: async () => JSON.stringify(asleep.logged),
    });
    expect(await world.attemptsOf(accepted)).toEqual([]);
    expect(await world.stateOf(accepted)).toBe('queued');
    await world.endLeases();
    await world.becomes(accepted, 'confirmed', 20_000);
    expect(await world.attemptsOf(accepted)).toMatchObject([{ n: 1, state: 'landed' }]);
    const after = (await world.leases()).find(({ address }) => address === lease?.address);
    expect(BigInt(after?.token ?? 0)).toBe(BigInt(lease?.token ?? 0) + 2n);
  });

  it('that was killed are taken over when the lease ends, and what it had signed is sent by the next', async () => {
    await world.setAutomine(false);
    const silent = pausing();
    silent.hold('broadcast');
    const first = run({ wrap: silent.wrap });
    await heldBy(1);
    const accepted = await world.accept();
    await world.take(accepted);
    await world.becomes(accepted, 'submitted');
    const [attempt] = await world.attemptsOf(accepted);
    await world.endLeases();
    run();
    await world.setAutomine(true);
    await world.becomes(accepted, 'confirmed', 20_000);
    expect(await world.attemptsOf(accepted)).toMatchObject([{ n: 1, hash: attempt?.hash, state: 'landed' }]);
    silent.letGo();
    await first.close();
  });

  it('of a holder that is gone are taken over before they end', async () => {
    const gone = Promise.withResolvers<void>();
    let alive = true;
    const shown: Presence[] = [];
    run({
      presenceOf: (holder) => {
        const presence = new Presence({ databaseUrl: world.databaseUrl, holder });
        shown.push(presence);
        return {
          ensure: () => (alive ? presence.ensure() : gone.promise),
          close: () => presence.close(),
        };
      },
    });
    await heldBy(1);
    const [before] = (await world.leases()).filter(({ live }) => live);
    // As when its process is killed: the connection ends, and nothing is renewed.
    alive = false;
    await Promise.all(shown.map((presence) => presence.close()));
    const diedAt = performance.now();
    run({ presenceOf: (holder) => new Presence({ databaseUrl: world.databaseUrl, holder }) });
    await until(
      async () => (await world.leases()).some(({ holder, live }) => live && holder !== before?.holder),
      {
        what: async () => JSON.stringify(await world.leases()),
      },
    );
    expect(performance.now() - diedAt).toBeLessThan(leaseMs);
    gone.resolve();
  });

  it('of a holder that is there are left to it until they end', async () => {
    const presenceOf = (holder: string) => new Presence({ databaseUrl: world.databaseUrl, holder });
    run({ presenceOf });
    await heldBy(1);
    const [before] = (await world.leases()).filter(({ live }) => live);
    const other = run({ presenceOf });
    await until(async () => other.settler.figures().head !== null, {
      what: async () => 'the second one is at work',
    });
    await new Promise((resolve) => setTimeout(resolve, leaseMs / 3));
    expect((await world.leases()).filter(({ live }) => live)).toEqual([
      expect.objectContaining({ holder: before?.holder, token: before?.token }),
    ]);
  });
});
