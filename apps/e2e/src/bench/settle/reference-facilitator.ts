import type { Hex } from 'viem';

import { startReferenceServer } from '../../reference-server.js';

/** The reference facilitator as a process of its own. */
const pollingIntervalMs = 50;

const { RPC_URL: rpcUrl, CHAIN_ID: chainId, RELAYER_PRIVATE_KEY: key, PORT: port } = process.env;
if (rpcUrl === undefined || chainId === undefined || key === undefined)
  throw new TypeError('RPC_URL, CHAIN_ID and RELAYER_PRIVATE_KEY must be set');

await startReferenceServer(
  { rpcUrl, chainId: Number(chainId), relayerKey: key as Hex, pollingIntervalMs },
  Number(port),
);
// The parent tells us to end by going away.
process.on('disconnect', () => process.exit(0));
