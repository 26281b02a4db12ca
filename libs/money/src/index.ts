export {
  type AtomicAmount,
  atomicAmount,
  atomicAmountMax,
  atomicAmountPattern,
  formatAtomicAmount,
  parseAtomicAmount,
} from './atomic-amount.js';
export { allocate } from './allocation.js';
export {
  type AssetId,
  type AssetParts,
  assetIdPattern,
  assetParts,
  erc20AssetId,
  evmNativeAssetId,
  parseAssetId,
} from './asset-id.js';
export { type ChainId, chainIdPattern, evmChainId, evmChainNumber, parseChainId } from './chain-id.js';
export { formatDecimal, parseDecimal } from './decimal.js';
export { MoneyError, type MoneyErrorCode } from './money-error.js';
