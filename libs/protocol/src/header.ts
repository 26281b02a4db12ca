import type { z } from 'zod';

import { settleResponseSchema } from './facilitator-response.js';
import { describeIssues } from './issue.js';
import { formatJsonPath, readJson } from './json.js';
import { bodyLimits, headerLengthMax } from './limits.js';
import { paymentPayloadV1Schema, paymentPayloadV2Schema } from './payload.js';
import { paymentRequiredV2Schema } from './payment-required.js';

/** The headers of the HTTP transport and what each carries. x402 v1 has its 402 in the body, not in a header. */
const schemas = {
  'PAYMENT-REQUIRED': paymentRequiredV2Schema,
  'PAYMENT-SIGNATURE': paymentPayloadV2Schema,
  'PAYMENT-RESPONSE': settleResponseSchema,
  'X-PAYMENT': paymentPayloadV1Schema,
  'X-PAYMENT-RESPONSE': settleResponseSchema,
} as const;

export type HeaderName = keyof typeof schemas;

export type HeaderValue<Name extends HeaderName> = z.infer<(typeof schemas)[Name]>;

export type DecodedHeader<Name extends HeaderName> =
  { readonly ok: true; readonly value: HeaderValue<Name> } | { readonly ok: false; readonly message: string };

/** Plain base64, not base64url; the published clients accept it without its padding, so do we. */
const base64Pattern = /^[A-Za-z0-9+/]+={0,2}$/;

/** Writes an x402 header: base64 of UTF-8 JSON (HTTP transport specification, both versions). */
export function encodeHeader<Name extends HeaderName>(_name: Name, value: HeaderValue<Name>): string {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** Reads an x402 header (HTTP transport specification, both versions). Never throws; the message says what is wrong. */
export function decodeHeader<Name extends HeaderName>(name: Name, text: string): DecodedHeader<Name> {
  if (text.length > headerLengthMax) {
    return { ok: false, message: `${name} is longer than ${headerLengthMax} characters.` };
  }
  const json = base64Pattern.test(text) ? parseBase64Json(text) : undefined;
  if (json === undefined) return { ok: false, message: `${name} is not base64 of JSON in UTF-8.` };
  const reading = readJson(json, bodyLimits);
  if (!reading.ok) {
    return { ok: false, message: `${formatJsonPath(reading.path) || name} ${reading.problem}.` };
  }
  const parsed = schemas[name].safeParse(reading.value);
  if (!parsed.success)
    return { ok: false, message: describeIssues(parsed.error.issues, reading.value, name) };
  return { ok: true, value: parsed.data as HeaderValue<Name> };
}

/** `undefined` is no JSON value, so it can say that there was none. */
function parseBase64Json(text: string): unknown {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
