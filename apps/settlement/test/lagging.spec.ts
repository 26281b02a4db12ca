import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import type { SettlementChain } from '../src/chain/settlement-chain.js';
import { intercepted, type Running, until, World } from './world.js';

/** A node that lags behind the chain, or nodes behind one address of which some do: what it says is not false, but old. */

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

const types = (events: readonly { type: string }[]) => events.map(({ type }) => type);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const refusal = { ok: false, revert: 'ERC20: transfer amount exceeds balance' } as const;

const behind = Object.assign(new Error('has not got the block'), {
  code: 'chain_unavailable',
  retryable: true,
});

/** While `lag.blocks`, new blocks and their logs are unknown; while `lag.logs`, only their logs are. */
function lagging(lag: { blocks?: boolean; logs?: boolean }) {
  const isSearch = (method: string) =>
    method === 'authorizationUsedWithBlock' || method === 'authorizationEnds';
  return (chain: SettlementChain) =>
    intercepted(chain, async (method, proceed) => {
      if (method === 'block' && lag.blocks === true) return null;
      if (!isSearch(method)) return proceed();
      if (lag.blocks === true) throw behind;
      const read = (await proceed()) as object;
      return lag.logs === true ? { ...read, logs: [], used: [], cancelled: [] } : read;
    });
}

describe('an estimate', () => {
  it('of a node that has not seen the money yet fails nothing', async () => {
    let refusals = 2;
    settling = world.run({
      wrap: (chain) =>
        intercepted(chain, async (method, proceed) => {
          if (method === 'goesThrough' && refusals > 0) return false;
          if (method !== 'estimateCall' || refusals === 0) return proceed();
          refusals -= 1;
          return refusal;
        }),
    });
    const accepted = await world.accept();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(types(await world.told(accepted))).toEqual(['settlement.submitted', 'settlement.confirmed']);
  });

  it('that stays refused ends the payment within some two seconds, and holds up no other', async () => {
    settling = world.run();
    const poor = await world.accept({ amount: 10n ** 15n });
    const fine = await world.accept({ payer: 2 });
    const from = performance.now();
    await world.take(poor, fine);
    await world.becomes(fine, 'confirmed');
    const fineMs = performance.now() - from;
    await world.becomes(poor, 'failed');
    const tookMs = performance.now() - from;
    expect(fineMs).toBeLessThan(900);
    expect(tookMs).toBeGreaterThanOrEqual(1_000);
    expect(tookMs).toBeLessThan(3_000);
  });
});

describe('a search for logs', () => {
  it('of a block that the node has not got leaves the block to be followed later', async () => {
    const lag = { blocks: false };
    settling = world.run({ wrap: lagging(lag) });
    const accepted = await world.accept({ amount: 2_000_000_000n, payer: 2 });
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    await world.mint(2, 2_000_000_000n);
    lag.blocks = true;
    await world.land(accepted);
    await pause(500);
    expect(await world.stateOf(accepted)).toBe('failed');
    lag.blocks = false;
    await world.becomes(accepted, 'confirmed', 5_000);
  });

  it.each(['blocks', 'logs'] as const)(
    'by a node that lags with its %s does not make a landed payment a cancelled one',
    async (what) => {
      const lag: { blocks?: boolean; logs?: boolean } = {};
      settling = world.run({ wrap: lagging(lag) });
      const accepted = await world.accept();
      await world.land(accepted);
      await pause(300);
      lag[what] = true;
      await world.take(accepted);
      await pause(1_000);
      expect(await world.stateOf(accepted)).toBe('queued');
      lag[what] = false;
      await world.becomes(accepted, 'confirmed');
      expect(await world.told(accepted)).toMatchObject([
        { type: 'settlement.confirmed', data: { settledBy: 'other' } },
      ]);
    },
  );

  it('that finds the log of a cancellation proves one at once', async () => {
    settling = world.run();
    const accepted = await world.accept();
    await world.cancel(accepted);
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    expect(await world.told(accepted)).toMatchObject([
      {
        type: 'settlement.failed',
        data: { reason: 'invalid_exact_evm_nonce_already_used', authorizationSpent: true },
      },
    ]);
  });

  it('that finds nothing proves none, however the chain comes on', async () => {
    const lag = { logs: true };
    settling = world.run({ wrap: lagging(lag) });
    const accepted = await world.accept();
    await world.cancel(accepted);
    await world.take(accepted);
    await until(async () => (await world.spentSeenAt(accepted)) !== null, {
      what: async () => 'a first search',
    });
    for (let block = 0; block < 5; block += 1) await world.mine();
    await pause(2_500);
    expect(await world.stateOf(accepted)).toBe('queued');
    lag.logs = false;
    await world.becomes(accepted, 'failed');
  });
});
