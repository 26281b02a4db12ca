import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import type { SettlementChain } from '../src/chain/settlement-chain.js';
import { intercepted, type Running, until, World } from './world.js';

/**
 * A process that dies is played by a chain port that dies: from the point of the crash on, nothing gets through any
 * more. What a fresh process then finds is what the database and the chain hold. Blocks are mined by hand.
 */

let world: World;
const processes: Running[] = [];

beforeAll(async () => {
  world = await World.start();
}, 120_000);
afterEach(async () => {
  await world.setAutomine(true);
  await world.mine();
  await Promise.all(processes.splice(0).map((running) => running.close()));
});
afterAll(async () => {
  await world?.stop();
});

const killed = Object.assign(new Error('killed'), { code: 'chain_unavailable', retryable: true });
const types = (events: readonly { type: string }[]) => events.map(({ type }) => type);

function run(wrap?: (chain: SettlementChain) => SettlementChain): Running {
  const running = world.run(wrap === undefined ? {} : { wrap });
  processes.push(running);
  return running;
}

/** Dies at `broadcast`: before the transaction leaves, or after it left and before the answer. */
function dyingAtBroadcast(point: 'before' | 'after') {
  let dead = false;
  return {
    isDead: () => dead,
    wrap: (chain: SettlementChain) =>
      intercepted(chain, async (method, proceed) => {
        if (dead) throw killed;
        if (method !== 'broadcast') return proceed();
        dead = true;
        if (point === 'after') await proceed();
        throw killed;
      }),
  };
}

describe('a process that is killed', () => {
  it.each(['before', 'after'] as const)(
    '%s its transaction leaves: the next one finishes with the same transaction',
    async (point) => {
      const dying = dyingAtBroadcast(point);
      const first = run(dying.wrap);
      const accepted = await world.accept();
      const count = await world.relayerCount();
      await world.take(accepted);
      await until(async () => dying.isDead(), { what: async () => 'the crash' });
      await first.close();
      expect(await world.stateOf(accepted)).toBe('submitted');
      run();
      await world.becomes(accepted, 'confirmed');
      expect(await world.attemptsOf(accepted)).toMatchObject([{ n: 1, state: 'landed' }]);
      expect(await world.relayerCount()).toBe(count + 1);
      expect(types(await world.told(accepted))).toEqual(['settlement.submitted', 'settlement.confirmed']);
    },
  );

  it('between signing and storing leaves nothing behind: no nonce is lost', async () => {
    const { relayer } = world;
    let crashes = 2;
    const first = world.run({
      relayers: [
        {
          address: relayer.address,
          sign: (transaction) => {
            const signed = relayer.sign(transaction);
            if (crashes === 0) return signed;
            crashes -= 1;
            throw killed;
          },
        },
      ],
    });
    processes.push(first);
    const count = await world.relayerCount();
    const accepted = await world.accept();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(await world.attemptsOf(accepted)).toMatchObject([{ n: 1, nonce: String(count) }]);
    expect(crashes).toBe(0);
  });

  it('while its transactions are in the mempool loses none: the next one follows them all', async () => {
    await world.setAutomine(false);
    const first = run();
    const accepted = await Promise.all([1, 2, 3, 4].map((payer) => world.accept({ payer })));
    await world.take(...accepted);
    await Promise.all(accepted.map((event) => world.becomes(event, 'submitted')));
    await first.close();
    await world.mine();
    run();
    await world.setAutomine(true);
    await world.mine();
    await Promise.all(accepted.map((event) => world.becomes(event, 'confirmed')));
    for (const event of accepted)
      expect(types(await world.told(event))).toEqual(['settlement.submitted', 'settlement.confirmed']);
  });

  it('before it wrote down what a block says reads the block again', async () => {
    let dead = false;
    const first = run((chain) =>
      intercepted(chain, async (method, proceed) => {
        if (method === 'receipt') dead = true;
        if (dead) throw killed;
        return proceed();
      }),
    );
    const accepted = await world.accept();
    await world.take(accepted);
    await until(async () => dead, { what: async () => 'the crash' });
    await first.close();
    expect(await world.stateOf(accepted)).toBe('submitted');
    run();
    await world.becomes(accepted, 'confirmed');
  });
});

describe('a transaction of ours', () => {
  it('that reverts fails the payment, and says what it cost', async () => {
    await world.setAutomine(false);
    run();
    const accepted = await world.accept({ payer: 3 });
    await world.take(accepted);
    await world.becomes(accepted, 'submitted');
    await world.overtake(() => world.drain(3));
    await world.becomes(accepted, 'failed');
    const [, failed] = await world.told(accepted);
    expect(failed).toMatchObject({
      type: 'settlement.failed',
      data: {
        reason: 'insufficient_funds',
        authorizationSpent: false,
        gas: { outcome: 'reverted', attempt: 1 },
      },
    });
    expect(BigInt((failed?.data as { gas: { fee: string } }).gas.fee)).toBeGreaterThan(0n);
    await world.mint(3, 1_000_000_000n);
  });

  it('that somebody else overtakes is settled by the other, and later tells what it cost', async () => {
    await world.setAutomine(false);
    run();
    const accepted = await world.accept({ payer: 4 });
    await world.take(accepted);
    await world.becomes(accepted, 'submitted');
    await world.overtake(() => world.land(accepted));
    await until(async () => (await world.told(accepted)).length === 3, {
      what: async () => JSON.stringify(await world.told(accepted)),
    });
    expect(await world.told(accepted)).toMatchObject([
      { type: 'settlement.submitted' },
      { type: 'settlement.confirmed', data: { settledBy: 'other', gas: null } },
      { type: 'settlement.released', data: { cause: 'reverted', gas: { outcome: 'reverted' } } },
    ]);
    expect(await world.stateOf(accepted)).toBe('confirmed');
  });

  it('whose nonce another one took is followed by a second attempt', async () => {
    const hold = { broadcast: true };
    run((chain) =>
      intercepted(chain, async (method, proceed) =>
        method === 'broadcast' && hold.broadcast ? { outcome: 'accepted' } : proceed(),
      ),
    );
    const accepted = await world.accept();
    await world.take(accepted);
    await world.becomes(accepted, 'submitted');
    await world.spendRelayerNonce();
    hold.broadcast = false;
    await world.becomes(accepted, 'confirmed');
    expect(await world.attemptsOf(accepted)).toMatchObject([
      { n: 1, state: 'displaced' },
      { n: 2, state: 'landed' },
    ]);
    expect(types(await world.told(accepted))).toEqual([
      'settlement.submitted',
      'settlement.released',
      'settlement.submitted',
      'settlement.confirmed',
    ]);
  });

  it('that the chain loses in a reorganization is sent again: no nonce stays open', async () => {
    const fork = await world.forkPoint();
    run();
    const lost = await world.accept();
    await world.take(lost);
    await world.becomes(lost, 'confirmed');
    const [{ hash, nonce } = { hash: '', nonce: '' }] = await world.attemptsOf(lost);
    await fork();
    expect(await world.relayerCount()).toBe(Number(nonce));
    const next = await world.accept({ payer: 2 });
    await world.take(next);
    await world.becomes(next, 'confirmed');
    expect(await world.relayerCount()).toBe(Number(nonce) + 2);
    expect(await world.attemptsOf(lost)).toMatchObject([{ n: 1, hash, state: 'landed' }]);
    expect(types(await world.told(lost))).toEqual([
      'settlement.submitted',
      'settlement.confirmed',
      'settlement.reorged',
      'settlement.confirmed',
    ]);
  });

  it('that was displaced by mistake is sent again: the next attempt does not wait for ever', async () => {
    const wrong = { broadcast: true, count: false };
    run((chain) =>
      intercepted(chain, async (method, proceed) => {
        if (method === 'broadcast' && wrong.broadcast) return { outcome: 'accepted' };
        if (method === 'transactionCount' && wrong.count) return ((await proceed()) as bigint) + 1n;
        return proceed();
      }),
    );
    const accepted = await world.accept();
    await world.take(accepted);
    await world.becomes(accepted, 'submitted');
    wrong.count = true;
    await until(async () => (await world.attemptsOf(accepted)).length === 2, {
      what: async () => 'a second attempt',
    });
    Object.assign(wrong, { broadcast: false, count: false });
    await world.becomes(accepted, 'confirmed');
    const [first, second] = await world.attemptsOf(accepted);
    expect(Number(second?.nonce)).toBeGreaterThan(Number(first?.nonce));
  });

  it('counts as confirmed at the configured depth and not before', async () => {
    const running = world.run({ confirmations: 3 });
    processes.push(running);
    const accepted = await world.accept();
    await world.take(accepted);
    await until(async () => (await world.attemptsOf(accepted)).length === 1, {
      what: async () => 'an attempt',
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await world.stateOf(accepted)).toBe('submitted');
    await world.mine();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await world.stateOf(accepted)).toBe('submitted');
    await world.mine();
    await world.becomes(accepted, 'confirmed');
  });
});
