import { evmChainNumber, parseAtomicAmount } from '@quittance/money';
import type { PaymentRequest, Refusal } from '@quittance/protocol';
import type { z } from 'zod';

import type { Eip3009Payment, EvmPayment, EvmScheme, Permit2Payment } from './payment.js';
import { uptoScheme } from './payment.js';
import {
  describeProblems,
  exactPermitPayloadSchema,
  permitRequirementsSchema,
  transferPayloadSchema,
  transferRequirementsSchema,
  uptoPermitPayloadSchema,
} from './payment-schema.js';
import {
  domainRefusal,
  methodOf,
  networkRefusal,
  requirementsRefusal,
  schemeRefusal,
} from './request-terms.js';
import { readSponsoring } from './read-sponsoring.js';
import { numberWord } from './word.js';

/** What the payment is read for: by `upto` only the amount that is settled may be below the one signed, even 0. */
export type Purpose = 'verify' | 'settle';

export type ReadPayment<Payment extends EvmPayment = EvmPayment> =
  { readonly ok: true; readonly payment: Payment } | ({ readonly ok: false } & Refusal);

type Common = Pick<EvmPayment, 'scheme' | 'chainId' | 'chainNumber'>;

/**
 * Reads a payment request as one of the schemes `exact` and `upto` on an EVM chain: scheme, transfer method, network,
 * and every field of the payload, strictly. Never throws. (specs/schemes/exact/scheme_exact_evm.md,
 * specs/schemes/upto/scheme_upto_evm.md)
 */
export function readEvmPayment(
  request: PaymentRequest,
  { purpose }: { readonly purpose: Purpose },
): ReadPayment {
  const refusal = schemeRefusal(request);
  if (refusal !== undefined) return { ok: false, ...refusal };
  const scheme = request.scheme as EvmScheme;
  const method = methodOf(request, scheme);
  if (typeof method !== 'string') return { ok: false, ...method };
  const unusable =
    (method === 'eip3009' ? domainRefusal(request) : undefined) ??
    networkRefusal(request) ??
    requirementsRefusal(request, { scheme, purpose });
  if (unusable !== undefined) return { ok: false, ...unusable };
  const chainNumber = evmChainNumber(request.network);
  const common: Common = { scheme, chainId: request.network, chainNumber };
  return method === 'eip3009' ? readTransfer(request, common) : readPermit(request, common);
}

function readTransfer(request: PaymentRequest, common: Common): ReadPayment<Eip3009Payment> {
  const requirements = transferRequirementsSchema.safeParse(request.requirements);
  if (!requirements.success) return refuseRequirements(requirements.error);
  const payload = transferPayloadSchema.safeParse(request.payload);
  if (!payload.success) return refusePayload(payload.error);
  const { signature, authorization } = payload.data;
  const { asset, payTo, amount, extra } = requirements.data;
  return {
    ok: true,
    payment: {
      ...common,
      method: 'eip3009',
      asset,
      payer: authorization.from,
      payTo: authorization.to,
      value: parseAtomicAmount(authorization.value),
      validAfter: BigInt(authorization.validAfter),
      validBefore: BigInt(authorization.validBefore),
      nonce: authorization.nonce,
      signature,
      requirements: { payTo, amount: parseAtomicAmount(amount) },
      domain: { name: extra.name, version: extra.version },
    },
  };
}

function readPermit(request: PaymentRequest, common: Common): ReadPayment<Permit2Payment> {
  const requirements = permitRequirementsSchema.safeParse(request.requirements);
  if (!requirements.success) return refuseRequirements(requirements.error);
  const payload = permitPayload(common.scheme, request.payload);
  if (!payload.ok) return payload;
  const sponsoring = readSponsoring(request.extensions);
  if (!sponsoring.ok) return sponsoring;
  const { signature, permit2Authorization, facilitator } = payload;
  const { from, permitted, spender, nonce, deadline, witness } = permit2Authorization;
  const { asset, payTo, amount } = requirements.data;
  return {
    ok: true,
    payment: {
      ...common,
      method: 'permit2',
      asset,
      payer: from,
      payTo: witness.to,
      value: parseAtomicAmount(permitted.amount),
      validAfter: BigInt(witness.validAfter),
      validBefore: BigInt(deadline),
      nonce: `0x${numberWord(BigInt(nonce))}`,
      signature,
      requirements: { payTo, amount: parseAtomicAmount(amount) },
      token: permitted.token,
      spender,
      facilitator,
      sponsoring: sponsoring.info,
    },
  };
}

type PermitPayload =
  | ({ readonly ok: true } & z.output<typeof exactPermitPayloadSchema> & Pick<Permit2Payment, 'facilitator'>)
  | ({ readonly ok: false } & Refusal);

function permitPayload(scheme: EvmScheme, payload: PaymentRequest['payload']): PermitPayload {
  if (scheme === uptoScheme) {
    const parsed = uptoPermitPayloadSchema.safeParse(payload);
    if (!parsed.success) return refusePayload(parsed.error);
    return { ok: true, ...parsed.data, facilitator: parsed.data.permit2Authorization.witness.facilitator };
  }
  const parsed = exactPermitPayloadSchema.safeParse(payload);
  return parsed.success ? { ok: true, ...parsed.data, facilitator: null } : refusePayload(parsed.error);
}

function refuseRequirements(error: z.ZodError): { readonly ok: false } & Refusal {
  const message = describeProblems('paymentRequirements', error);
  return { ok: false, reason: 'invalid_payment_requirements', message };
}

function refusePayload(error: z.ZodError): { readonly ok: false } & Refusal {
  return { ok: false, reason: 'invalid_payload', message: describeProblems('paymentPayload.payload', error) };
}
