import type { PaymentRequest, Refusal } from '@quittance/protocol';

import { type EvmScheme, exactScheme, type PaymentMethod, uptoScheme } from './payment.js';

const echoLengthMax = 64;

const schemes: readonly string[] = [exactScheme, uptoScheme] satisfies readonly EvmScheme[];
const methods: readonly string[] = ['eip3009', 'permit2'] satisfies readonly PaymentMethod[];
/** When the seller settles: after its work, or before. It is settled the same way. */
const paymentFlows: readonly string[] = ['authorization', 'upfront'];

/** What of the scheme on either side we do not settle. */
export function schemeRefusal({ scheme, accepted, x402Version }: PaymentRequest): Refusal | undefined {
  if (!schemes.includes(scheme)) {
    return refuse(
      'unsupported_scheme',
      `The scheme ${quoted(scheme)} is not supported; expected "exact" or "upto".`,
    );
  }
  if (x402Version === 1 && scheme !== exactScheme) {
    return refuse(
      'unsupported_scheme',
      `x402 v1 has no scheme ${quoted(scheme)}: use "exact", or speak x402 v2.`,
    );
  }
  if (accepted.scheme === scheme) return undefined;
  return refuse(
    scheme === uptoScheme ? 'invalid_upto_evm_scheme' : 'invalid_scheme',
    `The payment is by the scheme ${quoted(accepted.scheme)} and the requirements ask for "${scheme}".`,
  );
}

/**
 * How the payment moves the asset: as its payload says, which the requirements may not contradict. `upto` is by
 * Permit2 only, and x402 v1 by EIP-3009 only.
 */
export function methodOf(request: PaymentRequest, scheme: EvmScheme): PaymentMethod | Refusal {
  const sent: PaymentMethod = Object.hasOwn(request.payload, 'permit2Authorization') ? 'permit2' : 'eip3009';
  const asked = request.requirements.extra['assetTransferMethod'] ?? sent;
  if (typeof asked !== 'string' || !methods.includes(asked)) {
    return refuseMethod(
      `paymentRequirements.extra.assetTransferMethod is ${quoted(asked)}; expected "eip3009" or "permit2".`,
    );
  }
  const only = onlyMethod(request, scheme);
  if (only !== undefined && (asked !== only.method || sent !== only.method))
    return refuseMethod(only.message);
  if (asked === sent) return sent;
  return refuseMethod(
    `The payload is an authorization for "${sent}" and paymentRequirements.extra.assetTransferMethod asks for "${asked}".`,
  );
}

function onlyMethod(
  { x402Version }: PaymentRequest,
  scheme: EvmScheme,
): { readonly method: PaymentMethod; readonly message: string } | undefined {
  if (scheme === uptoScheme) {
    const message =
      'The scheme "upto" is settled with Permit2 only: send paymentPayload.payload.permit2Authorization.';
    return { method: 'permit2', message };
  }
  if (x402Version === 2) return undefined;
  return {
    method: 'eip3009',
    message: 'x402 v1 is settled with EIP-3009 only: speak x402 v2 to use Permit2.',
  };
}

const refuseMethod = (message: string) => refuse('unsupported_payload_type', message);

/** EIP-3009 is signed in the token's domain, which only the seller can tell. */
export function domainRefusal({ requirements: { extra } }: PaymentRequest): Refusal | undefined {
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

/** What of the network on either side we cannot use. */
export function networkRefusal({ scheme, network, accepted }: PaymentRequest): Refusal | undefined {
  if (accepted.network !== network) {
    return refuse(
      scheme === uptoScheme ? 'invalid_upto_evm_network_mismatch' : 'invalid_exact_evm_network_mismatch',
      `The payment is for ${accepted.network} and the requirements ask for ${network}.`,
    );
  }
  const reference = Number(/^eip155:([1-9]\d*)$/.exec(network)?.[1]);
  if (Number.isSafeInteger(reference)) return undefined;
  return refuse('invalid_network', `${network} is not an EVM chain; expected one like "eip155:8453".`);
}

/** What the seller asks for that nobody can be paid by. */
export function requirementsRefusal(
  { requirements: { amount, extra } }: PaymentRequest,
  { scheme, purpose }: { readonly scheme: EvmScheme; readonly purpose: 'verify' | 'settle' },
): Refusal | undefined {
  const flow = extra['paymentFlow'] ?? undefined;
  if (flow !== undefined && !(typeof flow === 'string' && paymentFlows.includes(flow))) {
    return refuse(
      'invalid_payment_requirements',
      `paymentRequirements.extra.paymentFlow is ${quoted(flow)}; expected "authorization" or "upfront".`,
    );
  }
  // It would cost its payer nothing, and the relayer its gas: keys without money are free to make.
  if (amount !== '0' || (scheme === uptoScheme && purpose === 'settle')) return undefined;
  return refuse(
    'invalid_payment_requirements',
    'paymentRequirements.amount is 0: ask for at least 1 atomic unit.',
  );
}

function refuse(reason: Refusal['reason'], message: string): Refusal {
  return { reason, message };
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, echoLengthMax)) : 'not a string';
}
