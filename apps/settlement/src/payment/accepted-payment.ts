import type { EventOf } from '@quittance/events';
import type { EvmScheme, PaymentMethod } from '@quittance/exact-evm';
import { assetParts, parseAtomicAmount } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import { PaymentInconsistentError } from './payment-inconsistent.error.js';
import type { Hex, Payment } from './payment.js';
import { sponsoringOf } from './sponsoring.js';

type AcceptedData = EventOf<'payment.accepted'>['data'];

/**
 * The payment that a payment.accepted event asks us to put on chain.
 *
 * @throws PaymentInconsistentError when the authorization is not for the payment that the event names.
 */
export function acceptedPayment({ data }: EventOf<'payment.accepted'>): Payment {
  const field = disagreementOf(data);
  if (field !== undefined) throw new PaymentInconsistentError(data.paymentId, field);
  const { authorization, facilitator, sponsoring } = data;
  return {
    paymentId: data.paymentId as PaymentId,
    chainId: data.chainId,
    scheme: data.scheme,
    method: data.method,
    asset: assetParts(data.asset).reference as Hex,
    payer: authorization.from,
    payTo: authorization.to,
    amount: parseAtomicAmount(data.amount),
    ceiling: parseAtomicAmount(authorization.value),
    validAfter: parseAtomicAmount(authorization.validAfter),
    validBefore: parseAtomicAmount(authorization.validBefore),
    nonce: authorization.nonce,
    signature: data.signature,
    facilitator: facilitator ?? null,
    sponsoring: sponsoring === undefined ? null : sponsoringOf(sponsoring),
  };
}

/** The first field on which an event contradicts itself. */
function disagreementOf(data: AcceptedData): string | undefined {
  const { authorization, scheme, method, facilitator, sponsoring } = data;
  const asset = assetParts(data.asset);
  const [amount, signed] = [BigInt(data.amount), BigInt(authorization.value)];
  const agreements: readonly (readonly [string, boolean])[] = [
    ['chain', asset.chainId === data.chainId],
    ['asset', asset.namespace === 'erc20'],
    ['payer', authorization.from === data.payer],
    ['payTo', authorization.to === data.payTo],
    ['amount', scheme === 'upto' ? amount > 0n && amount <= signed : amount === signed],
    ['method', isOffered(scheme, method)],
    ['facilitator', (scheme === 'upto') === (facilitator !== undefined)],
    ['sponsoring', sponsoring === undefined || (method === 'permit2' && isOfPayment(data))],
  ];
  return agreements.find(([, agrees]) => !agrees)?.[0];
}

function isOffered(scheme: EvmScheme, method: PaymentMethod): boolean {
  return scheme === 'exact' || method === 'permit2';
}

function isOfPayment({ sponsoring, payer, asset }: AcceptedData): boolean {
  return sponsoring?.from === payer && sponsoring.asset === assetParts(asset).reference;
}
