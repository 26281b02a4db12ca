import { settlementGasMax } from '@quittance/chain';
import { signatureKindOf } from '@quittance/exact-evm';
import type { ReasonCode } from '@quittance/protocol';

import { revertDetail, revertMeaning } from './revert.js';
import type { Payment } from '../payment/payment.js';

export type Estimate =
  { readonly ok: true; readonly gas: bigint } | { readonly ok: false; readonly revert: string };

/** What to do with a queued payment after the chain was asked what its transfer would cost. */
export type SubmitDecision =
  | { readonly kind: 'sign'; readonly gasLimit: bigint }
  | { readonly kind: 'wait'; readonly seconds: bigint }
  | { readonly kind: 'find_spender' }
  /** The token does not let Permit2 move the money: why has to be asked. */
  | { readonly kind: 'find_hindrance'; readonly revert: string }
  | { readonly kind: 'refuse'; readonly reason: ReasonCode; readonly detail: string };

/** Above the estimate: storage that the estimate found warm or set may be cold or unset when the transaction is mined. */
const gasMarginPercent = 25n;

/** What a call may use at most; what needs more was not verified as good. */
export const callGasMax = settlementGasMax;

/**
 * What a plain transfer is tried with: the dearest one measured took 103,000, and what is not used costs nothing. One that
 * needs more is estimated.
 */
export const plainTransferGas = 128_000n;

/** A transfer by EIP-3009 whose signature the token checks by itself: nobody's code but the token's runs. */
export function isPlain({ method, signature }: Pick<Payment, 'method' | 'signature'>): boolean {
  return method === 'eip3009' && signatureKindOf(signature).kind === 'ecdsa';
}

/** For a transfer that cannot be estimated yet; twice what the dearest one measured takes. */
const gasLimitWithoutEstimate = 200_000n;
/** The same where a wallet checks the signature, and may have to be deployed first. */
const walletGasLimitWithoutEstimate = 1_000_000n;

export function decideSubmit(payment: Payment, estimate: Estimate, nowSeconds: bigint): SubmitDecision {
  if (estimate.ok && estimate.gas > callGasMax) return tooDear(estimate.gas);
  if (estimate.ok) return { kind: 'sign', gasLimit: gasLimitWithMargin(estimate.gas) };
  const meaning = revertMeaning(estimate.revert, payment.method);
  switch (meaning.kind) {
    case 'spent':
      return { kind: 'find_spender' };
    case 'early':
      // An idle chain estimates at the time of its last block: the next one will be late enough when our clock is.
      return nowSeconds > payment.validAfter
        ? { kind: 'sign', gasLimit: gasLimitUntried(payment) }
        : { kind: 'wait', seconds: payment.validAfter - nowSeconds + 1n };
    case 'not_moved':
      return { kind: 'find_hindrance', revert: estimate.revert };
    case 'refused':
      return {
        kind: 'refuse',
        reason: meaning.reason,
        detail: revertDetail('Not sent, it would revert: ', estimate.revert),
      };
  }
}

/** What to sign for a call that was estimated. */
export function gasLimitWithMargin(estimate: bigint): bigint {
  const gas = (estimate * (100n + gasMarginPercent)) / 100n;
  return gas < callGasMax ? gas : callGasMax;
}

function gasLimitUntried({ signature }: Payment): bigint {
  return signatureKindOf(signature).kind === 'ecdsa'
    ? gasLimitWithoutEstimate
    : walletGasLimitWithoutEstimate;
}

function tooDear(gas: bigint): SubmitDecision {
  return {
    kind: 'refuse',
    reason: 'invalid_exact_evm_transaction_failed',
    detail: `Not sent, it would use ${gas} gas, and ${callGasMax} is what a payment may use.`,
  };
}
