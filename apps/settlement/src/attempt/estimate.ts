import { revertDetail, revertMeaning } from './revert.js';
import type { Payment } from '../payment/payment.js';
import type { ReasonCode } from '@quittance/protocol';

export type Estimate =
  { readonly ok: true; readonly gas: bigint } | { readonly ok: false; readonly revert: string };

/** What to do with a queued payment after the chain was asked what its transfer would cost. */
export type SubmitDecision =
  | { readonly kind: 'sign'; readonly gasLimit: bigint }
  | { readonly kind: 'wait'; readonly seconds: bigint }
  | { readonly kind: 'find_spender' }
  | { readonly kind: 'refuse'; readonly reason: ReasonCode; readonly detail: string };

/** Above the estimate: storage that the estimate found warm or set may be cold or unset when the transaction is mined. */
const gasMarginPercent = 25n;

/** For a transfer that cannot be estimated yet; twice what the dearest one measured takes. */
const gasLimitWithoutEstimate = 200_000n;

/** The gas limit to sign, from an estimate or, where the chain cannot estimate yet, without. */
function gasLimitFor(estimate: bigint | null): bigint {
  return estimate === null ? gasLimitWithoutEstimate : (estimate * (100n + gasMarginPercent)) / 100n;
}

export function decideSubmit(payment: Payment, estimate: Estimate, nowSeconds: bigint): SubmitDecision {
  if (estimate.ok) return { kind: 'sign', gasLimit: gasLimitFor(estimate.gas) };
  const meaning = revertMeaning(estimate.revert);
  switch (meaning.kind) {
    case 'spent':
      return { kind: 'find_spender' };
    case 'early':
      // An idle chain estimates at the time of its last block: the next one will be late enough when our clock is.
      return nowSeconds > payment.validAfter
        ? { kind: 'sign', gasLimit: gasLimitFor(null) }
        : { kind: 'wait', seconds: payment.validAfter - nowSeconds + 1n };
    case 'refused':
      return {
        kind: 'refuse',
        reason: meaning.reason,
        detail: revertDetail('Not sent, it would revert: ', estimate.revert),
      };
  }
}
