import { type PaymentMethod, readRevert } from '@quittance/exact-evm';
import type { ReasonCode } from '@quittance/protocol';

/** What a revert says about the call that moves a payment's money. */
export type RevertMeaning =
  /** The authorization's nonce is used or cancelled. */
  | { readonly kind: 'spent' }
  /** The chain's clock has not reached `validAfter`. */
  | { readonly kind: 'early' }
  /** The token refused Permit2 the transfer: for lack of money or of an allowance, or for a reason of its own. */
  | { readonly kind: 'not_moved' }
  /** The transfer cannot go through as things are. */
  | { readonly kind: 'refused'; readonly reason: ReasonCode };

/**
 * The texts of FiatToken 2.x and of OpenZeppelin's tokens; names of custom errors and their selectors where nodes
 * give only those. Order matters: the first that fits decides.
 */
const tokenMeanings: readonly (readonly [RegExp, RevertMeaning])[] = [
  [/authorization is used|used or canceled|AuthorizationAlreadyUsed|AuthorizationUsed/i, { kind: 'spent' }],
  [/not yet valid|AuthorizationNotYetValid/i, { kind: 'early' }],
  [
    /authorization is expired|AuthorizationExpired/i,
    { kind: 'refused', reason: 'invalid_exact_evm_payload_authorization_valid_before' },
  ],
  [
    /exceeds balance|InsufficientBalance|insufficient balance|0xe450d38c/i,
    { kind: 'refused', reason: 'insufficient_funds' },
  ],
  [/invalid signature|InvalidSignature/i, { kind: 'refused', reason: 'invalid_exact_evm_payload_signature' }],
];

const refusedPermit = (reason: ReasonCode): RevertMeaning => ({ kind: 'refused', reason });

/** Errors of Permit2 and of the proxies, by name. */
const permitMeanings: Readonly<Record<string, RevertMeaning>> = {
  InvalidNonce: { kind: 'spent' },
  PaymentTooEarly: { kind: 'early' },
  SignatureExpired: refusedPermit('permit2_deadline_expired'),
  InvalidSigner: refusedPermit('invalid_permit2_signature'),
  InvalidSignature: refusedPermit('invalid_permit2_signature'),
  InvalidSignatureLength: refusedPermit('invalid_permit2_signature'),
  InvalidContractSignature: refusedPermit('invalid_permit2_signature'),
  InvalidAmount: refusedPermit('permit2_invalid_amount'),
  InvalidDestination: refusedPermit('permit2_invalid_destination'),
  InvalidOwner: refusedPermit('permit2_invalid_owner'),
  Permit2612AmountMismatch: refusedPermit('permit2_2612_amount_mismatch'),
  AmountExceedsPermitted: refusedPermit('upto_amount_exceeds_permitted'),
  UnauthorizedFacilitator: refusedPermit('upto_unauthorized_facilitator'),
};

const unexplained: RevertMeaning = { kind: 'refused', reason: 'invalid_exact_evm_transaction_failed' };

/**
 * Reads a revert's text, or its data as hex. What nothing explains is a failed transaction and nothing more; but of a
 * permit, whose errors all have names, it is the token's refusal.
 */
export function revertMeaning(text: string, method: PaymentMethod): RevertMeaning {
  if (method === 'permit2') return permitMeanings[readRevert(text).name ?? ''] ?? { kind: 'not_moved' };
  return tokenMeanings.find(([pattern]) => pattern.test(text))?.[1] ?? unexplained;
}

/** Revert texts come from any contract: shortened, and free of control characters, before they go into an event or a log. */
export function revertDetail(prefix: string, text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return `${prefix}${clean === '' ? 'no reason given' : clean}`.slice(0, detailLengthMax);
}

const detailLengthMax = 500;
