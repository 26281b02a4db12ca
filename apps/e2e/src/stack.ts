import { devTokens, freePort } from '@quittance/embedded';
import { type Anvil, startAnvil, startTestDatabase, type TestDatabase } from '@quittance/testing';
import { createTestClient, http, parseEther } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';

import { Service, type ServiceName } from './service.js';
import type { Transport } from './transport.js';

export type StackOptions = {
  readonly transport: Transport;
  /** One chain each; default one, 84532. */
  readonly chainIds?: readonly number[];
  readonly blockTimeS?: number;
  /** Facilitator processes behind one database; default one. */
  readonly facilitators?: number;
  readonly settleWaitMs?: number;
};

/** A whole installation: real database, chains and transport, each service a process of its own. */
export type Stack = {
  readonly database: TestDatabase;
  readonly chains: readonly Anvil[];
  readonly facilitators: readonly Service[];
  readonly settlement: Service;
  readonly ledger: Service;
  readonly services: readonly Service[];
  readonly relayer: `0x${string}`;
  stop(): Promise<void>;
};

const relayerFunds = parseEther('1000');
const pollIntervalMs = 50;

/** Starts an installation and waits until each part says it is ready. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const relayerKey = generatePrivateKey();
  const relayer = privateKeyToAddress(relayerKey);
  const [database, ...chains] = await Promise.all([
    startTestDatabase(),
    ...(options.chainIds ?? [84532]).map(async (chainId) => startChain(chainId, relayer, options.blockTimeS)),
  ]);
  const networks = JSON.stringify(
    chains.map(({ chainId, rpcUrl }) => ({
      chainId: `eip155:${chainId}`,
      rpcUrl,
      assets: devTokens,
      relayers: [relayer],
      confirmations: 1,
      pollIntervalMs,
    })),
  );
  const service = async (name: ServiceName, more: Record<string, string> = {}): Promise<Service> =>
    new Service({
      name,
      port: await freePort(),
      env: {
        ...options.transport.env,
        DATABASE_URL: database.serviceUrls[name],
        NETWORKS: networks,
        ...more,
      },
      ...(process.env['E2E_LOGS'] === undefined ? {} : { logFolder: process.env['E2E_LOGS'] }),
    });
  const wait: Record<string, string> =
    options.settleWaitMs === undefined ? {} : { SETTLE_WAIT_MS: String(options.settleWaitMs) };
  const facilitators = await Promise.all(
    Array.from({ length: options.facilitators ?? 1 }, async () => service('facilitator', wait)),
  );
  const settlement = await service('settlement', { RELAYER_PRIVATE_KEY: relayerKey });
  const ledger = await service('ledger');
  const services = [...facilitators, settlement, ledger];
  for (const one of services) one.launch();
  await Promise.all(services.map(async (one) => one.ready()));
  return {
    database,
    chains,
    facilitators,
    settlement,
    ledger,
    services,
    relayer,
    stop: async () => {
      await Promise.all(services.map(async (one) => one.stop()));
      await Promise.all([database.stop(), ...chains.map(async (chain) => chain.stop())]);
    },
  };
}

async function startChain(chainId: number, relayer: `0x${string}`, blockTimeS?: number): Promise<Anvil> {
  const chain = await startAnvil({ chainId, ...(blockTimeS === undefined ? {} : { blockTimeS }) });
  await createTestClient({ mode: 'anvil', transport: http(chain.rpcUrl) }).setBalance({
    address: relayer,
    value: relayerFunds,
  });
  return chain;
}
