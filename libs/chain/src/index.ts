export type { Block, Receipt } from './answer.js';
export type { Authorization } from './authorization.js';
export type { LogRange } from './log-range.js';
export type { AuthorizationLogs, AuthorizationRange, EndRange } from './authorization-logs.js';
export type { AuthorizationEnds, AuthorizationUsedLog } from './authorization-used.js';
export {
  type Batch,
  batchCalldataBytes,
  type BatchSimulation,
  encodeBatch,
  type MemberResult,
  type Transfer,
} from './batch.js';
export { ChainSurvey, type MovementReceipt, type WalletTransaction } from './chain-survey.js';
export { ChainMismatchError, ChainUnavailableError } from './chain-error.js';
export { EvmChain, type EvmChainOptions, type GasEstimate } from './evm-chain.js';
export { bumpedFees, cappedBy, type Fees } from './fees.js';
export type { HeadWatch } from './heads.js';
export { type Call, multicall3Address } from './multicall.js';
export { type EvmAsset, type EvmNetwork, networksSchema, networkSettings } from './network.js';
export type { PermitEnds, PermitRange, TransferLog } from './permit2-logs.js';
export { Relayer, type SignedTransaction } from './relayer.js';
export type { BroadcastOutcome } from './rpc-error.js';
export type { EndpointHealth } from './rpc-pool.js';
export { settlementGasMax, stepsOf, transactionCallOf } from './settlement-call.js';
export { type SignersAhead, SignerThread } from './signer-thread.js';
export type { Standing } from './standing.js';
export type { RelayerTransaction } from './transaction-bytes.js';
