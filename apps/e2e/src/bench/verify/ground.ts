import { devTokens, devUsdc, freePort, mintDevToken } from '@quittance/embedded';
import { type Anvil, startAnvil, startTestDatabase, type TestDatabase } from '@quittance/testing';
import { type Address, pad, toHex } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';

import { Service } from '../../service.js';
import { cpuOf, cpuOfPostgres, type CpuTimes } from '../settle/cpu-time.js';
import { referenceSide } from '../settle/side.js';
import { Load } from './load.js';
import type { LoadSettings } from './load-process.js';
import type { Plan } from './plan.js';

export const blockTimeS = 1;
const chainId = 84_532;
const payerCount = 256;
const pocketMoney = 1_000_000_000_000n;
const mintsAtOnce = 16;
const merchants: readonly Address[] = [1, 2, 3, 4].map((n) => pad(toHex(0xbeef00 + n), { size: 20 }));

/** One facilitator, ours or the reference, as one process. Only the one whose turn it is does not stand still. */
export type Side = {
  readonly name: 'ours' | 'reference';
  readonly url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  pause(): void;
  resume(): void;
  cpu(): CpuTimes;
};

/** What all sides share: chain, database, and who pays. */
export type Ground = {
  readonly chain: Anvil;
  readonly database: TestDatabase;
  /** Payers with money, each coming up as seldom as possible. */
  readonly load: Load;
  /** One payer without any, whose payments are well signed. */
  readonly flood: Load;
  stop(): Promise<void>;
};

type Payer = LoadSettings['payers'][number];

export async function startGround(): Promise<Ground> {
  const [database, chain] = await Promise.all([startTestDatabase(), startAnvil({ chainId, blockTimeS })]);
  const payers = Array.from({ length: payerCount }, newPayer);
  for (let start = 0; start < payers.length; start += mintsAtOnce)
    await Promise.all(payers.slice(start, start + mintsAtOnce).map(async (payer) => funded(chain, payer)));
  const { address, name, version } = devUsdc;
  const settings = { merchants, chainId, token: { address, name, version }, amount: '1000' };
  const load = new Load({ ...settings, payers });
  const flood = new Load({ ...settings, payers: [newPayer()] });
  return {
    chain,
    database,
    load,
    flood,
    stop: async () => {
      load.stop();
      flood.stop();
      await Promise.all([database.stop(), chain.stop()]);
    },
  };
}

function newPayer(): Payer {
  const key = generatePrivateKey();
  return { key, address: privateKeyToAddress(key) };
}

async function funded({ rpcUrl }: Anvil, { address }: Payer): Promise<void> {
  await mintDevToken(rpcUrl, { token: devUsdc.address, to: address as Address, amount: pocketMoney });
}

/** Our facilitator as it runs for real, with its database; nobody else of ours runs, for nothing is settled. */
export async function ourSide(
  { chain, database }: Ground,
  { profileFolder, rpcUrl = chain.rpcUrl }: Pick<Plan, 'profileFolder'> & { readonly rpcUrl?: string },
): Promise<Side> {
  const network = {
    chainId: `eip155:${chainId}`,
    rpcUrls: [rpcUrl],
    assets: devTokens,
    relayers: [privateKeyToAddress(generatePrivateKey())],
    confirmations: 1,
  };
  const service = new Service({
    name: 'facilitator',
    port: await freePort(),
    env: {
      NODE_ENV: 'production',
      EVENT_TRANSPORT: 'postgres',
      DATABASE_URL: database.serviceUrls.facilitator,
      NETWORKS: JSON.stringify([network]),
      ...(profileFolder === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileFolder}` }),
    },
    ...(process.env['E2E_LOGS'] === undefined ? {} : { logFolder: process.env['E2E_LOGS'] }),
  });
  const databasePort = Number(new URL(database.adminUrl).port);
  return {
    name: 'ours',
    url: service.url,
    start: async () => {
      service.launch();
      await service.ready();
    },
    stop: async () => {
      service.resume();
      await service.stop();
    },
    pause: () => service.pause(),
    resume: () => service.resume(),
    cpu: () => ({
      facilitator: cpuOf(service.pid),
      postgres: cpuOfPostgres(databasePort),
      anvil: cpuOf(chain.pid),
    }),
  };
}

export async function theirSide({ chain }: Ground, rpcUrl: string = chain.rpcUrl): Promise<Side> {
  const side = await referenceSide(chain, rpcUrl);
  const signal = (name: NodeJS.Signals): void => {
    const pid = side.pid();
    if (pid !== undefined) process.kill(pid, name);
  };
  return {
    name: 'reference',
    url: side.url,
    start: async () => side.start(),
    stop: async () => side.stop(),
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    cpu: () => {
      const { reference = 0, anvil = 0 } = side.cpu();
      return { facilitator: reference, anvil };
    },
  };
}
