import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { freePort } from '@quittance/embedded';
import { createTestClient, type Hex, http, parseEther } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';

import { eventually } from '../../http.js';
import type { Stack } from '../../stack.js';
import { cpuOf, cpuOfPostgres, type CpuTimes } from './cpu-time.js';

/** One of the two that are compared. While one is measured, no process of the other's runs. */
export type Side = {
  readonly name: 'ours' | 'reference';
  readonly url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  cpu(): CpuTimes;
};

/** The reference is one process, which can be told to stand still. */
export type ReferenceSide = Side & { pid(): number | undefined };

const relayerFunds = parseEther('1000');

export function ourSide(stack: Stack): Side {
  const [facilitator] = stack.facilitators;
  const [chain] = stack.chains;
  if (facilitator === undefined || chain === undefined) throw new TypeError('a stack without a facilitator');
  const databasePort = Number(new URL(stack.database.adminUrl).port);
  return {
    name: 'ours',
    url: facilitator.url,
    start: async () => {
      for (const service of stack.services) service.launch();
      await Promise.all(stack.services.map(async (service) => service.ready()));
    },
    stop: async () => {
      await Promise.all(stack.services.map(async (service) => service.stop()));
    },
    cpu: () => ({
      ...Object.fromEntries(stack.services.map(({ name, pid }) => [name, cpuOf(pid)])),
      postgres: cpuOfPostgres(databasePort),
      anvil: cpuOf(chain.pid),
      generator: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
    }),
  };
}

/** The reference facilitator with a funded relayer of its own. */
export async function referenceSide(
  chain: Stack['chains'][number],
  rpcUrl: string = chain.rpcUrl,
): Promise<ReferenceSide> {
  const relayerKey = generatePrivateKey();
  await fund(chain.rpcUrl, relayerKey);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  return {
    name: 'reference',
    url,
    pid: () => child?.pid,
    start: async () => {
      const { PATH, HOME } = process.env;
      child = spawn(
        process.execPath,
        [fileURLToPath(new URL('./reference-facilitator.js', import.meta.url))],
        {
          env: {
            PATH,
            HOME,
            NODE_ENV: 'production',
            RPC_URL: rpcUrl,
            CHAIN_ID: String(chain.chainId),
            RELAYER_PRIVATE_KEY: relayerKey,
            PORT: String(port),
          },
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        },
      );
      await eventually('the reference facilitator answers', async () =>
        fetch(`${url}/supported`).then(
          ({ ok }) => ok || undefined,
          () => undefined,
        ),
      );
    },
    stop: async () => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    cpu: () => ({
      reference: cpuOf(child?.pid),
      anvil: cpuOf(chain.pid),
      generator: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
    }),
  };
}

async function fund(rpcUrl: string, key: Hex): Promise<void> {
  await createTestClient({ mode: 'anvil', transport: http(rpcUrl) }).setBalance({
    address: privateKeyToAddress(key),
    value: relayerFunds,
  });
}
