import type { Standing } from '@quittance/chain';
import type { ReasonCode } from '@quittance/protocol';

import type { Payment } from '../payment/payment.js';
import { revertDetail } from './revert.js';

/** Why a token does not let Permit2 move a payment's money. */
export type Hindrance =
  /** The payer's approval has yet to be put on chain. */
  | { readonly kind: 'approval' }
  | { readonly kind: 'refused'; readonly reason: ReasonCode; readonly detail: string };

/**
 * Permit2 gives one error for whatever the token refuses, so that the reason is told by what the payer holds and lets it
 * take; balance first, as an approval alone would not help.
 */
export function hindranceOf(
  payment: Pick<Payment, 'amount' | 'scheme' | 'sponsoring'>,
  { balance, allowance }: Pick<Standing, 'balance' | 'allowance'>,
  revert: string,
): Hindrance {
  const { amount, scheme, sponsoring } = payment;
  if (balance !== null && balance < amount) {
    const detail = `The payer holds ${balance} of the token and the payment needs ${amount}.`;
    return { kind: 'refused', reason: 'permit2_insufficient_balance', detail };
  }
  if (allowance !== null && allowance < amount) {
    if (sponsoring?.kind === 'erc20_approval') return { kind: 'approval' };
    const detail = `The payer lets Permit2 take ${allowance} of the token and the payment needs ${amount}.`;
    return { kind: 'refused', reason: 'permit2_allowance_required', detail };
  }
  const reason =
    scheme === 'upto' ? 'invalid_upto_evm_transaction_failed' : 'invalid_exact_evm_transaction_failed';
  return { kind: 'refused', reason, detail: revertDetail('It would revert: ', revert) };
}
