import { type AtomicAmount, type ChainId, evmChainNumber, parseAtomicAmount } from '@quittance/money';
import type { PaymentRequest, Refusal } from '@quittance/protocol';
import type { Address, Hex } from 'viem';

import {
  describeProblems,
  payloadSchema,
  requirementsSchema,
  type RequirementsFields,
} from './payment-schema.js';

/** A payment by the scheme `exact` on an EVM chain with EIP-3009, well formed and not yet judged. Hex is lower case. */
export type ExactEvmPayment = {
  readonly chainId: ChainId;
  readonly chainNumber: number;
  readonly asset: Address;
  readonly payer: Address;
  readonly payTo: Address;
  readonly value: AtomicAmount;
  /** Unix seconds; the authorization is valid strictly between the two. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** 32 bytes that the payer chose; with chain, asset and payer it identifies the authorization. */
  readonly nonce: Hex;
  readonly signature: Hex;
  /** What the seller asked for. */
  readonly requirements: { readonly payTo: Address; readonly amount: AtomicAmount };
  /** The seller's word on the token's EIP-712 domain; a wrong one makes the signature fail. */
  readonly domain: { readonly name: string; readonly version: string };
};

export type ReadExactEvmPayment =
  { readonly ok: true; readonly payment: ExactEvmPayment } | ({ readonly ok: false } & Refusal);

export const exactScheme = 'exact';

/** How tokens are moved where `extra.assetTransferMethod` does not say; the one method offered. */
const transferMethod = 'eip3009';
const echoLengthMax = 64;

/**
 * Reads a payment request as one of the scheme `exact` on EVM with EIP-3009: scheme, transfer method, the token's
 * domain, network, and every field of the payload, strictly. Never throws. (specs/schemes/exact/scheme_exact_evm.md)
 */
export function readExactEvmPayment(request: PaymentRequest): ReadExactEvmPayment {
  const refusal = schemeRefusal(request) ?? domainRefusal(request) ?? networkRefusal(request);
  if (refusal !== undefined) return { ok: false, ...refusal };
  const requirements = requirementsSchema.safeParse(request.requirements);
  if (!requirements.success) {
    const message = describeProblems('paymentRequirements', requirements.error);
    return { ok: false, reason: 'invalid_payment_requirements', message };
  }
  if (BigInt(requirements.data.amount) === 0n) return { ok: false, ...amountOfNothing };
  const payload = payloadSchema.safeParse(request.payload);
  if (!payload.success) {
    const message = describeProblems('paymentPayload.payload', payload.error);
    return { ok: false, reason: 'invalid_payload', message };
  }
  const { from, to, value, validAfter, validBefore, nonce } = payload.data.authorization;
  return {
    ok: true,
    payment: {
      chainId: request.network,
      chainNumber: evmChainNumber(request.network),
      payer: from,
      payTo: to,
      value: parseAtomicAmount(value),
      validAfter: BigInt(validAfter),
      validBefore: BigInt(validBefore),
      nonce,
      signature: payload.data.signature,
      ...requirementTerms(requirements.data),
    },
  };
}

/** It would cost its payer nothing, and the relayer its gas: keys without money are free to make. */
const amountOfNothing: Refusal = {
  reason: 'invalid_payment_requirements',
  message: 'paymentRequirements.amount is 0: ask for at least 1 atomic unit.',
};

function requirementTerms({ asset, payTo, amount, extra }: RequirementsFields) {
  return {
    asset,
    requirements: { payTo, amount: parseAtomicAmount(amount) },
    domain: { name: extra.name, version: extra.version },
  };
}

function schemeRefusal({ scheme, accepted, requirements, payload }: PaymentRequest): Refusal | undefined {
  if (scheme !== exactScheme) {
    return refuse(
      'unsupported_scheme',
      `The scheme ${quoted(scheme)} is not supported; expected "${exactScheme}".`,
    );
  }
  if (accepted.scheme !== scheme) {
    return refuse(
      'invalid_scheme',
      `The payment is by the scheme ${quoted(accepted.scheme)} and the requirements ask for "${scheme}".`,
    );
  }
  const method = requirements.extra['assetTransferMethod'] ?? transferMethod;
  if (method !== transferMethod) {
    return refuse(
      'unsupported_payload_type',
      `paymentRequirements.extra.assetTransferMethod is ${quoted(method)}; only "${transferMethod}" is offered.`,
    );
  }
  if (Object.hasOwn(payload, 'permit2Authorization')) {
    return refuse(
      'unsupported_payload_type',
      `The payload is a Permit2 authorization; only "${transferMethod}" authorizations are accepted.`,
    );
  }
  return undefined;
}

function domainRefusal({ requirements: { extra } }: PaymentRequest): Refusal | undefined {
  for (const field of ['name', 'version']) {
    const value = extra[field];
    if (typeof value === 'string' && value !== '') continue;
    return refuse(
      'invalid_exact_evm_missing_eip712_domain',
      `paymentRequirements.extra.${field} is missing: send the ${field} of the token's EIP-712 domain as a string.`,
    );
  }
  return undefined;
}

function networkRefusal({ network, accepted }: PaymentRequest): Refusal | undefined {
  if (accepted.network !== network) {
    return refuse(
      'invalid_exact_evm_network_mismatch',
      `The payment is for ${accepted.network} and the requirements ask for ${network}.`,
    );
  }
  const reference = Number(/^eip155:([1-9]\d*)$/.exec(network)?.[1]);
  if (!Number.isSafeInteger(reference)) {
    return refuse('invalid_network', `${network} is not an EVM chain; expected one like "eip155:8453".`);
  }
  return undefined;
}

function refuse(reason: Refusal['reason'], message: string): Refusal {
  return { reason, message };
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, echoLengthMax)) : 'not a string';
}
