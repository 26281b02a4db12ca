import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import type { ChainBlock, ChainReceipt, SettlementChain } from '../src/chain/settlement-chain.js';
import { OutcomeRepository } from '../src/payment/outcome.repository.js';
import { FollowedChain, until } from './followed-chain.js';
import { intercepted, pausing } from './world.js';

/** Nodes that announce, lag, contradict themselves and leave things out. */

let chain: FollowedChain;

beforeAll(async () => {
  chain = await FollowedChain.start();
}, 120_000);
afterEach(async () => {
  await chain.halt();
});
afterAll(async () => {
  await chain?.stop();
});

type Intercept = Parameters<typeof intercepted>[1];

const isSearch = (method: string) =>
  method === 'authorizationUsedWithBlock' || method === 'authorizationEnds';
const hidden = (answer: unknown) => ({ ...(answer as object), logs: [], used: [], cancelled: [] });
const never = (): never => {
  throw new TypeError('no payment');
};

async function following(intercept: Intercept): Promise<void> {
  chain.follow((port) => intercepted(port, intercept));
  await chain.caughtUp();
}

describe('a chain that announces its blocks', () => {
  it('is looked at when it does, without waiting for the next look', async () => {
    const wsUrl = chain.anvil.rpcUrl.replace('http:', 'ws:');
    chain.follow((port) => port, { wsUrl, pollIntervalMs: 600_000 });
    await chain.caughtUp();
    for (let round = 0; round < 3; round += 1) {
      const payments = await chain.accept(2);
      await chain.settle(payments);
      await chain.become(payments, 'confirmed');
    }
  }, 60_000);
});

describe('a node', () => {
  it('that leaves out the logs of our transaction does not make its payments missed', async () => {
    let left = 1;
    await following(async (method, proceed) => {
      if (method !== 'authorizationUsedWithBlock' || left === 0) return proceed();
      const read = (await proceed()) as Awaited<ReturnType<SettlementChain['authorizationUsedWithBlock']>>;
      if (read.logs.length === 0) return read;
      left -= 1;
      return { ...read, logs: [] };
    });
    const payments = await chain.accept(3);
    await chain.settle(payments);
    await chain.become(payments, 'confirmed');
    expect(left).toBe(0);
    for (const { data } of payments) {
      expect(await chain.told(data.paymentId)).toMatchObject([
        { type: 'settlement.confirmed', data: { settledBy: 'us', gas: { outcome: 'ok' } } },
      ]);
    }
  });

  it('that has not got a receipt yet is asked again before its block is passed over', async () => {
    let missing = 2;
    await following(async (method, proceed) => {
      if (method !== 'receipt' || missing === 0) return proceed();
      missing -= 1;
      return null;
    });
    const payments = await chain.accept(2);
    await chain.settle(payments);
    await chain.become(payments, 'confirmed');
    expect(missing).toBe(0);
  });

  it('that says a transaction is mined, and has no receipt of it, makes nothing displaced', async () => {
    const lie = { on: true, asked: 0 };
    await following(async (method, proceed) => {
      if (!lie.on) return proceed();
      if (method === 'blockNumberOf') lie.asked += 1;
      if (method === 'receipt') return null;
      return isSearch(method) ? hidden(await proceed()) : proceed();
    });
    const payments = await chain.accept(2);
    const signed = await chain.settle(payments);
    await sleep(3_000);
    expect(lie.asked).toBeGreaterThan(1);
    expect((await chain.batch(signed))['state']).toBe('outstanding');
    lie.on = false;
    await chain.become(payments, 'confirmed');
  });

  it('that hides a transaction of ours altogether, and tells of it later, is believed in the end', async () => {
    const lie: { hash?: string } = {};
    await following(async (method, proceed) => {
      const answer = await proceed();
      if (lie.hash === undefined) return answer;
      if (method === 'receipt' && (answer as ChainReceipt | null)?.transaction === lie.hash) return null;
      if (method === 'blockNumberOf') return null;
      return isSearch(method) ? hidden(answer) : answer;
    });
    const payments = await chain.accept(1);
    const first = await chain.sign(payments);
    lie.hash = first.hash;
    await chain.send(first);
    await chain.mine();
    await until(
      async () => (await chain.batch(first))['state'] === 'displaced',
      async () => JSON.stringify(await chain.batch(first)),
    );
    // Signed again, it cannot but fail: which is no verdict, as nothing tells what spent the authorization.
    await chain.settle(payments);
    await until(
      async () =>
        (await chain.attempts(payments[0] ?? never())).every(({ state }) => state !== 'outstanding'),
      async () => JSON.stringify(await chain.attempts(payments[0] ?? never())),
    );
    expect(await chain.states(payments)).toEqual(['queued']);
    delete lie.hash;
    await chain.become(payments, 'confirmed');
    expect(await chain.attempts(payments[0] ?? never())).toMatchObject([
      { n: 1, state: 'landed' },
      { n: 2, state: 'reverted' },
    ]);
    expect(await chain.batch(first)).toMatchObject({ state: 'mined', succeeded: true });
  });

  it('that hides a transaction in which all missed tells of it later', async () => {
    const lie: { hash?: string } = {};
    await following(async (method, proceed) => {
      const answer = await proceed();
      if (lie.hash === undefined) return answer;
      return method === 'receipt' || method === 'blockNumberOf' ? null : answer;
    });
    const payments = await chain.accept(2, 3);
    const signed = await chain.sign(payments);
    lie.hash = signed.hash;
    await chain.drain(3);
    await chain.send(signed);
    await chain.mine();
    await chain.become(payments, 'queued');
    expect(await chain.batch(signed)).toMatchObject({ state: 'displaced' });
    delete lie.hash;
    await until(
      async () => (await chain.batch(signed))['state'] === 'mined',
      async () => JSON.stringify(await chain.batch(signed)),
    );
    for (const payment of payments)
      expect(await chain.attempts(payment)).toMatchObject([{ n: 1, state: 'missed' }]);
  });

  it('that lags takes nothing back', async () => {
    const lag = { by: 0n };
    await following(async (method, proceed) => {
      const answer = (await proceed()) as ChainBlock;
      if (method !== 'latestBlock' || lag.by === 0n) return answer;
      const { number, hash } = await chain.blockAt(Number(answer.number - lag.by));
      return { ...answer, number, hash };
    });
    const payments = await chain.accept(2);
    await chain.settle(payments);
    await chain.become(payments, 'confirmed');
    await chain.caughtUp();
    const at = await chain.cursor();
    lag.by = 3n;
    await sleep(600);
    expect(await chain.cursor()).toEqual(at);
    expect(await chain.states(payments)).toEqual(['confirmed', 'confirmed']);
    lag.by = 0n;
    await chain.mine();
    await chain.caughtUp();
  });

  it('of which one half is on another fork takes nothing back, and is not asked in a rush', async () => {
    const flap = { on: false, looks: 0 };
    await following(async (method, proceed) => {
      const answer = await proceed();
      if (!flap.on || method !== 'latestBlock') return answer;
      flap.looks += 1;
      const block = answer as ChainBlock;
      return flap.looks % 2 === 0 ? block : { ...block, hash: `0xff${block.hash.slice(4)}` };
    });
    const payments = await chain.accept(2);
    await chain.settle(payments);
    await chain.become(payments, 'confirmed');
    await chain.caughtUp();
    flap.on = true;
    await sleep(1_500);
    expect(flap.looks).toBeLessThan(60);
    flap.on = false;
    expect(await chain.states(payments)).toEqual(['confirmed', 'confirmed']);
    for (const { data } of payments) expect(await chain.told(data.paymentId)).toHaveLength(1);
  });
});

describe('a look for what became of a batch', () => {
  it('during which blocks leave the chain tells nothing before what they said is taken back', async () => {
    const node = pausing();
    const follower = chain.follow(node.wrap);
    const [lost = never(), next = never()] = [...(await chain.accept(1, 1)), ...(await chain.accept(1, 2))];
    const first = await chain.settle([lost]);
    await chain.become([lost], 'confirmed');
    await chain.caughtUp();
    const second = await chain.sign([next]);
    node.hold('transactionCount');
    follower.expect({ transactions: [second.hash], nonceSpent: true });
    await node.held();
    // The block of the same number on the other branch has both.
    await chain.rollback(1);
    await chain.send(first);
    await chain.send(second);
    await chain.mine();
    node.letGo();
    const told = async ({ data }: typeof lost) =>
      (await chain.told(data.paymentId)).map(({ type }) => type.replace('settlement.', ''));
    await until(
      async () => (await told(lost)).length >= 3 && (await told(next)).length >= 1,
      async () => JSON.stringify([await told(lost), await told(next)]),
    );
    expect(await told(lost)).toEqual(['confirmed', 'reorged', 'confirmed']);
    expect(await told(next)).toEqual(['confirmed']);
  }, 60_000);
});

describe('a confirmation that was found elsewhere', () => {
  it('is taken only from a block that has been applied, and from that very block', async () => {
    chain.follow();
    await chain.mine(2);
    await chain.caughtUp();
    const [payment] = await chain.accept(1);
    if (payment === undefined) throw new TypeError('no payment');
    const { number, hash, time } = await chain.blockAt(await chain.head());
    const outcomes = new OutcomeRepository(chain.database);
    const landedIn = (block: { number: bigint; hash: `0x${string}`; time: bigint }) =>
      outcomes.apply([
        {
          type: 'landed',
          paymentId: payment.data.paymentId as never,
          landing: { transaction: `0x${'12'.repeat(32)}`, block, logIndex: 0 },
          by: 'other',
          own: null,
        },
      ]);
    expect(await landedIn({ number: number + 1n, hash, time })).toEqual([]);
    expect(await landedIn({ number, hash: `0x${'ff'.repeat(32)}`, time })).toEqual([]);
    expect(await chain.states([payment])).toEqual(['queued']);
    expect(await landedIn({ number, hash, time })).toHaveLength(1);
    expect(await chain.states([payment])).toEqual(['confirmed']);
  });
});
