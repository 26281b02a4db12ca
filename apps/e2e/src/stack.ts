import { devTokens, freePorts } from '@quittance/embedded';
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
  /** Settlement processes that share the relayers' keys; default one. */
  readonly settlements?: number;
  /** Accounts that pay gas; default one. */
  readonly relayers?: number;
  readonly settleWaitMs?: number;
  /** Processes that end by themselves are started again. */
  readonly supervised?: boolean;
  /** Settings of every service. */
  readonly env?: Readonly<Record<string, string>>;
  /** Fields of NETWORKS besides those that the stack sets. */
  readonly network?: Readonly<Record<string, unknown>>;
  /** The endpoints that a process of a service asks; default the chain itself. */
  readonly rpcUrlsFor?: (chain: Anvil, service: ServiceName) => Promise<readonly string[]>;
};

/** A whole installation: real database, chains and transport, each service a process of its own. */
export type Stack = {
  readonly database: TestDatabase;
  readonly chains: readonly Anvil[];
  readonly facilitators: readonly Service[];
  readonly settlements: readonly Service[];
  readonly settlement: Service;
  readonly ledger: Service;
  readonly services: readonly Service[];
  readonly relayers: readonly `0x${string}`[];
  readonly relayer: `0x${string}`;
  stop(): Promise<void>;
};

const relayerFunds = parseEther('1000');
const pollIntervalMs = 50;

/** Starts an installation and waits until each part says it is ready. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const keys = Array.from({ length: options.relayers ?? 1 }, () => generatePrivateKey());
  const relayers = keys.map((key) => privateKeyToAddress(key));
  const [database, ...chains] = await Promise.all([
    startTestDatabase(),
    ...(options.chainIds ?? [84532]).map(async (chainId) =>
      startChain(chainId, relayers, options.blockTimeS),
    ),
  ]);
  const facilitatorCount = options.facilitators ?? 1;
  const settlementCount = options.settlements ?? 1;
  const ports = (await freePorts(facilitatorCount + settlementCount + 1)).values();
  const service = async (name: ServiceName, more: Record<string, string> = {}): Promise<Service> =>
    new Service({
      name,
      port: ports.next().value ?? 0,
      env: {
        ...options.transport.env,
        DATABASE_URL: database.serviceUrls[name],
        NETWORKS: await networksFor(name, { options, chains, relayers }),
        ...options.env,
        ...more,
      },
      ...(options.supervised === undefined ? {} : { supervised: options.supervised }),
      ...(process.env['E2E_LOGS'] === undefined ? {} : { logFolder: process.env['E2E_LOGS'] }),
    });
  const many = async (count: number, name: ServiceName, more?: Record<string, string>): Promise<Service[]> =>
    Promise.all(Array.from({ length: count }, async () => service(name, more)));
  const wait: Record<string, string> =
    options.settleWaitMs === undefined ? {} : { SETTLE_WAIT_MS: String(options.settleWaitMs) };
  const facilitators = await many(facilitatorCount, 'facilitator', wait);
  const settlements = await many(settlementCount, 'settlement', {
    RELAYER_PRIVATE_KEYS: keys.join(','),
  });
  const ledger = await service('ledger');
  const services = [...facilitators, ...settlements, ledger];
  for (const one of services) one.launch();
  await Promise.all(services.map(async (one) => one.ready()));
  return {
    database,
    chains,
    facilitators,
    settlements,
    settlement: settlements[0] as Service,
    ledger,
    services,
    relayers,
    relayer: relayers[0] as `0x${string}`,
    stop: async () => {
      await Promise.all(services.map(async (one) => one.stop()));
      await Promise.all([database.stop(), ...chains.map(async (chain) => chain.stop())]);
    },
  };
}

type Ground = {
  readonly options: StackOptions;
  readonly chains: readonly Anvil[];
  readonly relayers: readonly string[];
};

async function networksFor(name: ServiceName, { options, chains, relayers }: Ground): Promise<string> {
  const networks = chains.map(async (chain) => ({
    chainId: `eip155:${chain.chainId}`,
    ...(await endpointsFor(chain, name, options)),
    assets: devTokens,
    relayers,
    confirmations: 1,
    pollIntervalMs,
    ...options.network,
  }));
  return JSON.stringify(await Promise.all(networks));
}

type Endpoints = { readonly rpcUrls: readonly string[]; readonly wsUrl?: string };

/** New blocks come by WebSocket where services ask the chain itself. */
async function endpointsFor(
  chain: Anvil,
  name: ServiceName,
  { rpcUrlsFor }: StackOptions,
): Promise<Endpoints> {
  if (rpcUrlsFor !== undefined) return { rpcUrls: await rpcUrlsFor(chain, name) };
  return { rpcUrls: [chain.rpcUrl], wsUrl: chain.rpcUrl.replace('http', 'ws') };
}

async function startChain(
  chainId: number,
  relayers: readonly `0x${string}`[],
  blockTimeS?: number,
): Promise<Anvil> {
  const chain = await startAnvil({ chainId, ...(blockTimeS === undefined ? {} : { blockTimeS }) });
  const test = createTestClient({ mode: 'anvil', transport: http(chain.rpcUrl) });
  for (const address of relayers) await test.setBalance({ address, value: relayerFunds });
  return chain;
}
