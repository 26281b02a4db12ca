import type { ReasonCode } from '@quittance/protocol';

/** What a token's revert says about a transfer. */
export type RevertMeaning =
  /** The authorization's nonce is used or cancelled. */
  | { readonly kind: 'spent' }
  /** The chain's clock has not reached `validAfter`. */
  | { readonly kind: 'early' }
  /** The transfer cannot go through as things are. */
  | { readonly kind: 'refused'; readonly reason: ReasonCode };

/**
 * The texts of FiatToken 2.x and of OpenZeppelin's tokens; names of custom errors and their selectors where nodes
 * give only those. Order matters: the first that fits decides.
 */
const meanings: readonly (readonly [RegExp, RevertMeaning])[] = [
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

const unexplained: RevertMeaning = { kind: 'refused', reason: 'invalid_exact_evm_transaction_failed' };

/** Reads a revert's text. What no pattern explains is a failed transaction and nothing more. */
export function revertMeaning(text: string): RevertMeaning {
  return meanings.find(([pattern]) => pattern.test(text))?.[1] ?? unexplained;
}

/** Revert texts come from any contract: shortened, and free of control characters, before they go into an event or a log. */
export function revertDetail(prefix: string, text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return `${prefix}${clean === '' ? 'no reason given' : clean}`.slice(0, detailLengthMax);
}

const detailLengthMax = 500;
