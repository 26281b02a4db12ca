import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { z } from 'zod';

import { bodyV1, bodyV2 } from '../test/bodies.js';
import { claimsLength } from '../test/json-arbitrary.js';
import { paths, replaced } from '../test/paths.js';
import { verifyRequestV1Schema, verifyRequestV2Schema } from './facilitator-request.js';
import { settleResponseSchema, verifyResponseSchema } from './facilitator-response.js';
import { parsePaymentRequest } from './payment-request.js';
import { paymentRequiredV1Schema, paymentRequiredV2Schema } from './payment-required.js';

const text = 'any';

const resource = {
  url: 'https://api.example.com/premium-data',
  description: text,
  mimeType: text,
  serviceName: text,
  tags: [text, text],
  iconUrl: text,
};

/** Each message with every field that it can have. */
const messages = {
  'a v1 request': { schema: verifyRequestV1Schema, full: bodyV1() },
  'a v2 request': {
    schema: verifyRequestV2Schema,
    full: replaced(bodyV2(), ['paymentPayload', 'resource'], resource),
  },
  'a v1 402': {
    schema: paymentRequiredV1Schema,
    full: { x402Version: 1, error: text, accepts: [bodyV1().paymentRequirements] },
  },
  'a v2 402': {
    schema: paymentRequiredV2Schema,
    full: {
      x402Version: 2,
      error: text,
      resource,
      accepts: [bodyV2().paymentRequirements],
      extensions: {},
    },
  },
  'an answer to verify': {
    schema: verifyResponseSchema,
    full: {
      isValid: false,
      invalidReason: text,
      invalidMessage: text,
      payer: text,
      extensions: {},
      extra: {},
    },
  },
  'an answer to settle': {
    schema: settleResponseSchema,
    full: {
      success: false,
      errorReason: text,
      errorMessage: text,
      payer: text,
      transaction: text,
      network: text,
      amount: text,
      extensions: {},
      extra: {},
    },
  },
} satisfies Record<string, { readonly schema: z.ZodType; readonly full: unknown }>;

const names = Object.keys(messages) as (keyof typeof messages)[];

const problems = (schema: z.ZodType, value: unknown) =>
  (schema.safeParse(value).error?.issues ?? []).map(({ code, path, message }) => ({ code, path, message }));

describe('what claims to have a length', () => {
  it.each(names)('is no text and no list anywhere in %s, whatever the length', (name) => {
    const { schema, full } = messages[name];
    expect(schema.safeParse(full).success).toBe(true);
    const byPath = paths(full).map((path) => ({
      path,
      found: problems(schema, replaced(full, path, {})).filter(isOfAKnownField),
    }));
    fc.assert(
      fc.property(claimsLength, (hostile) => {
        const found = byPath.map(({ path }) => ({
          path,
          found: problems(schema, replaced(full, path, hostile)).filter(isOfAKnownField),
        }));
        expect(found).toEqual(byPath);
      }),
    );
  });

  it.each(names)('is refused once, by its name, where %s has a text', (name) => {
    const { schema, full } = messages[name];
    const texts = paths(full).filter(
      (path) => typeof at(full, path) === 'string' && problems(schema, replaced(full, path, {})).length > 0,
    );
    expect(texts.length).toBeGreaterThan(0);
    const notText = fc.oneof(claimsLength, fc.array(fc.constant(text), { maxLength: 100 }));
    fc.assert(
      fc.property(fc.constantFrom(...texts), notText, (path, value) => {
        const found = problems(schema, replaced(full, path, value));
        expect(found.map((problem) => problem.path.map(String))).toEqual([path]);
      }),
    );
  });

  it('makes a request a refusal that names the field, never a fault', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('resource', 'description', 'payTo', 'scheme'),
        claimsLength,
        (field, value) => {
          const parsed = parsePaymentRequest(replaced(bodyV1(), ['paymentRequirements', field], value));
          expect(parsed).toMatchObject({
            ok: false,
            reason: 'invalid_payment_requirements',
            message: expect.stringMatching(
              new RegExp(`^paymentRequirements\\.${field} is not usable: send [^:]*\\.$`),
            ),
          });
        },
      ),
    );
  });
});

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], value);
}

/** Where only known fields may be, `length` itself is named as one too many. */
function isOfAKnownField({ code }: { readonly code: string }): boolean {
  return code !== 'unrecognized_keys';
}
