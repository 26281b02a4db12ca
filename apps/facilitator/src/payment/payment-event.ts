import type { Sponsoring } from '@quittance/exact-evm';
import { createEvent, digits, type EventOf } from '@quittance/events';
import { atomicAmount, erc20AssetId } from '@quittance/money';

import type { ProvingBlock } from '../expiry/expiry.js';
import type { PaymentTerms } from './payment.js';

/** What gives the right to settle a payment: kept nowhere but in the event that asks for it. */
export type Authority = {
  readonly signature: string;
  readonly sponsoring: Sponsoring | null;
  /** Whether the payer's own code judges the signature. */
  readonly payerHasCode: boolean;
};

export type Stamp = { readonly id: string; readonly occurredAt: Date };

/** Tells the settlement service to put the payment on chain; the one event that carries the signature. */
export function acceptedEvent(
  terms: PaymentTerms,
  { signature, sponsoring, payerHasCode }: Authority,
  stamp: Stamp,
): EventOf<'payment.accepted'> {
  const { payer, payTo, amount, ceiling, validAfter, validBefore, nonce, facilitator } = terms;
  return createEvent({
    ...stamp,
    type: 'payment.accepted',
    causationId: null,
    data: {
      ...partiesOf(terms),
      x402Version: terms.x402Version,
      scheme: terms.scheme === 'upto' ? 'upto' : 'exact',
      method: terms.method,
      resource: terms.resource,
      authorization: {
        from: payer,
        to: payTo,
        value: digits(ceiling ?? amount),
        validAfter: digits(validAfter),
        validBefore: digits(validBefore),
        nonce,
      },
      signature,
      ...(facilitator === null ? {} : { facilitator }),
      ...(sponsoring === null ? {} : { sponsoring: toldSponsoring(sponsoring) }),
      ...(payerHasCode ? { payerHasCode } : {}),
    },
  });
}

function toldSponsoring(sponsoring: Sponsoring) {
  const { amount } = sponsoring;
  if (sponsoring.kind === 'erc20_approval') return { ...sponsoring, amount: digits(amount) };
  const { nonce, deadline } = sponsoring;
  return { ...sponsoring, amount: digits(amount), nonce: digits(nonce), deadline: digits(deadline) };
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
