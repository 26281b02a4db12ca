import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type RpcFault, type RpcFaultProxy, startRpcFaultProxy } from '@quittance/testing';

import { type Accepted, type Running, World } from './world.js';

/**
 * A node that says what is not so for some seconds, while payments land by us, one by one and in batches, and by others:
 * none of them may be told as failed, and all are told as confirmed once the node is well again.
 */

let world: World;
let proxy: RpcFaultProxy;
let settling: Running | null = null;

beforeAll(async () => {
  world = await World.start({ blockTimeS: 1 });
  proxy = await startRpcFaultProxy({ target: world.anvil.rpcUrl, random: () => 0 });
}, 120_000);
afterEach(async () => {
  proxy.clear();
  await settling?.close();
  settling = null;
});
afterAll(async () => {
  await world?.stop();
  await proxy?.close();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const lieMs = 3_000;
const healsWithinMs = 30_000;
const overload = { code: -32_005, message: 'limit exceeded' } as const;

const lies: readonly (readonly [string, readonly RpcFault[]])[] = [
  ['hides all logs', [{ fault: 'missingLogs' }]],
  ['hides all logs, and has no receipts of blocks', [{ fault: 'missingLogs' }, noBlockReceipts()]],
  ['hides all receipts', [{ fault: 'missingReceipt' }]],
  ['hides logs and receipts', [{ fault: 'missingLogs' }, { fault: 'missingReceipt' }]],
  ['counts too few nonces', [{ fault: 'stale', by: 2 }]],
  ['hides logs and counts too few nonces', [{ fault: 'missingLogs' }, { fault: 'stale', by: 2 }]],
  ['lags by three blocks', [{ fault: 'lagging', blocks: 3 }]],
  ['stands still', [{ fault: 'frozen' }]],
  ['has too much to do', [{ fault: 'rpcError', ...overload }]],
  [
    'has too much to do for receipts, and hides logs',
    [{ fault: 'missingLogs' }, { fault: 'rpcError', methods: ['eth_getTransactionReceipt'], ...overload }],
  ],
];

function noBlockReceipts(): RpcFault {
  return {
    fault: 'rpcError',
    methods: ['eth_getBlockReceipts'],
    code: -32_601,
    message: 'the method eth_getBlockReceipts does not exist/is not available',
  };
}

async function acceptMany(count: number, payer: number): Promise<Accepted[]> {
  return Promise.all(Array.from({ length: count }, async () => world.accept({ payer, amount: 1_000n })));
}

async function run(): Promise<void> {
  settling = world.run({ network: { rpcUrls: [proxy.url] } });
  const first = await world.accept();
  await world.take(first);
  await world.becomes(first, 'confirmed');
}

async function areConfirmed(payments: readonly Accepted[]): Promise<void> {
  for (const payment of payments) await world.becomes(payment, 'confirmed', healsWithinMs);
  for (const payment of payments) {
    const told = (await world.told(payment)).map(({ type }) => type);
    expect(told).not.toContain('settlement.failed');
  }
}

describe('A node that', () => {
  it.each(lies)(
    '%s fails no payment that was charged',
    async (_what, faults) => {
      await run();
      const [single, batch, byOthers] = [
        await world.accept({ payer: 1 }),
        await acceptMany(6, 2),
        await acceptMany(2, 3),
      ];
      // Known to us, and not ours to land: somebody is faster.
      const [early, late] = byOthers as [Accepted, Accepted];
      await world.take(single);
      proxy.setFaults(faults);
      await world.take(...batch);
      await world.land(early);
      await world.take(early);
      await pause(lieMs / 2);
      await world.land(late);
      await world.take(late);
      await pause(lieMs / 2);
      proxy.clear();
      await areConfirmed([single, ...batch, early, late]);
    },
    90_000,
  );

  it('hides the logs of what others land fails nothing that was refused before', async () => {
    await run();
    const amount = 3_000_000_000n;
    const poor = await world.accept({ payer: 4, amount });
    await world.take(poor);
    await world.becomes(poor, 'failed');
    await world.mint(4, amount);
    proxy.setFaults([{ fault: 'missingLogs' }]);
    await world.land(poor);
    // While the node still hides them: the blocks' own filters and receipts tell.
    await world.becomes(poor, 'confirmed');
  }, 60_000);
});
