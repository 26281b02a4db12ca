import { createEvent, digits, type EventOf } from '@quittance/events';
import { atomicAmount, erc20AssetId } from '@quittance/money';

import type { ProvingBlock } from '../expiry/expiry.js';
import type { PaymentTerms } from './payment.js';

export type Stamp = { readonly id: string; readonly occurredAt: Date };

/** Tells the settlement service to put the payment on chain; the one event that carries the signature. */
export function acceptedEvent(
  terms: PaymentTerms,
  signature: string,
  stamp: Stamp,
): EventOf<'payment.accepted'> {
  const { payer, payTo, amount, validAfter, validBefore, nonce } = terms;
  return createEvent({
    ...stamp,
    type: 'payment.accepted',
    causationId: null,
    data: {
      ...partiesOf(terms),
      x402Version: terms.x402Version,
      scheme: 'exact',
      method: 'eip3009',
      resource: terms.resource,
      authorization: {
        from: payer,
        to: payTo,
        value: digits(amount),
        validAfter: digits(validAfter),
        validBefore: digits(validBefore),
        nonce,
      },
      signature,
    },
  });
}

/** Releases a reservation that the chain proves can never land. */
export function expiredEvent(
  terms: PaymentTerms,
  block: ProvingBlock,
  stamp: Stamp & { readonly causationId: string },
): EventOf<'payment.expired'> {
  return createEvent({
    ...stamp,
    type: 'payment.expired',
    data: {
      ...partiesOf(terms),
      validBefore: digits(terms.validBefore),
      block: { number: digits(block.number), hash: block.hash, time: digits(block.time) },
    },
  });
}

function partiesOf({ id, chainId, asset, payer, payTo, amount }: PaymentTerms) {
  return {
    paymentId: id,
    chainId,
    asset: erc20AssetId(chainId, asset),
    payer,
    payTo,
    amount: digits(atomicAmount(amount)),
  };
}
