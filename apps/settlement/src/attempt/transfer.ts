import { authorityOf, type Settlement, type TransferAuthorization } from '@quittance/exact-evm';
import { atomicAmount } from '@quittance/money';

import type { Hex, Payment } from '../payment/payment.js';

/** What the calldata of a transfer by EIP-3009 is made of. */
export type Transfer = TransferAuthorization & { readonly asset: Hex };

export function transferOf(payment: Payment): Transfer {
  const { asset, payer, payTo, ceiling, validAfter, validBefore, nonce, signature } = payment;
  return { asset, payer, payTo, value: atomicAmount(ceiling), validAfter, validBefore, nonce, signature };
}

/** What the call that moves a payment's money is made of, by whichever method. */
export function settlementOf(payment: Payment): Settlement {
  const { method, asset, amount, facilitator, sponsoring } = payment;
  const transfer = transferOf(payment);
  if (method === 'eip3009') return { ...transfer, method };
  return {
    ...transfer,
    method,
    token: asset,
    requirements: { amount: atomicAmount(amount) },
    facilitator,
    sponsoring,
  };
}

/** What identifies a payment's authorization on its chain, with who keeps the nonce for the asset. */
export function authorizationOf(payment: Pick<Payment, 'method' | 'asset' | 'payer' | 'nonce'>) {
  return { asset: authorityOf(payment), authorizer: payment.payer, nonce: payment.nonce };
}
