import { createTransport, type EventTransport } from '@quittance/messaging';
import { type Anvil, type RpcFaultProxy, startRpcFaultProxy } from '@quittance/testing';

import { Payer } from '../payer.js';
import { SeededRandom } from '../random.js';
import { type Stack, startStack } from '../stack.js';
import { postgresTransport } from '../transport.js';

/** The installation that things happen to. */
export type Ground = {
  readonly stack: Stack;
  readonly chain: Anvil;
  /** Before every process's node, and before nothing else. */
  readonly proxies: readonly RpcFaultProxy[];
  readonly payers: readonly Payer[];
  readonly random: SeededRandom;
  /** The services' own way to hear of each other, for publishing what they have heard before. */
  readonly transport: EventTransport;
  rpc(method: string, ...params: readonly unknown[]): Promise<unknown>;
  stop(): Promise<void>;
};

export const blockTimeS = 1;
const payersCount = 12;
const pocketMoney = 10n ** 12n;
const settleWaitMs = 6_000;
/** Blocks before anything happens, so that the deepest reorganization has a chain to change. */
const blocksBefore = 40;

/** Two facilitators, two settlement replicas with three keys between them, a ledger; each asks its node through a proxy. */
export async function startGround(seed: number): Promise<Ground> {
  const random = new SeededRandom(seed);
  const proxies: RpcFaultProxy[] = [];
  const stack = await startStack({
    transport: postgresTransport,
    blockTimeS,
    facilitators: 2,
    settlements: 2,
    relayers: 3,
    settleWaitMs,
    supervised: true,
    // Blocks count as final only where no reorganization of the plan reaches.
    network: { finality: 64, replaceAfterBlocks: 2 },
    env: { NODE_ENV: 'test' },
    rpcUrlsFor: async (chain, service) => {
      if (service === 'ledger') return [chain.rpcUrl];
      const proxy = await startRpcFaultProxy({
        target: chain.rpcUrl,
        random: () => random.below(1_000) / 1_000,
      });
      proxies.push(proxy);
      return [proxy.url];
    },
  });
  const chain = stack.chains[0] as Anvil;
  const payers = await Promise.all(
    Array.from({ length: payersCount }, async () => Payer.funded(chain, pocketMoney)),
  );
  await chain.mine(blocksBefore);
  const transport = createTransport({ kind: 'postgres', databaseUrl: stack.database.adminUrl });
  return {
    stack,
    chain,
    proxies,
    payers,
    random,
    transport,
    rpc: async (method, ...params) => askNode(chain.rpcUrl, method, params),
    stop: async () => {
      await transport.close();
      await stack.stop();
      await Promise.all(proxies.map(async (proxy) => proxy.close()));
    },
  };
}

async function askNode(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const answer = (await response.json()) as { result?: unknown; error?: { message: string } };
  if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result;
}
