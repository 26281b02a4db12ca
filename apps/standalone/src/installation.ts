import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { Database, migrate, setServicePasswords } from '@quittance/database';
import { type Anvil, devTokens, EmbeddedPostgres, startAnvil } from '@quittance/embedded';
import { createPublicClient, createTestClient, http, parseEther } from 'viem';
import { privateKeyToAddress } from 'viem/accounts';

import { assertChainHolds, lastSeenBlock } from './chain-history.js';
import type { Config } from './config.js';
import type { DataFolder, Secrets } from './data-folder.js';

const databaseName = 'quittance';
const confirmations = 1;
const pollIntervalMs = 100;
const relayerFundsLeast = parseEther('1');
const relayerFunds = parseEther('100');

export type ServiceName = 'facilitator' | 'settlement' | 'ledger';
export const serviceNames: readonly ServiceName[] = ['facilitator', 'settlement', 'ledger'];

/** The built main.js of a service. */
export function scriptOf(service: ServiceName): string {
  return fileURLToPath(new URL(`../../${service}/dist/main.js`, import.meta.url));
}

/** Starts the database on its kept data, apart from every schema in it. */
export async function startDatabase(folder: DataFolder): Promise<EmbeddedPostgres> {
  return EmbeddedPostgres.start({ directory: folder.postgres, logFile: folder.log('postgres') });
}

/** Starts the chain on its kept state: a block for each transaction, and gas for the relayer. */
export async function startChain(
  folder: DataFolder,
  options: { port: number; secrets: Secrets },
): Promise<Anvil> {
  const anvil = await startAnvil({
    port: options.port,
    statePath: folder.chainState,
    logFile: folder.log('chain'),
  });
  const transport = http(anvil.rpcUrl);
  const address = privateKeyToAddress(options.secrets.relayerKey);
  if ((await createPublicClient({ transport }).getBalance({ address })) < relayerFundsLeast) {
    await createTestClient({ mode: 'anvil', transport }).setBalance({ address, value: relayerFunds });
  }
  return anvil;
}

/** Brings the schema up to date and gives each service its own login. */
export async function migrateDatabase(postgres: EmbeddedPostgres, secrets: Secrets): Promise<void> {
  const adminUrl = await postgres.database(databaseName);
  await migrate({ adminUrl });
  await setServicePasswords({ adminUrl, passwords: secrets.passwords });
}

/** Throws StandaloneError when the chain has lost what the database has booked. */
export async function compareChainWithDatabase(postgres: EmbeddedPostgres, rpcUrl: string): Promise<void> {
  const database = Database.connect({
    url: postgres.urlOf(databaseName),
    applicationName: 'quittance-standalone',
    poolSize: 1,
  });
  try {
    await assertChainHolds(rpcUrl, await lastSeenBlock(database));
  } finally {
    await database.close();
  }
}

export type Parts = {
  readonly postgres: EmbeddedPostgres;
  readonly anvil: Anvil;
  readonly secrets: Secrets;
  /** The file of the key that the ledger signs with. */
  readonly checkpointKey: string;
  /** Settings of the ledger that whoever started us chose. */
  readonly ledger: Config['ledger'];
};

/** The settings of one service: each gets its own database login, only settlement the relayer's key, only the ledger its own. */
export function settingsOf(
  service: ServiceName,
  parts: Parts,
  ports: Config['ports'],
): Record<string, string> {
  const databaseUrl = new URL(parts.postgres.urlOf(databaseName));
  databaseUrl.username = `quittance_${service}`;
  databaseUrl.password = parts.secrets.passwords[service];
  const networks = [
    {
      chainId: `eip155:${parts.anvil.chainId}`,
      rpcUrls: [parts.anvil.rpcUrl],
      wsUrl: parts.anvil.rpcUrl.replace('http', 'ws'),
      assets: devTokens,
      relayers: [privateKeyToAddress(parts.secrets.relayerKey)],
      confirmations,
      pollIntervalMs,
      // The dev chain takes no block back, and makes one for a transaction only: to wait for a second would be to wait for ever.
      finality: 0,
    },
  ];
  return {
    DATABASE_URL: databaseUrl.href,
    EVENT_TRANSPORT: 'postgres',
    HOST: '127.0.0.1',
    PORT: String(ports[service]),
    NETWORKS: JSON.stringify(networks),
    ...(service === 'settlement' ? { RELAYER_PRIVATE_KEYS: parts.secrets.relayerKey } : {}),
    ...(service === 'ledger'
      ? {
          ACCESS_TOKENS: accessTokens(parts.secrets),
          CHECKPOINT_KEY: parts.checkpointKey,
          // Who looks at the first payment wants its proof signed.
          CHECKPOINT_SECONDS: '1',
          ...parts.ledger,
        }
      : {}),
  };
}

/** Everybody may look at a demonstration; who changes something says who it is, even here. */
function accessTokens({ ledgerTokens }: Secrets): string {
  const known = Object.entries(ledgerTokens).map(([role, token]) => ({
    name: role,
    sha256: createHash('sha256').update(token).digest('hex'),
    // Journals into a soft-closed period are approved by the controller.
    roles: role === 'controller' ? ['controller', 'approver'] : [role],
  }));
  return JSON.stringify([{ name: 'anyone', roles: ['analyst', 'auditor'] }, ...known]);
}
