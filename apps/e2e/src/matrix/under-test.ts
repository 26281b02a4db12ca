import { devWallets } from '@quittance/embedded';
import { type Anvil, startAnvil } from '@quittance/testing';

import { startReferenceServer } from '../reference-server.js';
import { type Stack, startStack } from '../stack.js';
import { postgresTransport } from '../transport.js';

export type FacilitatorName = 'ours' | 'reference';

/** A facilitator with the chain that it settles on. */
export type UnderTest = {
  readonly url: string;
  readonly chain: Anvil;
  /** Null where it is not ours, which keeps no books. */
  readonly stack: Stack | null;
  /** How many purchases it bears at the same time. */
  readonly atOnce: number;
  stop(): Promise<void>;
};

// Version 1 has a name for this chain, and for no local one.
const chainId = 84_532;
const factories = [devWallets.factory];

/** Starts what the matrix is run against. The reference shows that its clients and servers are put together right. */
export async function startUnderTest(name: FacilitatorName): Promise<UnderTest> {
  return name === 'ours' ? startOurs() : startReference();
}

async function startOurs(): Promise<UnderTest> {
  const stack = await startStack({
    transport: postgresTransport,
    chainIds: [chainId],
    relayers: 2,
    network: { factories },
  });
  const [chain] = stack.chains;
  const [facilitator] = stack.facilitators;
  if (chain === undefined || facilitator === undefined) throw new TypeError('a stack without a facilitator');
  return { url: facilitator.url, chain, stack, atOnce: 8, stop: async () => stack.stop() };
}

async function startReference(): Promise<UnderTest> {
  const chain = await startAnvil({ chainId });
  const [relayer] = chain.accounts;
  if (relayer === undefined) throw new TypeError('a chain without accounts');
  const { rpcUrl } = chain;
  const server = await startReferenceServer({ rpcUrl, chainId, relayerKey: relayer.privateKey, factories });
  return {
    url: server.url,
    chain,
    stack: null,
    // Two settlements at once may take the same nonce of its one account.
    atOnce: 1,
    stop: async () => {
      server.close();
      await chain.stop();
    },
  };
}
