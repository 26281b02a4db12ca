export {
  deployDevChain,
  type DevChain,
  DevChainError,
  devTestDollar,
  type DevToken,
  devTokenAbi,
  devTokens,
  devUsdc,
  mintDevToken,
  multicall3Address,
} from './dev-chain.js';
export { type Anvil, type AnvilAccount, type AnvilOptions, startAnvil } from './anvil.js';
export { EmbeddedStartError } from './embedded-start.error.js';
export { freePort } from './free-port.js';
export { EmbeddedPostgres, startEmbeddedPostgres } from './postgres.js';
export type { EmbeddedPostgresOptions } from './postgres-cluster.js';
export { endLeftover, endProcess, isRunning, runningPid, waitForEnd } from './running-process.js';
