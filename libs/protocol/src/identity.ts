import { hash } from 'node:crypto';

import type { ChainId } from '@quittance/money';

import type { PaymentRequest } from './payment-request.js';

declare const brand: unique symbol;

/** A payment's id, a UUID in lower case. Equal authorizations have equal ids on every replica, for ever. */
export type PaymentId = string & { readonly [brand]: 'PaymentId' };

/** What makes a payment that payment and no other: its authorization. Addresses and nonce in lower case. */
export type PaymentIdentity = {
  readonly chainId: ChainId;
  /** The contract that keeps the nonce: the token, or Permit2 for all tokens. */
  readonly asset: string;
  readonly payer: string;
  readonly nonce: string;
};

/** Keeps these hashes apart from any other that this or another product makes of the same four texts. */
const paymentIdDomain = 'quittance.payment.v1';

/**
 * The id of the payment with this authorization: the first 16 bytes of SHA-256 over the domain and the identity as
 * a JSON list, laid out as an RFC 9562 version 8 UUID.
 */
export function paymentIdOf(identity: PaymentIdentity): PaymentId {
  const { chainId, asset, payer, nonce } = identity;
  const parts = [paymentIdDomain, chainId, ...[asset, payer, nonce].map(canonicalHex)];
  const bytes = Buffer.from(sha256(JSON.stringify(parts)).slice(0, 32), 'hex');
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join(
    '-',
  ) as PaymentId;
}

/**
 * SHA-256, as 0x hex, over the whole normalised request as canonical JSON (RFC 8785): the same request has the same
 * fingerprint whatever the order of its fields, any other has another.
 */
export function fingerprintOf(request: PaymentRequest): string {
  return `0x${sha256(canonicalJson(request))}`;
}

/**
 * The same over the payment payload alone, as the payer sent it: an id that the payer gives a payment stands for that,
 * while verifying and settling may ask for different amounts of it.
 */
export function payloadFingerprintOf(request: PaymentRequest): string {
  const { x402Version, accepted, payload, resource, extensions } = request;
  return `0x${sha256(canonicalJson({ x402Version, accepted, payload, resource, extensions }))}`;
}

/** Of the text as UTF-8, as hex digits. */
function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}

/** Hex is the one notation in which two spellings name the same bytes: two ids would mean two charges. */
function canonicalHex(text: string): string {
  return /^0x[0-9a-f]*$/i.test(text) ? text.toLowerCase() : text;
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = value as Readonly<Record<string, unknown>>;
  let text = '';
  for (const key of Object.keys(fields).sort()) {
    const field = fields[key];
    if (field === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(field)}`;
  }
  return `{${text}}`;
}
