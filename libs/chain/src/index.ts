export type { AuthorizationUsedLog, Block, Receipt } from './answer.js';
export { ChainMismatchError, ChainUnavailableError } from './chain-error.js';
export { type AuthorizationRange, EvmChain, type GasEstimate, type NoncesAtBlock } from './evm-chain.js';
export type { Fees } from './fees.js';
export { type EvmAsset, type EvmNetwork, networksSchema, networkSettings } from './network.js';
export { Relayer, type TransferTransaction } from './relayer.js';
export type { BroadcastOutcome } from './rpc-error.js';
