import { devTokens, devWallets, freePort } from '@quittance/embedded';
import { type Anvil, startAnvil, startTestDatabase } from '@quittance/testing';
import { privateKeyToAddress } from 'viem/accounts';

import { referenceFacilitator } from '../reference.js';
import { Service } from '../service.js';
import { castOf, keyOf } from './cast.js';
import type { Judges } from './compare.js';
import type { Cast, Json } from './draft.js';

const chainId = 84_532;
const factories = [devWallets.factory];

/** One chain with a cast of payers, and both facilitators on it. Nothing is settled: the chain stays as it is. */
export type Ground = { readonly cast: Cast; readonly judges: Judges; stop(): Promise<void> };

export async function startGround(): Promise<Ground> {
  const [database, chain] = await Promise.all([startTestDatabase(), startAnvil({ chainId })]);
  const cast = await castOf(chain);
  const facilitator = await startFacilitator(chain, database.serviceUrls.facilitator);
  const relayerKey = keyOf('relayer');
  const reference = referenceFacilitator({ rpcUrl: chain.rpcUrl, chainId, relayerKey, factories });
  return {
    cast,
    judges: {
      ours: async (body) => ourVerdict(facilitator.url, body),
      theirs: async ({ paymentPayload, paymentRequirements }) => {
        try {
          const verdict = await reference.verify(paymentPayload as never, paymentRequirements as never);
          return verdict.isValid ? 'valid' : (verdict.invalidReason ?? 'no reason');
        } catch {
          return 'error';
        }
      },
    },
    stop: async () => {
      await facilitator.stop();
      await Promise.all([database.stop(), chain.stop()]);
    },
  };
}

async function startFacilitator(chain: Anvil, databaseUrl: string): Promise<Service> {
  const network = {
    chainId: `eip155:${chainId}`,
    rpcUrls: [chain.rpcUrl],
    assets: devTokens,
    relayers: [privateKeyToAddress(keyOf('relayer'))],
    confirmations: 1,
    factories,
  };
  const service = new Service({
    name: 'facilitator',
    port: await freePort(),
    env: {
      EVENT_TRANSPORT: 'postgres',
      DATABASE_URL: databaseUrl,
      NETWORKS: JSON.stringify([network]),
      REASON_VOCABULARY: 'reference',
    },
  });
  service.launch();
  await service.ready();
  return service;
}

/** The word of our verdict; of what is none the status, which no difference explains. */
async function ourVerdict(url: string, body: Json): Promise<string> {
  const response = await fetch(`${url}/verify`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { readonly isValid?: boolean; readonly invalidReason?: string };
  if (answer.isValid === true) return 'valid';
  return answer.invalidReason ?? `HTTP ${response.status}`;
}
