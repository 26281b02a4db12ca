import type { PaymentId } from '@quittance/protocol';
import type { ChainId } from '@quittance/money';

import type { Hex, Payment } from '../payment/payment.js';

/** A signed transaction for one payment. Stored before it is broadcast, never changed and never forgotten. */
export type Attempt = {
  readonly paymentId: PaymentId;
  /** Which transaction for this payment, from 1. */
  readonly n: number;
  readonly chainId: ChainId;
  readonly relayer: Hex;
  readonly nonce: bigint;
  readonly raw: Hex;
  readonly hash: Hex;
  readonly gasLimit: bigint;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
};

/**
 * - `outstanding`: not known to be mined
 * - `succeeded`, `reverted`: mined, and paid for
 * - `displaced`: its nonce was used by a transaction that is not ours
 */
export type AttemptState = 'outstanding' | 'succeeded' | 'reverted' | 'displaced';

/** What is to be signed: the payment, which attempt it is, and the relayer's nonce for it. */
export type SignRequest = {
  readonly payment: Payment;
  readonly n: number;
  readonly nonce: bigint;
  readonly gasLimit: bigint;
};

/** What it takes to hand a stored transaction to the chain. */
export type StoredAttempt = Pick<Attempt, 'paymentId' | 'nonce' | 'hash' | 'raw'>;

/** An attempt whose outcome is not known, with what is needed to find it out. */
export type OutstandingAttempt = Pick<Attempt, 'paymentId' | 'n' | 'relayer' | 'nonce' | 'hash' | 'raw'> & {
  readonly payment: Payment;
  /** When the facilitator accepted the payment, seconds since 1970. */
  readonly acceptedSeconds: bigint;
};

/** Above the estimate: storage that the estimate found warm or set may be cold or unset when the transaction is mined. */
const gasMarginPercent = 25n;

/** For a transfer that cannot be estimated yet; twice what the dearest one measured takes. */
const gasLimitWithoutEstimate = 200_000n;

/** The gas limit to sign, from an estimate or, where the chain cannot estimate yet, without. */
export function gasLimitFor(estimate: bigint | null): bigint {
  return estimate === null ? gasLimitWithoutEstimate : (estimate * (100n + gasMarginPercent)) / 100n;
}
