import type { PaymentRequest } from '@quittance/protocol';

import { type PaymentTerms, storableResource } from '../payment/payment.js';
import type { Presentation } from '../verify/presentation.js';

/** What is registered of a payment that is good: `amount` is what is settled, by `upto` at most what was permitted. */
export function termsOf({
  presented,
  fingerprint,
  request,
}: {
  readonly presented: Presentation;
  readonly fingerprint: string;
  readonly request: PaymentRequest;
}): PaymentTerms {
  const { payment, id } = presented;
  const isUpto = payment.scheme === 'upto';
  const permit = payment.method === 'permit2' ? payment : null;
  return {
    id,
    chainId: payment.chainId,
    asset: payment.asset,
    payer: payment.payer,
    nonce: payment.nonce,
    payTo: payment.payTo,
    amount: payment.requirements.amount,
    method: payment.method,
    facilitator: permit?.facilitator ?? null,
    ceiling: isUpto ? payment.value : null,
    sponsoring: permit?.sponsoring?.kind ?? null,
    validAfter: payment.validAfter,
    validBefore: payment.validBefore,
    x402Version: request.x402Version,
    networkAsWritten: request.networkAsWritten,
    scheme: request.scheme,
    resource: storableResource(request.resource),
    fingerprint,
  };
}
