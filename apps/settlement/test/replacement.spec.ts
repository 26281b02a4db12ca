import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { type Running, until, World } from './world.js';

/** Real Postgres, and a real chain whose base fee the tests set. */

const gwei = 1_000_000_000n;

let world: World;
let settling: Running | null = null;

beforeAll(async () => {
  world = await World.start();
}, 120_000);
afterEach(async () => {
  await settling?.close();
  settling = null;
  await world.mineAtBaseFee(gwei);
  await world.setAutomine(true);
});
afterAll(async () => {
  await world?.stop();
});

/** A payment whose transaction is signed and in no block yet. */
async function waiting() {
  await world.setAutomine(false);
  await world.mineAtBaseFee(gwei);
  const accepted = await world.accept();
  await world.take(accepted);
  await world.becomes(accepted, 'submitted');
  return accepted;
}

const versionsOf = async () => (await world.batches()).at(-1)?.versions ?? 0;

describe('a transaction that blocks pass over', () => {
  it('is replaced under the same nonce by ones that offer more, until one is mined', async () => {
    settling = world.run({ network: { replaceAfterBlocks: 2 } });
    const count = await world.relayerCount();
    const accepted = await waiting();
    const [first] = await world.attemptsOf(accepted);
    await world.mineAtBaseFee(20n * gwei);
    await world.mineAtBaseFee(20n * gwei);
    await until(async () => (await versionsOf()) >= 2, {
      what: async () => JSON.stringify(await world.batches()),
    });
    await world.setAutomine(true);
    await world.mineAtBaseFee(20n * gwei);
    await world.becomes(accepted, 'confirmed', 20_000);
    const [landed] = await world.attemptsOf(accepted);
    expect(landed).toMatchObject({ n: 1, nonce: String(count), state: 'landed' });
    expect(landed?.hash).not.toBe(first?.hash);
    const told = await world.told(accepted);
    expect(told.map(({ type }) => type)).toEqual([
      'settlement.submitted',
      'settlement.replaced',
      'settlement.confirmed',
    ]);
    expect(told[1]).toMatchObject({
      causationId: told[0]?.id,
      data: { attempt: 1, version: 2, replaces: first?.hash, transaction: landed?.hash },
    });
    expect(told[2]?.causationId).toBe(told[1]?.id);
    expect(await world.relayerCount()).toBe(count + 1);
  });

  it('is never offered more than the cap for, which is told once, and is mined when gas is cheap again', async () => {
    settling = world.run({ network: { replaceAfterBlocks: 1, gasPriceMaxWei: 4n * gwei } });
    const accepted = await waiting();
    for (let block = 0; block < 4; block += 1) {
      await world.mineAtBaseFee(20n * gwei);
      await settledFor(300);
    }
    const alarms = settling.logged.filter(({ message }) => message.includes('cannot be replaced'));
    expect(alarms).toHaveLength(1);
    // One more may have been signed for the last price that was known, below the cap.
    expect(await world.highestOffer()).toBeLessThanOrEqual(4n * gwei);
    await world.setAutomine(true);
    await world.mineAtBaseFee(gwei);
    await world.becomes(accepted, 'confirmed', 20_000);
  });
});

describe('while gas costs more than the cap', () => {
  it('payments stay queued, and the chain is suspended and resumed once', async () => {
    settling = world.run({ network: { gasPriceMaxWei: 4n * gwei } });
    await world.setAutomine(false);
    await world.mineAtBaseFee(50n * gwei);
    const before = await world.toldOfChain('settlement.suspended', 'settlement.resumed');
    const accepted = await world.accept();
    await world.take(accepted);
    const told = async () =>
      (await world.toldOfChain('settlement.suspended', 'settlement.resumed'))
        .slice(before.length)
        .map(({ type }) => type);
    await until(async () => (await told()).length > 0, { what: async () => 'a suspension' });
    expect(await told()).toEqual(['settlement.suspended']);
    expect(await world.stateOf(accepted)).toBe('queued');
    expect(await world.attemptsOf(accepted)).toEqual([]);
    await world.mineAtBaseFee(gwei);
    await world.setAutomine(true);
    await world.becomes(accepted, 'confirmed', 20_000);
    await until(async () => (await told()).length > 1, { what: async () => 'the end of the suspension' });
    expect(await told()).toEqual(['settlement.suspended', 'settlement.resumed']);
  });
});

/** Long enough for what must not happen to have happened. */
const settledFor = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
