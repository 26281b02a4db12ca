export { encodeTransferWithAuthorization } from './calldata.js';
export { authorizationUsedTopic, eip3009Abi } from './eip3009.js';
export { type ExactEvmFacts, expiryMarginSeconds, judgeExactEvm, type Simulation } from './judgment.js';
export { keccak256 } from './keccak.js';
export {
  type ExactEvmPayment,
  exactScheme,
  readExactEvmPayment,
  type ReadExactEvmPayment,
} from './payment.js';
export { authorizationDigest, type AuthorizationTerms } from './typed-data.js';
