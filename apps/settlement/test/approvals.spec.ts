import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { keccak256 } from 'viem';

import type { SettlementChain } from '../src/chain/settlement-chain.js';
import { type Payer, Payers, type Sponsoring } from './payers.js';
import { type Accepted, intercepted, type Running, type RunOptions, until, World } from './world.js';

/**
 * Approvals that payers signed and have no gas for. Each step towards one (gas for the payer, its transaction, the
 * payment) is stored or can be repeated; a process that dies is played by a chain port that dies.
 */

let world: World;
let payers: Payers;
const processes: Running[] = [];

let mining: NodeJS.Timeout;

beforeAll(async () => {
  world = await World.start();
  payers = new Payers(world);
  // Anvil strands a transaction that comes while it makes a block: the payer's is nobody's to replace, and waits for the next.
  mining = setInterval(() => void world.mine(), 1_000);
}, 120_000);
afterEach(async () => {
  await world.setAutomine(true);
  await world.mine();
  await Promise.all(processes.splice(0).map((running) => running.close()));
});
afterAll(async () => {
  clearInterval(mining);
  await world?.stop();
});

const types = (events: readonly { type: string }[]) => events.map(({ type }) => type);

function run(options: RunOptions = {}): Running {
  const running = world.run(options);
  processes.push(running);
  return running;
}

type Changes = Parameters<Payers['approval']>[1];

async function sponsored(changes: Changes = {}, payer?: Payer): Promise<Accepted> {
  const who = payer ?? (await payers.fresh());
  return payers.byPermit(who, { sponsoring: await payers.approval(who, changes) });
}

/** What was told of gas given for a payment. */
async function topUps({ data }: Accepted) {
  const filled = await world.toldOfChain('settlement.filled');
  return filled.flatMap((event) =>
    event.type === 'settlement.filled' && event.data.topUp?.paymentId === data.paymentId ? [event.data] : [],
  );
}

const given = async (accepted: Accepted) =>
  (await topUps(accepted)).reduce((sum, { topUp, takesBack }) => {
    const amount = BigInt(topUp?.amount ?? 0);
    return takesBack === null ? sum + amount : sum;
  }, 0n);

describe('a payment with an approval', () => {
  it('has its payer given gas, its approval sent, and settles; what was given is told', async () => {
    run();
    const accepted = await sponsored();
    const count = await world.relayerCount();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(types(await world.told(accepted))).toEqual(['settlement.submitted', 'settlement.confirmed']);
    expect(await payers.balance(accepted.data.payTo)).toBe(10_000n);
    expect(await world.relayerCount()).toBe(count + 2);
    // Gas limit times price, and a quarter for what rollups charge.
    expect(await topUps(accepted)).toMatchObject([
      {
        relayer: world.relayer.address,
        topUp: { account: accepted.data.payer, amount: 262_500_000_000_000n.toString() },
        takesBack: null,
      },
    ]);
  });

  it('gives nothing where the payer has gas', async () => {
    run();
    const payer = await payers.fresh();
    await world.give(payer.address, 10n ** 17n);
    const accepted = await sponsored({}, payer);
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(await topUps(accepted)).toEqual([]);
  });

  it('sends nothing but the payment where Permit2 is approved already', async () => {
    run();
    const payer = await payers.fresh();
    await payers.approve(payer);
    const accepted = await sponsored({}, payer);
    const count = await world.relayerCount();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(await world.relayerCount()).toBe(count + 1);
    expect(await topUps(accepted)).toEqual([]);
  });

  it('by upto is sent by the relayer that the payer named', async () => {
    run();
    const payer = await payers.fresh();
    const facilitator = world.relayer.address;
    const sponsoring = await payers.approval(payer);
    const accepted = await payers.byPermit(payer, {
      amount: 3_000n,
      ceiling: 9_000n,
      facilitator,
      sponsoring,
    });
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(await payers.balance(accepted.data.payTo)).toBe(3_000n);
  });

  it('gives gas once however many processes see it', async () => {
    run({ relayers: [world.relayer] });
    run({ relayers: [world.relayerOf(9)] });
    const accepted = await Promise.all(Array.from({ length: 6 }, () => sponsored()));
    await world.take(...accepted);
    await Promise.all(accepted.map((event) => world.becomes(event, 'confirmed', 30_000)));
    for (const event of accepted) expect(await topUps(event)).toHaveLength(1);
  });
});

describe('a payer who pays several times', () => {
  it('is given gas once for one approval', async () => {
    run();
    const payer = await payers.fresh();
    const sponsoring = await payers.approval(payer);
    const accepted = await Promise.all([1, 2, 3].map(() => payers.byPermit(payer, { sponsoring })));
    await world.take(...accepted);
    for (const event of accepted) await world.becomes(event, 'confirmed');
    expect((await Promise.all(accepted.map(topUps))).flat()).toHaveLength(1);
  });

  it('is given none again after it took some and did not pay', async () => {
    run();
    const payer = await payers.fresh();
    const first = await sponsored({ amount: 9_999n }, payer);
    await world.take(first);
    await world.becomes(first, 'failed');
    const second = await sponsored({ nonce: 1 }, payer);
    await world.take(second);
    await world.becomes(second, 'failed');
    expect(await world.told(second)).toMatchObject([
      { data: { reason: 'erc20_approval_broadcast_failed', gas: null } },
    ]);
    expect(await topUps(second)).toEqual([]);
  });
});

describe('an approval that cannot do', () => {
  const fails = async (accepted: Accepted, reason: string, options: RunOptions = {}): Promise<void> => {
    run(options);
    const count = await world.relayerCount();
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    expect(await world.told(accepted)).toMatchObject([
      { type: 'settlement.failed', data: { reason, authorizationSpent: false, gas: null } },
    ]);
    expect(await world.relayerCount()).toBe(count);
    expect(await topUps(accepted)).toEqual([]);
  };

  it('because its nonce is used is no reason to give gas', async () => {
    const payer = await payers.fresh();
    await payers.approve(payer, 0n);
    await fails(await sponsored({ nonce: 0 }, payer), 'erc20_approval_broadcast_failed');
  });

  it('because an earlier nonce is open', async () => {
    await fails(await sponsored({ nonce: 3 }), 'erc20_approval_broadcast_failed');
  });

  it('because it costs more than is given', async () => {
    const accepted = await sponsored();
    const network = { approvalGasMaxWei: 262_499_999_999_999n };
    await fails(accepted, 'erc20_approval_tx_too_expensive', { network });
  });

  it('because somebody else signed it', async () => {
    const [payer, other] = [await payers.fresh(), await payers.fresh()];
    const approval = await payers.approval(other);
    const sponsoring = { ...approval, from: payer.address } as Sponsoring;
    await fails(await payers.byPermit(payer, { sponsoring }), 'erc20_approval_tx_parse_failed');
  });

  it('because it approves too little', async () => {
    run();
    const accepted = await sponsored({ amount: 9_999n });
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    expect(await world.told(accepted)).toMatchObject([{ data: { reason: 'erc20_approval_tx_failed' } }]);
    expect(await topUps(accepted)).toHaveLength(1);
  });

  it('of one who has not the money to pay', async () => {
    const payer = await payers.fresh();
    const sponsoring = await payers.approval(payer);
    const accepted = await payers.byPermit(payer, { amount: 10n ** 15n, sponsoring });
    await fails(accepted, 'permit2_insufficient_balance');
  });
});

describe('a process that is killed', () => {
  const killed = Object.assign(new Error('killed'), { code: 'chain_unavailable', retryable: true });

  /** Dies when it hands over its `n`th transaction: gas for the payer, the approval, the payment. */
  function dyingAt(n: number, point: 'before' | 'after') {
    let seen = 0;
    let dead = false;
    const wrap = (chain: SettlementChain) =>
      intercepted(chain, async (method, proceed) => {
        if (dead) throw killed;
        if (method !== 'broadcast') return proceed();
        seen += 1;
        if (seen < n) return proceed();
        dead = true;
        if (point === 'after') await proceed();
        throw killed;
      });
    return { wrap, isDead: () => dead };
  }

  it.each([
    ['the gas', 1, 'before'],
    ['the gas', 1, 'after'],
    ['the approval', 2, 'before'],
    ['the approval', 2, 'after'],
    ['the payment', 3, 'before'],
    ['the payment', 3, 'after'],
  ] as const)(
    'around sending %s (%i, %s it leaves): the next one finishes, and gives no more',
    async (_, n, point) => {
      const dying = dyingAt(n, point);
      const first = run({ wrap: dying.wrap });
      const accepted = await sponsored();
      const count = await world.relayerCount();
      await world.take(accepted);
      await until(async () => dying.isDead(), { what: async () => 'the crash' });
      await first.close();
      run();
      await world.becomes(accepted, 'confirmed');
      expect(await world.relayerCount()).toBe(count + 2);
      expect(await given(accepted)).toBe(262_500_000_000_000n);
      expect(await world.attemptsOf(accepted)).toMatchObject([{ n: 1, state: 'landed' }]);
    },
  );

  it('between signing gas and storing it has given nothing', async () => {
    const { relayer } = world;
    let crashes = 2;
    const sign: typeof relayer.sign = (transaction) => {
      if (crashes === 0) return relayer.sign(transaction);
      crashes -= 1;
      throw killed;
    };
    run({ relayers: [{ address: relayer.address, sign }] });
    const accepted = await sponsored();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(await topUps(accepted)).toHaveLength(1);
    expect(crashes).toBe(0);
  });
});

describe('gas that is given in a block that leaves the chain', () => {
  it('is told to be taken back and given by the same transaction; the approval is sent again', async () => {
    const accepted = await sponsored();
    const fork = await world.forkPoint();
    run();
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    await fork();
    await until(async () => (await topUps(accepted)).length === 2, {
      what: async () => JSON.stringify(await topUps(accepted)),
    });
    await until(async () => (await payers.balance(accepted.data.payTo)) === 10_000n, {
      withinMs: 20_000,
      what: async () => JSON.stringify(await world.told(accepted)),
    });
    await world.becomes(accepted, 'confirmed');
    const [before, after] = await topUps(accepted);
    expect(after?.transaction).toBe(before?.transaction);
    expect(after?.takesBack).not.toBeNull();
    const { sponsoring } = accepted.data;
    if (sponsoring?.kind !== 'erc20_approval') throw new TypeError('no approval');
    expect(await world.status(keccak256(sponsoring.signedTransaction))).toBe('success');
  });
});
