export { deployDevChain, type DevChain, DevChainError, mintDevToken } from './dev-chain.js';
export { type DevContract, devContracts, multicall3Address } from './dev-contract-list.js';
export { devExactProxyAbi, devPermit2, devPermit2Abi, devUptoProxyAbi } from './dev-permit2.js';
export { devTestDollar, type DevToken, devTokenAbi, devTokens, devUsdc } from './dev-token.js';
export {
  type DevWallet,
  devWalletAbi,
  devWalletFactoryAbi,
  devWalletOf,
  devWallets,
  type DevWalletSigning,
  signForDevWallet,
  wrapCounterfactual,
  wrapForDevWallet,
} from './dev-wallet.js';
export { type Anvil, type AnvilAccount, type AnvilOptions, startAnvil } from './anvil.js';
export { EmbeddedStartError } from './embedded-start.error.js';
export { freePort, freePorts } from './free-port.js';
export { EmbeddedPostgres, startEmbeddedPostgres } from './postgres.js';
export type { EmbeddedPostgresOptions } from './postgres-cluster.js';
export { endLeftover, endProcess, isRunning, runningPid, waitForEnd } from './running-process.js';
