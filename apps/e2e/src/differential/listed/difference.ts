/** A way in which our verdict differs from the reference's, and why ours is right. */
export type Difference = {
  readonly title: string;
  readonly why: string;
  /** What about a payment leads to it: the names of kinds, or what they match. */
  readonly kinds: ReadonlyArray<string | RegExp>;
  /** Payments of which kind; left out: of all. */
  readonly scenes?: RegExp;
  readonly theirs: readonly string[];
  readonly ours: readonly string[];
};

/** The reference's words for what more than one difference is about. */
export const words = {
  signature: 'invalid_exact_evm_signature',
  permitSignature: 'invalid_permit2_signature',
  simulation: 'invalid_exact_evm_transaction_simulation_failed',
  permitSimulation: 'permit2_simulation_failed',
  allowance: 'permit2_allowance_required',
  permitAmount: 'permit2_amount_mismatch',
  permitExpired: 'permit2_deadline_expired',
  permitTooEarly: 'permit2_not_yet_valid',
  payloadType: 'unsupported_payload_type',
  values: ['invalid_exact_evm_payload_authorization_value_mismatch', 'invalid_exact_evm_authorization_value'],
} as const;

/** Ours for a request that is not in the form that it should have. */
export const malformed = ['invalid_payload', 'invalid_payment_requirements'];
