import type { EventOf } from '@quittance/events';
import { assetParts, parseAtomicAmount } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import { PaymentInconsistentError } from './payment-inconsistent.error.js';
import type { Hex, Payment } from './payment.js';

/**
 * The payment that a payment.accepted event asks us to put on chain.
 *
 * @throws PaymentInconsistentError when the authorization is not for the payment that the event names.
 */
export function acceptedPayment({ data }: EventOf<'payment.accepted'>): Payment {
  const { authorization } = data;
  const asset = assetParts(data.asset);
  const disagreements: readonly (readonly [string, boolean])[] = [
    ['chain', asset.chainId === data.chainId],
    ['asset', asset.namespace === 'erc20'],
    ['payer', authorization.from === data.payer],
    ['payTo', authorization.to === data.payTo],
    ['amount', authorization.value === data.amount],
  ];
  const field = disagreements.find(([, agrees]) => !agrees)?.[0];
  if (field !== undefined) throw new PaymentInconsistentError(data.paymentId, field);
  return {
    paymentId: data.paymentId as PaymentId,
    chainId: data.chainId,
    asset: asset.reference as Hex,
    payer: authorization.from,
    payTo: authorization.to,
    amount: parseAtomicAmount(authorization.value),
    validAfter: parseAtomicAmount(authorization.validAfter),
    validBefore: parseAtomicAmount(authorization.validBefore),
    nonce: authorization.nonce,
    signature: data.signature,
  };
}
