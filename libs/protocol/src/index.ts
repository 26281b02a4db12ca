export { settleAnswer, type SettleOutcome, verifyAnswer } from './answer.js';
export {
  type Eip2612GasSponsoring,
  eip2612GasSponsoringKey,
  type Erc20ApprovalGasSponsoring,
  erc20ApprovalGasSponsoringKey,
  type PaymentIdentifier,
  paymentIdentifierKey,
  readEip2612GasSponsoring,
  readErc20ApprovalGasSponsoring,
  type ReadExtension,
  readPaymentIdentifier,
} from './extension.js';
export {
  type SettleRequest,
  settleRequestSchema,
  type SettleRequestV1,
  settleRequestV1Schema,
  type SettleRequestV2,
  settleRequestV2Schema,
  type VerifyRequest,
  verifyRequestSchema,
  type VerifyRequestV1,
  verifyRequestV1Schema,
  type VerifyRequestV2,
  verifyRequestV2Schema,
} from './facilitator-request.js';
export {
  type SettleResponse,
  settleResponseSchema,
  type VerifyResponse,
  verifyResponseSchema,
} from './facilitator-response.js';
export {
  type DecodedHeader,
  decodeHeader,
  encodeHeader,
  type HeaderName,
  type HeaderValue,
} from './header.js';
export {
  fingerprintOf,
  payloadFingerprintOf,
  type PaymentId,
  paymentIdOf,
  type PaymentIdentity,
} from './identity.js';
export { lengthMax, lengthMin } from './length.js';
export { chainIdToNetworkName, networkNames, networkNameToChainId, type NetworkV2 } from './network.js';
export {
  type PaymentPayloadV1,
  paymentPayloadV1Schema,
  type PaymentPayloadV2,
  paymentPayloadV2Schema,
} from './payload.js';
export {
  type ParsedPaymentRequest,
  parsePaymentRequest,
  type PaymentRequest,
  type RefusedPaymentRequest,
  unknownNetwork,
} from './payment-request.js';
export {
  type PaymentRequiredV1,
  paymentRequiredV1Schema,
  type PaymentRequiredV2,
  paymentRequiredV2Schema,
} from './payment-required.js';
export { type Reason, type ReasonCode, reasonIn, reasons, type ReasonVocabulary } from './reason-codes.js';
export {
  type PaymentRequirementsV1,
  paymentRequirementsV1Schema,
  type PaymentRequirementsV2,
  paymentRequirementsV2Schema,
} from './requirements.js';
export { type ResourceInfo, resourceInfoSchema } from './resource.js';
export {
  supportedAnswer,
  type SupportedKind,
  type SupportedResponse,
  supportedResponseSchema,
} from './supported.js';
export type { Refusal, Verdict } from './verdict.js';
