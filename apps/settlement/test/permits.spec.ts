import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { settlementCallOf } from '@quittance/exact-evm';
import { encodeFunctionData, parseAbi } from 'viem';

import { settlementOf } from '../src/attempt/transfer.js';
import type { SettlementChain } from '../src/chain/settlement-chain.js';
import { acceptedPayment } from '../src/payment/accepted-payment.js';
import { type Payer, Payers } from './payers.js';
import { type Accepted, intercepted, type Running, until, World } from './world.js';

/** What others do to payments by Permit2 while they wait, are on their way, or are given up. */

let world: World;
let payers: Payers;
const processes: Running[] = [];

beforeAll(async () => {
  world = await World.start();
  payers = new Payers(world);
}, 120_000);
afterEach(async () => {
  await world.setAutomine(true);
  await world.mine();
  await Promise.all(processes.splice(0).map((running) => running.close()));
});
afterAll(async () => {
  await world?.stop();
});

const types = (events: readonly { type: string }[]) => events.map(({ type }) => type);
const stranger = '0x0000000000000000000000000000000000005712';

function run(wrap?: (chain: SettlementChain) => SettlementChain): Running {
  const running = world.run(wrap === undefined ? {} : { wrap });
  processes.push(running);
  return running;
}

async function approved(): Promise<Payer> {
  const payer = await payers.fresh();
  await payers.approve(payer);
  return payer;
}

/** Somebody else puts a payment by exact on chain, which anybody may. */
const land = (accepted: Accepted) =>
  payers.send(stranger, settlementCallOf(settlementOf(acceptedPayment(accepted))));

const aggregate3 = parseAbi([
  'struct Call3 { address target; bool allowFailure; bytes callData; }',
  'function aggregate3(Call3[] calls)',
]);

/** Somebody else puts several payments on chain by one transaction. */
function landTogether(all: readonly Accepted[]) {
  const calls = all.map((accepted) => {
    const { to, data } = settlementCallOf(settlementOf(acceptedPayment(accepted)));
    return { target: to, allowFailure: true, callData: data };
  });
  const data = encodeFunctionData({ abi: aggregate3, functionName: 'aggregate3', args: [calls] });
  return payers.send(stranger, { to: '0xca11bde05977b3631167028862be2a173976ca11', data });
}

describe('a permit that somebody else uses', () => {
  it('before we hear of it is settled by the other', async () => {
    const accepted = await payers.byPermit(await approved());
    const transaction = await land(accepted);
    run();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(await world.told(accepted)).toMatchObject([
      { type: 'settlement.confirmed', data: { settledBy: 'other', transaction, gas: null } },
    ]);
  });

  it('is told from another of the same payer, payee and amount', async () => {
    const payer = await approved();
    const [first] = [await payers.byPermit(payer)];
    const payTo = first.data.payTo;
    const second = await payers.byPermit(payer, { payTo });
    const third = await payers.byPermit(payer, { payTo });
    const transactions = [await land(first), await land(second), await land(third)];
    run();
    await world.take(second, third, first);
    for (const [index, accepted] of [first, second, third].entries()) {
      await world.becomes(accepted, 'confirmed');
      const transaction = transactions[index];
      expect(await world.told(accepted)).toMatchObject([{ data: { settledBy: 'other', transaction } }]);
    }
  });

  it('is told from another that landed in the same block, by the nonce in its calldata', async () => {
    const payer = await approved();
    const first = await payers.byPermit(payer);
    const second = await payers.byPermit(payer, { payTo: first.data.payTo });
    const transaction = await landTogether([first, second]);
    run();
    await world.take(first, second);
    for (const accepted of [first, second]) {
      await world.becomes(accepted, 'confirmed');
      expect(await world.told(accepted)).toMatchObject([{ data: { settledBy: 'other', transaction } }]);
    }
  });

  it('has a transfer to itself where several are in one transaction', async () => {
    const payer = await approved();
    const first = await payers.byPermit(payer);
    const second = await payers.byPermit(payer, { payTo: first.data.payTo });
    await landTogether([first, second]);
    run();
    await world.take(first, second);
    for (const accepted of [first, second]) await world.becomes(accepted, 'confirmed');
    const places = (await Promise.all([first, second].map((accepted) => world.told(accepted)))).map(
      ([event]) => (event?.type === 'settlement.confirmed' ? event.data.logIndex : null),
    );
    expect(new Set(places).size).toBe(2);
  });

  it('is not told from the transfer of another, when its payer takes it back in the same block', async () => {
    const payer = await approved();
    const paid = await payers.byPermit(payer);
    const takenBack = await payers.byPermit(payer, { payTo: paid.data.payTo });
    await world.setAutomine(false);
    const both = Promise.all([land(paid), payers.invalidate(payer, takenBack.data.authorization.nonce)]);
    await until(async () => (await world.pendingCount()) === 2, { what: async () => 'both in the mempool' });
    await world.mine();
    await both;
    await world.setAutomine(true);
    run();
    await world.take(takenBack, paid);
    await world.becomes(paid, 'confirmed');
    await world.becomes(takenBack, 'failed');
    expect(await payers.balance(paid.data.payTo)).toBe(10_000n);
    expect(await world.told(takenBack)).toMatchObject([
      { data: { reason: 'permit2_invalid_nonce', authorizationSpent: true } },
    ]);
  });

  it('is found by a node that keeps no old states', async () => {
    const accepted = await payers.byPermit(await approved());
    const transaction = await land(accepted);
    await world.mine();
    const missing = Object.assign(new Error('missing trie node'), { code: 'chain_unavailable' });
    const { ChainUnavailableError } = await import('@quittance/chain');
    Object.setPrototypeOf(missing, ChainUnavailableError.prototype);
    run((chain) => {
      const spentOf: SettlementChain['spentOf'] = async (asked, at) => {
        if (at !== 'latest' && at < (await chain.latestBlock()).number) throw missing;
        return chain.spentOf(asked, at);
      };
      return new Proxy(chain, {
        get: (target, name) => {
          const value: unknown = name === 'spentOf' ? spentOf : Reflect.get(target, name, target);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
    });
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(await world.told(accepted)).toMatchObject([{ data: { settledBy: 'other', transaction } }]);
  });

  it('while ours is on its way is settled by the other, and ours tells what it cost', async () => {
    await world.setAutomine(true);
    const accepted = await payers.byPermit(await approved());
    await world.setAutomine(false);
    run();
    await world.take(accepted);
    await world.becomes(accepted, 'submitted');
    await world.overtake(() => land(accepted));
    await world.becomes(accepted, 'confirmed');
    await until(async () => (await world.told(accepted)).length === 3, {
      what: async () => JSON.stringify(await world.told(accepted)),
    });
    expect(await world.told(accepted)).toMatchObject([
      { type: 'settlement.submitted' },
      { type: 'settlement.confirmed', data: { settledBy: 'other', gas: null } },
      { type: 'settlement.released', data: { cause: 'reverted', gas: { outcome: 'reverted' } } },
    ]);
  });

  it('after we gave up is confirmed after all', async () => {
    run();
    const payer = await approved();
    const accepted = await payers.byPermit(payer, { amount: 2_000_000_000n });
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    await payers.mint(payer.address, 2_000_000_000n);
    const transaction = await land(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(await world.told(accepted)).toMatchObject([
      { type: 'settlement.failed' },
      { type: 'settlement.confirmed', data: { settledBy: 'other', transaction } },
    ]);
  });
});

describe('a permit whose payer takes it back', () => {
  it('before it is sent fails as spent, and burns no gas', async () => {
    run();
    const payer = await approved();
    const accepted = await payers.byPermit(payer);
    await payers.invalidate(payer, accepted.data.authorization.nonce);
    const count = await world.relayerCount();
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    expect(await world.told(accepted)).toMatchObject([
      { data: { reason: 'permit2_invalid_nonce', authorizationSpent: true, gas: null } },
    ]);
    expect(await world.relayerCount()).toBe(count);
  });

  it('while it is on its way fails with what that cost', async () => {
    const payer = await approved();
    const accepted = await payers.byPermit(payer);
    await world.setAutomine(false);
    run();
    await world.take(accepted);
    await world.becomes(accepted, 'submitted');
    await world.overtake(() => payers.invalidate(payer, accepted.data.authorization.nonce));
    await world.becomes(accepted, 'failed');
    expect((await world.told(accepted))[1]).toMatchObject({
      data: { reason: 'permit2_invalid_nonce', authorizationSpent: true, gas: { outcome: 'reverted' } },
    });
  });

  it('by taking back the allowance fails with that', async () => {
    const payer = await approved();
    const accepted = await payers.byPermit(payer);
    await world.setAutomine(false);
    run();
    await world.take(accepted);
    await world.becomes(accepted, 'submitted');
    await world.overtake(() => payers.approve(payer, 0n));
    await world.becomes(accepted, 'failed');
    expect((await world.told(accepted))[1]).toMatchObject({
      data: { reason: 'permit2_allowance_required', authorizationSpent: false, gas: { outcome: 'reverted' } },
    });
  });
});

describe('a payment by Permit2 whose block leaves the chain', () => {
  it('is sent again as it is, and told to have been taken back', async () => {
    const payer = await approved();
    const fork = await world.forkPoint();
    run();
    const accepted = await payers.byPermit(payer);
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    const [{ hash } = { hash: '' }] = await world.attemptsOf(accepted);
    await fork();
    await until(async () => (await world.told(accepted)).length === 4, {
      what: async () => JSON.stringify(types(await world.told(accepted))),
    });
    expect(types(await world.told(accepted))).toEqual([
      'settlement.submitted',
      'settlement.confirmed',
      'settlement.reorged',
      'settlement.confirmed',
    ]);
    expect(await world.attemptsOf(accepted)).toMatchObject([{ n: 1, hash, state: 'landed' }]);
    expect(await payers.balance(accepted.data.payTo)).toBe(10_000n);
  });

  it('and that another had landed is landed by us, where the other’s is lost', async () => {
    const payer = await approved();
    const fork = await world.forkPoint();
    const accepted = await payers.byPermit(payer);
    await land(accepted);
    run();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    await fork();
    await world.mine();
    await until(async () => (await world.told(accepted)).length === 4, {
      what: async () => JSON.stringify(types(await world.told(accepted))),
    });
    const told = await world.told(accepted);
    expect(types(told)).toEqual([
      'settlement.confirmed',
      'settlement.reorged',
      'settlement.submitted',
      'settlement.confirmed',
    ]);
    expect(told[3]).toMatchObject({ data: { settledBy: 'us' } });
    expect(await payers.balance(accepted.data.payTo)).toBe(10_000n);
  });
});

describe('a process that is killed', () => {
  const killed = Object.assign(new Error('killed'), { code: 'chain_unavailable', retryable: true });

  it.each(['before', 'after'] as const)(
    '%s a permit leaves: the next one finishes with the same transaction',
    async (point) => {
      let dead = false;
      const first = run((chain) =>
        intercepted(chain, async (method, proceed) => {
          if (dead) throw killed;
          if (method !== 'broadcast') return proceed();
          dead = true;
          if (point === 'after') await proceed();
          throw killed;
        }),
      );
      const accepted = await payers.byPermit(await approved());
      const count = await world.relayerCount();
      await world.take(accepted);
      await until(async () => dead, { what: async () => 'the crash' });
      await first.close();
      expect(await world.stateOf(accepted)).toBe('submitted');
      run();
      await world.becomes(accepted, 'confirmed');
      expect(await world.attemptsOf(accepted)).toMatchObject([{ n: 1, state: 'landed' }]);
      expect(await world.relayerCount()).toBe(count + 1);
    },
  );
});
