import { describe, expect, it } from '@jest/globals';
import {
  decodePaymentRequiredHeader,
  decodePaymentResponseHeader,
  decodePaymentSignatureHeader,
  encodePaymentRequiredHeader,
  encodePaymentSignatureHeader,
} from '@x402/core/http';
import fc from 'fast-check';
import { settleResponseFromHeader } from 'x402/types';

import { bodyV1, bodyV2, payer } from '../test/bodies.js';
import { jsonObject } from '../test/json-arbitrary.js';
import { decodeHeader, encodeHeader, type HeaderName } from './header.js';
import { headerLengthMax } from './limits.js';
import { paymentPayloadV1Schema, paymentPayloadV2Schema } from './payload.js';
import { paymentRequiredV2Schema } from './payment-required.js';

const headers: readonly HeaderName[] = [
  'PAYMENT-REQUIRED',
  'PAYMENT-SIGNATURE',
  'PAYMENT-RESPONSE',
  'X-PAYMENT',
  'X-PAYMENT-RESPONSE',
];
const base64 = (text: string) => Buffer.from(text).toString('base64');

const payloads = fc.tuple(jsonObject, jsonObject, jsonObject).map(([payload, extensions, extra]) => {
  const { paymentPayload } = bodyV2();
  const accepted = { ...paymentPayload.accepted, extra };
  return paymentPayloadV2Schema.parse({ ...paymentPayload, accepted, payload, extensions });
});
const answers = fc.record({
  success: fc.boolean(),
  transaction: fc.string({ unit: 'binary' }),
  network: fc.constantFrom('eip155:84532', 'base-sepolia'),
  errorMessage: fc.string({ unit: 'grapheme' }),
  payer: fc.constant(payer),
});

describe('a header', () => {
  it('holding a payload survives the wire unchanged', () => {
    fc.assert(
      fc.property(payloads, (value) => {
        const text = encodeHeader('PAYMENT-SIGNATURE', value);
        expect(decodeHeader('PAYMENT-SIGNATURE', text)).toEqual({ ok: true, value });
      }),
    );
  });

  it('holding an answer survives the wire unchanged', () => {
    fc.assert(
      fc.property(answers, fc.constantFrom('PAYMENT-RESPONSE', 'X-PAYMENT-RESPONSE'), (value, name) => {
        expect(decodeHeader(name, encodeHeader(name, value))).toEqual({ ok: true, value });
      }),
    );
  });

  it('is read by the published clients, and theirs by us', () => {
    const payload = paymentPayloadV2Schema.parse(bodyV2().paymentPayload);
    const required = paymentRequiredV2Schema.parse({
      x402Version: 2,
      resource: { url: 'https://x.example', description: 'Grüße, 世界' },
      accepts: [payload.accepted],
    });
    const answer = { success: true, transaction: '0xab', network: 'base-sepolia' };
    expect(decodePaymentSignatureHeader(encodeHeader('PAYMENT-SIGNATURE', payload))).toEqual(payload);
    expect(decodePaymentRequiredHeader(encodeHeader('PAYMENT-REQUIRED', required))).toEqual(required);
    expect(decodePaymentResponseHeader(encodeHeader('PAYMENT-RESPONSE', answer))).toEqual(answer);
    expect(settleResponseFromHeader(encodeHeader('X-PAYMENT-RESPONSE', answer))).toEqual(answer);
    expect(decodeHeader('PAYMENT-SIGNATURE', encodePaymentSignatureHeader(payload))).toEqual({
      ok: true,
      value: payload,
    });
    expect(decodeHeader('PAYMENT-REQUIRED', encodePaymentRequiredHeader(required))).toEqual({
      ok: true,
      value: required,
    });
  });

  it('of a v1 payment is read', () => {
    const value = paymentPayloadV1Schema.parse(bodyV1().paymentPayload);
    expect(decodeHeader('X-PAYMENT', base64(JSON.stringify(value)))).toEqual({ ok: true, value });
  });

  it('that is anything else is a refusal in words, never a fault', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.base64String(),
      fc.json().map(base64),
      jsonObject.map((value) => base64(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(fc.constantFrom(...headers), texts, (name, text) => {
        const decoded = decodeHeader(name, text);
        expect(decoded.ok ? '' : decoded.message).toMatch(/.{10,}\.$/s);
      }),
    );
  });

  it.each([
    [
      'longer than the limit',
      'A'.repeat(headerLengthMax + 1),
      `X-PAYMENT is longer than ${headerLengthMax} characters.`,
    ],
    ['base64url', '-_-_', 'X-PAYMENT is not base64 of JSON in UTF-8.'],
    [
      'not UTF-8',
      Buffer.from([0x22, 0xff, 0x22]).toString('base64'),
      'X-PAYMENT is not base64 of JSON in UTF-8.',
    ],
    ['empty', '', 'X-PAYMENT is not base64 of JSON in UTF-8.'],
    ['of another version', base64('{"x402Version":2}'), 'x402Version is not usable: send the number 1.'],
    ['a list', base64('[]'), 'X-PAYMENT is not usable: send an x402 v1 payment payload object.'],
  ])('%s is refused', (_what, text, message) => {
    const decoded = decodeHeader('X-PAYMENT', text);
    expect(decoded.ok ? '' : decoded.message).toContain(message);
  });
});
