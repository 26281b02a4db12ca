import type { ExactEvmPayment } from '@quittance/exact-evm';
import { atomicAmount } from '@quittance/money';

import type { Payment } from '../payment/payment.js';

/** What the calldata of a payment's transfer is made of. */
export type Transfer = Pick<
  ExactEvmPayment,
  'asset' | 'payer' | 'payTo' | 'value' | 'validAfter' | 'validBefore' | 'nonce' | 'signature'
>;

export function transferOf({
  asset,
  payer,
  payTo,
  amount,
  validAfter,
  validBefore,
  nonce,
  signature,
}: Payment): Transfer {
  return { asset, payer, payTo, value: atomicAmount(amount), validAfter, validBefore, nonce, signature };
}
