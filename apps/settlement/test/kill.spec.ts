import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTransport, type EventTransport } from '@quittance/messaging';

import { World } from './world.js';

/**
 * The built service as processes of its own, killed with SIGKILL at random moments while payments come in. Whatever it
 * was doing, the next process must finish it: every payment confirmed once, with one transaction on chain.
 */

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const kills = 6;
const paymentsPerLife = 12;

let world: World;
let facilitator: EventTransport;
let service: ChildProcess | null = null;

beforeAll(async () => {
  expect({ main, built: existsSync(main) }).toEqual({ main, built: true });
  world = await World.start();
  facilitator = createTransport({ kind: 'postgres', databaseUrl: world.server.serviceUrls.facilitator });
}, 120_000);
afterEach(() => {
  service?.kill('SIGKILL');
});
afterAll(async () => {
  await facilitator?.close();
  await world?.stop();
});

async function start(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: world.server.serviceUrls.settlement,
      NETWORKS: world.networksText(),
      RELAYER_PRIVATE_KEYS: world.anvil.accounts[0]?.privateKey,
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  service = child;
  for await (const line of createInterface({ input: child.stdout })) {
    if ((JSON.parse(line) as { msg: string }).msg === 'listening') break;
  }
  child.stdout.resume();
  return child;
}

describe('the service as a process', () => {
  it('ends within its time when it is asked to', async () => {
    const child = await start();
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  it('loses nothing and pays nothing twice when it is killed again and again', async () => {
    const count = await world.relayerCount();
    const all = [];
    for (let life = 0; life < kills; life += 1) {
      const child = await start();
      const accepted = await Promise.all(
        Array.from({ length: paymentsPerLife }, (_, index) => world.accept({ payer: 1 + (index % 4) })),
      );
      all.push(...accepted);
      await facilitator.publish(accepted);
      // Different every time: in the middle of taking in, signing, storing, broadcasting or following.
      await sleep(20 + Math.random() * 180);
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      // The next one would wait for it, and be killed before it has done anything.
      await world.endLeases();
    }
    await start();
    await facilitator.publish(all);
    await Promise.all(all.map((accepted) => world.becomes(accepted, 'confirmed', 40_000)));
    for (const accepted of all) {
      const told = (await world.told(accepted)).map(({ type }) => type);
      expect(told).toEqual(['settlement.submitted', 'settlement.confirmed']);
      expect(await world.attemptsOf(accepted)).toMatchObject([{ n: 1, state: 'landed' }]);
    }
    expect(await world.relayerCount()).toBe(count + (await world.batches()).length);
  }, 120_000);
});
