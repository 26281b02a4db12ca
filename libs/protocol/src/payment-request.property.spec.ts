import { describe, expect, it } from '@jest/globals';
import { parsePaymentPayload, parsePaymentRequirements } from '@x402/core/schemas';
import fc from 'fast-check';

import { bodyV1, bodyV2 } from '../test/bodies.js';
import { json, jsonObject } from '../test/json-arbitrary.js';
import { paths, replaced } from '../test/paths.js';
import { parsePaymentRequest } from './payment-request.js';
import { reasons } from './reason-codes.js';

const bodies = fc.constantFrom(bodyV1, bodyV2).map((body) => body() as Record<string, unknown>);

const mutants = bodies.chain((body) =>
  fc
    .tuple(fc.constantFrom(...paths(body)), fc.oneof(json, fc.constant(undefined)))
    .map(([path, by]) => replaced(body, path, by)),
);

const anything = fc.oneof(
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withNullPrototype: true,
  }),
  fc.record({ x402Version: json, paymentPayload: json, paymentRequirements: json }, { requiredKeys: [] }),
  mutants,
);

describe('parsing a request', () => {
  it('never throws, on anything, and gives a reason and a sentence where it refuses', () => {
    fc.assert(
      fc.property(anything, (body) => {
        const parsed = parsePaymentRequest(body);
        if (parsed.ok) return;
        expect(Object.keys(reasons)).toContain(parsed.reason);
        expect(parsed.message).toMatch(/.{10,}\.$/s);
        expect(parsed.message.length).toBeLessThan(6_000);
        expect([1, 2]).toContain(parsed.x402Version);
        expect(parsed.network.length).toBeGreaterThan(0);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives the same body the same answer, whatever came between', () => {
    fc.assert(
      fc.property(mutants, anything, (body, other) => {
        const first = parsePaymentRequest(body);
        parsePaymentRequest(other);
        expect(parsePaymentRequest(body)).toEqual(first);
      }),
    );
  });

  it('accepts nothing that the published schemas refuse', () => {
    fc.assert(
      fc.property(mutants, (body) => {
        if (!parsePaymentRequest(body).ok) return;
        const { paymentPayload, paymentRequirements } = body as Record<string, unknown>;
        expect(parsePaymentPayload(paymentPayload).success).toBe(true);
        expect(parsePaymentRequirements(withText(paymentRequirements)).success).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('carries what is free-form through unchanged', () => {
    fc.assert(
      fc.property(jsonObject, jsonObject, jsonObject, (payload, extensions, extra) => {
        const body = bodyV2();
        const parsed = parsePaymentRequest({
          ...body,
          paymentPayload: { ...body.paymentPayload, payload, extensions },
          paymentRequirements: { ...body.paymentRequirements, extra },
        });
        expect(parsed).toMatchObject({ ok: true });
        if (!parsed.ok) return;
        expect(parsed.request.payload).toEqual(payload);
        expect(parsed.request.extensions).toEqual(extensions);
        expect(parsed.request.requirements.extra).toEqual(extra);
      }),
    );
  });

  it('reads a v1 and a v2 request of the same payment as the same payment', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
        fc.integer({ min: 1 }),
        (amount, maxTimeoutSeconds) => {
          const v1 = bodyV1();
          const v2 = bodyV2();
          Object.assign(v1.paymentRequirements, { maxAmountRequired: `${amount}`, maxTimeoutSeconds });
          Object.assign(v2.paymentRequirements, { amount: `${amount}`, maxTimeoutSeconds });
          const [a, b] = [parsePaymentRequest(v1), parsePaymentRequest(v2)];
          expect(a.ok && b.ok).toBe(true);
          if (!a.ok || !b.ok) return;
          expect({
            ...a.request,
            x402Version: 2,
            networkAsWritten: b.request.network,
            extensions: {},
          }).toEqual({
            ...b.request,
            extensions: {},
          });
        },
      ),
    );
  });
});

/** v1 implementations exist that send null for the texts which the published schema requires. */
function withText(requirements: unknown): unknown {
  const { description, mimeType, ...rest } = requirements as Record<string, unknown>;
  return { ...rest, description: description ?? '', mimeType: mimeType ?? '' };
}
