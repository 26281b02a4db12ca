export { exactPermit2ProxyAddress, permit2Address, uptoPermit2ProxyAddress } from './address.js';
export { approvalGasMax } from './approval-rule.js';
export { readSignedTransaction, type SignedTransaction } from './approval-transaction.js';
export {
  type Call,
  deploymentCallOf,
  encodeTransferWithAuthorization,
  type Settlement,
  settlementCallOf,
  type TransferAuthorization,
} from './calldata.js';
export { authorizationUsedTopic, eip3009Abi } from './eip3009.js';
export { type EvmFacts, expiryMarginSeconds, type Judged, type Simulation } from './facts.js';
export { judgeEvmPayment } from './judgment.js';
export { keccak256 } from './keccak.js';
export {
  authorityOf,
  type Eip2612Sponsoring,
  type Eip3009Payment,
  type Erc20ApprovalSponsoring,
  type EvmPayment,
  type EvmScheme,
  exactScheme,
  type PaymentMethod,
  type Permit2Payment,
  type Sponsoring,
  uptoScheme,
} from './payment.js';
export { type PermitSettlement, permitSettledBy } from './permit2-calldata.js';
export type { PermitTerms } from './permit2-typed-data.js';
export { type Purpose, readEvmPayment, type ReadPayment } from './read-payment.js';
export { readRevert, type Revert } from './revert.js';
export { type EcdsaSignature, recoverSigner } from './signature.js';
export { innerSignatureOf, type SignatureKind, signatureKindOf } from './signature-kind.js';
export { rememberSigner, type SignerQuestion, signerQuestionOf } from './signer-rule.js';
export { authorizationDigest, type AuthorizationTerms, type TransferTerms } from './typed-data.js';
