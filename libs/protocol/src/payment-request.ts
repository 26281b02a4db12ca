import { type ChainId, chainIdPattern, parseChainId } from '@quittance/money';
import type { z } from 'zod';

import {
  type VerifyRequestV1,
  verifyRequestV1Schema,
  type VerifyRequestV2,
  verifyRequestV2Schema,
} from './facilitator-request.js';
import { describeIssues } from './issue.js';
import { formatJsonPath, readJson } from './json.js';
import { bodyLimits, echoLengthMax, schemePayloadLimits } from './limits.js';
import { chainIdToNetworkName, networkNameToChainId } from './network.js';
import type { ReasonCode } from './reason-codes.js';
import type { PaymentRequirementsV2 } from './requirements.js';
import type { Refusal } from './verdict.js';

/** A verify or settle body after parsing: always in x402 v2 terms, whatever the caller speaks. */
export type PaymentRequest = {
  /** What the caller speaks; the answer is given in it. */
  readonly x402Version: 1 | 2;
  /** A v1 network name or CAIP-2, echoed in answers. */
  readonly networkAsWritten: string;
  readonly network: ChainId;
  readonly scheme: string;
  /** What the payer chose: `accepted` in v2, the payload's own scheme and network in v1. */
  readonly accepted: { readonly scheme: string; readonly network: ChainId };
  readonly requirements: PaymentRequirementsV2;
  /** The scheme's data, for the scheme to parse. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** The URL of what is paid for. */
  readonly resource: string | null;
  readonly extensions: Readonly<Record<string, unknown>>;
};

/** A body that is no payment request; `network` is as far as known, for answers must name one. */
export type RefusedPaymentRequest = Refusal & {
  readonly ok: false;
  readonly x402Version: 1 | 2;
  readonly network: string;
  /**
   * The request, where all of it could be read and only its network is one that nobody knows: then this is a verdict on a
   * payment. {@link unknownNetwork} stands for it.
   */
  readonly request?: PaymentRequest;
};

export type ParsedPaymentRequest =
  { readonly ok: true; readonly request: PaymentRequest } | RefusedPaymentRequest;

/** What the reference facilitator answers where no network can be read. */
export const unknownNetwork = 'unknown:unknown';

type Fields = Readonly<Record<string, unknown>>;

type Caller = { readonly x402Version: 1 | 2; readonly network: string };

/**
 * Reads the body of `POST /verify` or `POST /settle` (specification §7.1, §7.2), x402 v1 or v2, and puts it in v2
 * terms. Never throws, on anything. A refusal names the path of the mistake and what to send there; unknown fields
 * are refused by name, except inside `extra`, `extensions`, `outputSchema` and `resource`.
 */
export function parsePaymentRequest(body: unknown): ParsedPaymentRequest {
  const reading = readJson(body, bodyLimits);
  if (!reading.ok) {
    const caller: Caller = { x402Version: 2, network: unknownNetwork };
    return refuse(
      caller,
      'invalid_payload',
      `${formatJsonPath(reading.path) || 'The request body'} ${reading.problem}.`,
    );
  }
  const root = fieldsOf(reading.value);
  const caller = callerOf(root);
  const version = versionOf(root);
  if (typeof version === 'string') return refuse(caller, 'invalid_x402_version', version);
  const mixed = mixedVersions(version, root);
  if (mixed !== undefined) return refuse(caller, 'invalid_payment_requirements', mixed);
  return version === 1 ? parseV1(reading.value, caller) : parseV2(reading.value, caller);
}

function parseV1(body: unknown, caller: Caller): ParsedPaymentRequest {
  const parsed = verifyRequestV1Schema.safeParse(body);
  if (!parsed.success) return refuseIssues(caller, parsed.error, body);
  const { paymentPayload, paymentRequirements } = parsed.data;
  const oversized = schemePayloadProblem(paymentPayload.payload);
  if (oversized !== undefined) return refuse(caller, 'invalid_payload', oversized);
  const network = networkNameToChainId(paymentRequirements.network);
  const chosen = networkNameToChainId(paymentPayload.network);
  if (network !== undefined && chosen !== undefined)
    return { ok: true, request: requestOfV1(parsed.data, { network, chosen }) };
  const message =
    network === undefined
      ? unknownName('paymentRequirements.network', paymentRequirements.network)
      : unknownName('paymentPayload.network', paymentPayload.network);
  const none = parseChainId(unknownNetwork);
  const request = requestOfV1(parsed.data, { network: network ?? none, chosen: chosen ?? none });
  return { ...refuse(caller, 'invalid_network', message), request };
}

function requestOfV1(
  { paymentPayload, paymentRequirements }: VerifyRequestV1,
  { network, chosen }: { readonly network: ChainId; readonly chosen: ChainId },
): PaymentRequest {
  const { scheme, maxAmountRequired, asset, payTo, maxTimeoutSeconds, extra, resource } = paymentRequirements;
  return {
    x402Version: 1,
    networkAsWritten: paymentRequirements.network,
    network,
    scheme,
    accepted: { scheme: paymentPayload.scheme, network: chosen },
    requirements: { scheme, network, amount: maxAmountRequired, asset, payTo, maxTimeoutSeconds, extra },
    payload: paymentPayload.payload,
    resource,
    extensions: {},
  };
}

function parseV2(body: unknown, caller: Caller): ParsedPaymentRequest {
  const parsed = verifyRequestV2Schema.safeParse(body);
  if (!parsed.success) return refuseIssues(caller, parsed.error, body);
  const oversized = schemePayloadProblem(parsed.data.paymentPayload.payload);
  if (oversized !== undefined) return refuse(caller, 'invalid_payload', oversized);
  return { ok: true, request: requestOfV2(parsed.data) };
}

function requestOfV2({ paymentPayload, paymentRequirements }: VerifyRequestV2): PaymentRequest {
  const { accepted, payload, resource, extensions } = paymentPayload;
  const network = parseChainId(paymentRequirements.network);
  return {
    x402Version: 2,
    networkAsWritten: network,
    network,
    scheme: paymentRequirements.scheme,
    accepted: { scheme: accepted.scheme, network: parseChainId(accepted.network) },
    requirements: paymentRequirements,
    payload,
    resource: resource?.url ?? null,
    extensions: extensions ?? {},
  };
}

/** The version the payload states, or what is wrong with it: it alone selects how the rest is read. */
function versionOf(root: Fields): 1 | 2 | string {
  const payload = root['paymentPayload'];
  const beside = root['x402Version'];
  if (!isObject(payload)) return isVersion(beside) ? beside : 2;
  const stated = payload['x402Version'];
  if (!isVersion(stated)) {
    return `paymentPayload.x402Version ${stated === undefined ? 'is missing' : 'is not supported'}: send the number 1 or 2.`;
  }
  if (beside !== undefined && beside !== stated) {
    return `x402Version is not that of the payload: send ${stated}, as in paymentPayload.x402Version, or leave it out.`;
  }
  return stated;
}

/** Versions never mix: requirements in the other version's form are better named than field by field. */
function mixedVersions(version: 1 | 2, root: Fields): string | undefined {
  const requirements = fieldsOf(root['paymentRequirements']);
  const [own, other] = version === 1 ? ['maxAmountRequired', 'amount'] : ['amount', 'maxAmountRequired'];
  if (requirements[own] !== undefined || requirements[other] === undefined) return undefined;
  return (
    `paymentRequirements are in x402 v${3 - version} form and paymentPayload is x402 v${version}: ` +
    `send both in one version (v${version} requirements have "${own}", not "${other}").`
  );
}

function refuseIssues(caller: Caller, error: z.ZodError, body: unknown): RefusedPaymentRequest {
  const first = error.issues[0];
  const path = first?.path ?? [];
  const message = describeIssues(error.issues, body, 'The request body');
  if (path[0] === 'x402Version') return refuse(caller, 'invalid_x402_version', message);
  if (path.at(-1) === 'network' && path.length > 1) {
    const written = fieldsOf(
      path.slice(0, -1).reduce<unknown>((value, step) => fieldsOf(value)[String(step)], body),
    )['network'];
    const hint = typeof written === 'string' ? networkNameToChainId(written) : undefined;
    const named = hint === undefined ? '' : ` For ${JSON.stringify(written)} that is "${hint}".`;
    return refuse(caller, 'invalid_network', `${message}${named}`);
  }
  return refuse(
    caller,
    path[0] === 'paymentRequirements' ? 'invalid_payment_requirements' : 'invalid_payload',
    message,
  );
}

function refuse(caller: Caller, reason: ReasonCode, message: string): RefusedPaymentRequest {
  return { ok: false, reason, message, ...caller };
}

function unknownName(path: string, written: string): string {
  const name = chainIdToNetworkName(written);
  const hint =
    name === undefined
      ? 'send a name that x402 v1 knows, like "base-sepolia", or speak x402 v2, which names any chain by CAIP-2'
      : `x402 v1 calls this network "${name}": send that, or speak x402 v2`;
  return `${path} ${JSON.stringify(written.slice(0, echoLengthMax))} is no x402 v1 network name: ${hint}.`;
}

function schemePayloadProblem(payload: unknown): string | undefined {
  const reading = readJson(payload, schemePayloadLimits);
  if (reading.ok) return undefined;
  return `${formatJsonPath(['paymentPayload', 'payload', ...reading.path])} ${reading.problem}.`;
}

/** Whom to answer how, read from a body that may be anything. */
function callerOf(root: Fields): Caller {
  const payload = fieldsOf(root['paymentPayload']);
  const requirements = fieldsOf(root['paymentRequirements']);
  const stated = payload['x402Version'] ?? root['x402Version'];
  const written = [requirements['network'], fieldsOf(payload['accepted'])['network'], payload['network']];
  return { x402Version: stated === 1 ? 1 : 2, network: written.find(isNetwork) ?? unknownNetwork };
}

function isVersion(value: unknown): value is 1 | 2 {
  return value === 1 || value === 2;
}

/** Only what is a network at all is repeated: the rest is the caller's text, which answers and logs do not carry. */
function isNetwork(value: unknown): value is string {
  return (
    typeof value === 'string' && (networkNameToChainId(value) !== undefined || chainIdPattern.test(value))
  );
}

function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
