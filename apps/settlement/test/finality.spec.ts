import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventOf } from '@quittance/events';

import type { ChainBlock } from '../src/chain/settlement-chain.js';
import { FollowedChain, until } from './followed-chain.js';
import { intercepted } from './world.js';

/** What is final, and what happens when a chain does not keep its word. */

let chain: FollowedChain;

beforeAll(async () => {
  chain = await FollowedChain.start({ finality: 5 });
}, 120_000);
afterEach(async () => {
  await chain.halt();
});
afterAll(async () => {
  await chain?.stop();
});

async function finalized(): Promise<EventOf<'settlement.finalized'>[]> {
  const events = await chain.told(chain.network.chainId);
  return events.filter(
    (event): event is EventOf<'settlement.finalized'> => event.type === 'settlement.finalized',
  );
}

/** A block at a time, as a chain makes them. */
async function becomesFinal(atLeast: number): Promise<void> {
  await until(
    async () => {
      await chain.mine();
      await chain.caughtUp();
      return (await chain.cursor()).final >= atLeast;
    },
    async () => `final at ${atLeast}, is ${JSON.stringify(await chain.cursor())}`,
  );
}

describe('finality', () => {
  it('is told as it advances, each time further, with the block that it reached', async () => {
    chain.follow();
    const head = await chain.head();
    await becomesFinal(head);
    await becomesFinal((await chain.cursor()).final + 1);
    const events = await finalized();
    const numbers = events.map(({ data }) => Number(data.block.number));
    expect(numbers.length).toBeGreaterThanOrEqual(2);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(numbers.at(-1)).toBe((await chain.cursor()).final);
    for (const { data } of events)
      expect(await chain.blockHashAt(Number(data.block.number))).toBe(data.block.hash);
  });

  it('forgets the blocks below, and keeps the final one itself', async () => {
    chain.follow();
    await becomesFinal((await chain.cursor()).final + 1);
    const { final } = await chain.cursor();
    const [{ lowest } = { lowest: '' }] = await chain.owner.sql<{ lowest: string }>(
      'SELECT min(block_number)::text AS lowest FROM settlement.block',
    );
    expect(Number(lowest)).toBe(final);
  });

  it('never passes what has been applied', async () => {
    await chain.mine(3);
    const ahead = { ...(await chain.blockAt(await chain.head())) };
    let applied = 0;
    chain.follow((port) =>
      intercepted(port, async (method, proceed) => {
        if (method === 'finalizedBlock') return { ...ahead, number: ahead.number + 1_000n };
        applied += 1;
        return proceed();
      }),
    );
    await until(
      async () => (await chain.cursor()).final === (await chain.head()),
      async () => JSON.stringify([await chain.cursor(), await chain.head()]),
    );
    expect(applied).toBeGreaterThan(0);
    expect((await finalized()).at(-1)?.data.block.hash).toBe(await chain.blockHashAt(await chain.head()));
  });

  it('that a chain takes back stops everything there, and says so, until the chain has it again', async () => {
    const other = { chain: false };
    const follower = chain.follow((port) =>
      intercepted(port, async (method, proceed) => {
        const answer = await proceed();
        if (!other.chain || (method !== 'latestBlock' && method !== 'block')) return answer;
        const block = answer as ChainBlock;
        return { ...block, hash: `0xff${block.hash.slice(4)}` };
      }),
    );
    await becomesFinal((await chain.cursor()).final + 1);
    const payments = await chain.accept(2);
    await chain.settle(payments);
    await chain.become(payments, 'confirmed');
    await chain.caughtUp();
    expect(() => follower.check()).not.toThrow();
    const at = await chain.cursor();
    other.chain = true;
    await until(
      async () => chain.logged.some(({ message }) => message.includes('took back a final block')),
      async () => JSON.stringify(chain.logged),
    );
    expect(() => follower.check()).toThrow(expect.objectContaining({ code: 'final_block_gone' }));
    expect(await chain.states(payments)).toEqual(['confirmed', 'confirmed']);
    expect(await chain.cursor()).toEqual(at);
    other.chain = false;
    await chain.mine();
    await until(
      async () => (await chain.cursor()).number > at.number,
      async () => JSON.stringify([await chain.cursor(), chain.logged]),
    );
    expect(() => follower.check()).not.toThrow();
  }, 60_000);

  it('is asked for again where no blocks come, as it may advance all the same', async () => {
    const at = { number: 0n };
    let asked = 0;
    chain.follow((port) =>
      intercepted(port, async (method, proceed) => {
        if (method !== 'finalizedBlock') return proceed();
        asked += 1;
        return chain.blockAt(Number(at.number));
      }),
    );
    await chain.mine(6);
    await chain.caughtUp();
    const head = await chain.head();
    at.number = BigInt(head - 5);
    await until(
      async () => (await chain.cursor()).final === head - 5,
      async () => JSON.stringify([await chain.cursor(), asked]),
    );
    expect(await chain.head()).toBe(head);
    expect(asked).toBeLessThan(10);
  });

  it('is lost too when the chain is shorter than that, for longer than a moment', async () => {
    const cut = { below: false };
    const follower = chain.follow((port) =>
      intercepted(port, async (method, proceed) => {
        if (method !== 'latestBlock' || !cut.below) return proceed();
        return { ...(await chain.blockAt(2)), parentHash: '0x', baseFeePerGas: 1n, logsBloom: null };
      }),
    );
    await becomesFinal((await chain.cursor()).final + 1);
    const at = await chain.cursor();
    const isThrown = () => {
      try {
        follower.check();
        return false;
      } catch {
        return true;
      }
    };
    cut.below = true;
    await until(
      async () => isThrown(),
      async () => JSON.stringify(chain.logged),
    );
    expect(() => follower.check()).toThrow(expect.objectContaining({ code: 'final_block_gone' }));
    expect(await chain.cursor()).toEqual(at);
    cut.below = false;
    await chain.mine();
    await until(
      async () => (await chain.cursor()).number > at.number && !isThrown(),
      async () => JSON.stringify([await chain.cursor(), chain.logged]),
    );
  }, 60_000);
});
