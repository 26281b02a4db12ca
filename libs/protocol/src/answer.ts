import type { SettleResponse, VerifyResponse } from './facilitator-response.js';
import type { PaymentRequest } from './payment-request.js';
import { type ReasonCode, reasonIn, type ReasonVocabulary } from './reason-codes.js';
import type { Verdict } from './verdict.js';

export type SettleOutcome =
  | { readonly success: true; readonly transaction: string }
  | {
      readonly success: false;
      readonly reason: ReasonCode;
      readonly message: string;
      readonly transaction: string;
    };

/** What a verdict looks like to the caller (specification §7.1), in the words of its x402 version. */
export function verifyAnswer(input: {
  readonly request: Pick<PaymentRequest, 'x402Version'>;
  readonly verdict: Verdict;
  readonly payer?: string | undefined;
  readonly vocabulary: ReasonVocabulary;
}): VerifyResponse {
  const { request, verdict, payer, vocabulary } = input;
  const by = payer === undefined ? {} : { payer };
  if (verdict.ok) return { isValid: true, ...by };
  return {
    isValid: false,
    invalidReason: reasonIn(vocabulary, verdict.reason, request.x402Version),
    invalidMessage: verdict.message,
    ...by,
  };
}

/**
 * What a settlement's outcome looks like to the caller (specification §7.2). `network` is as the caller wrote it,
 * and `transaction` is always there ("" where nothing was broadcast): strict clients refuse an answer without.
 */
export function settleAnswer(input: {
  readonly outcome: SettleOutcome;
  readonly network: string;
  readonly payer?: string | undefined;
  readonly x402Version: 1 | 2;
  readonly vocabulary: ReasonVocabulary;
}): SettleResponse {
  const { outcome, network, payer, x402Version, vocabulary } = input;
  const { transaction } = outcome;
  const by = payer === undefined ? {} : { payer };
  if (outcome.success) return { success: true, transaction, network, ...by };
  return {
    success: false,
    errorReason: reasonIn(vocabulary, outcome.reason, x402Version),
    errorMessage: outcome.message,
    transaction,
    network,
    ...by,
  };
}
