import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PaymentId } from '@quittance/protocol';

import { BatchRepository } from '../src/batch/batch.repository.js';
import { RelayerRepository } from '../src/relayer/relayer.repository.js';
import { type Running, until, World } from './world.js';

/** Nonces of a relayer that were given out and carry nothing: real Postgres, real chain. */

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

/** The operator uses the key elsewhere, we go on after that, and then the block is gone as if it had never been. */
async function lostForeignTransaction(): Promise<number> {
  const running = world.run();
  const count = await world.relayerCount();
  const goBack = await world.forkPoint();
  await world.spendRelayerNonce();
  await until(async () => (await world.nextNonce()) === count + 1, {
    what: async () => `nonce ${count + 1}, is ${await world.nextNonce()}`,
  });
  await running.close();
  await goBack();
  return count;
}

describe('a nonce that nothing of ours has', () => {
  it('is given to the next batch, the lowest first, and only once', async () => {
    const { chainId } = world.network;
    const holder = randomUUID();
    const { relayer } = world;
    const relayers = new RelayerRepository(world.database);
    await relayers.register(chainId, [relayer.address]);
    const next = BigInt(await world.relayerCount());
    const token = await relayers.take({ chainId, holder, address: relayer.address, chainNonce: next + 4n });
    if (token === null) throw new TypeError('the key is held by another');
    const gaps = await relayers.gaps({ chainId, address: relayer.address }, next);
    expect(gaps).toEqual([next, next + 1n, next + 2n, next + 3n]);
    const accepted = await Promise.all([world.accept(), world.accept(), world.accept()]);
    await world.take(...accepted);
    const batches = new BatchRepository(world.database, holder);
    const sign = (paymentIds: readonly string[], known: readonly bigint[]) =>
      batches.sign({
        chainId,
        signer: { relayer, token },
        paymentIds: paymentIds as PaymentId[],
        topUp: null,
        factories: [],
        gasLimit: 200_000n,
        fees: { type: 'eip1559', maxFeePerGas: 4_000_000_000n, maxPriorityFeePerGas: 1n, baseFee: 1n },
        head: 1n,
        gaps: known,
      });
    const [first, second, third] = accepted.map(({ data }) => data.paymentId);
    expect(await sign([first ?? ''], gaps.slice(1))).toMatchObject({ nonce: next + 1n });
    expect(await sign([second ?? '', third ?? ''], gaps)).toMatchObject({ nonce: next, gasLimit: 200_000n });
    expect(await sign([], gaps)).toMatchObject({ nonce: next + 2n, gasLimit: 21_000n, paymentIds: [] });
    expect(await sign([], gaps.slice(0, 3))).toBeNull();
    expect(await sign([first ?? ''], gaps)).toBeNull();
    expect(await relayers.gaps({ chainId, address: relayer.address }, next)).toEqual([next + 3n]);
    await relayers.release(chainId, holder, new Map([[relayer.address, token]]));
    settling = world.run();
    for (const payment of accepted) await world.becomes(payment, 'confirmed', 20_000);
    await until(async () => (await world.relayerCount()) === Number(next) + 4, {
      what: async () => JSON.stringify(await world.batches()),
    });
  });

  it('is filled by a transaction that does nothing, when no payment comes', async () => {
    const gap = await lostForeignTransaction();
    settling = world.run();
    await until(async () => (await world.relayerCount()) === gap + 1, {
      what: async () => 'the gap to be filled',
    });
    const filler = async () => (await world.batches()).find(({ nonce }) => nonce === String(gap));
    await until(async () => (await filler())?.state === 'mined', {
      what: async () => JSON.stringify(await world.batches()),
    });
    expect(await filler()).toMatchObject({ size: 0, versions: 1 });
    const [filled] = (await world.toldOfChain('settlement.filled')).slice(-1);
    expect(filled?.data).toMatchObject({ relayerNonce: String(gap), relayer: world.relayer.address });
    const accepted = await world.accept();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed', 20_000);
    expect(await world.attemptsOf(accepted)).toMatchObject([{ nonce: String(gap + 1) }]);
  });
});
