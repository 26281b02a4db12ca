import { createHash } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';
import { evmChainId } from '@quittance/money';
import fc from 'fast-check';
import { z } from 'zod';

import { bodyV1, bodyV2 } from '../test/bodies.js';
import { json, jsonObject } from '../test/json-arbitrary.js';
import { fingerprintOf, paymentIdOf, type PaymentIdentity } from './identity.js';
import { parsePaymentRequest, type PaymentRequest } from './payment-request.js';

const requestOf = (body: unknown): PaymentRequest => {
  const parsed = parsePaymentRequest(body);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.request;
};

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((all) => `0x${Buffer.from(all).toString('hex')}`);
const identities: fc.Arbitrary<PaymentIdentity> = fc.record({
  chainId: fc.integer({ min: 1 }).map(evmChainId),
  asset: hex(20),
  payer: hex(20),
  nonce: hex(32),
});

const identity: PaymentIdentity = {
  chainId: evmChainId(84532),
  asset: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  payer: '0x857b06519e91e3a54538791bdbb0e22373e36b66',
  nonce: '0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480',
};

describe('a payment id', () => {
  it('is frozen', () => {
    expect(paymentIdOf(identity)).toBe('bcbe4a73-e579-8ff7-b24d-42b7524b0120');
  });

  it('is the hash it says it is, as a version 8 UUID', () => {
    fc.assert(
      fc.property(identities, (of) => {
        const text = JSON.stringify(['quittance.payment.v1', of.chainId, of.asset, of.payer, of.nonce]);
        const digest = createHash('sha256').update(text).digest('hex');
        const id = paymentIdOf(of);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        const kept = id.replaceAll('-', '');
        expect(kept.slice(0, 12) + kept.slice(13, 16) + kept.slice(17)).toBe(
          digest.slice(0, 12) + digest.slice(13, 16) + digest.slice(17, 32),
        );
        expect(z.uuid().safeParse(id).success).toBe(true);
      }),
    );
  });

  it('is the same for another spelling of the same bytes', () => {
    const upper = (text: string) => `0x${text.slice(2).toUpperCase()}`;
    const { asset, payer, nonce } = identity;
    expect(paymentIdOf({ ...identity, asset: upper(asset), payer: upper(payer), nonce: upper(nonce) })).toBe(
      paymentIdOf(identity),
    );
  });

  it('keeps the case of names in which case counts', () => {
    const solana = { ...identity, payer: 'CKPKJWNdJEqa81x7CkZ14BVPiY6y16Sxs7owznqtWYp5' };
    expect(paymentIdOf({ ...solana, payer: solana.payer.toLowerCase() })).not.toBe(paymentIdOf(solana));
  });

  it('is another for any other authorization', () => {
    fc.assert(
      fc.property(identities, identities, (a, b) => {
        const equal = JSON.stringify(Object.values(a)) === JSON.stringify(Object.values(b));
        expect(paymentIdOf(a) === paymentIdOf(b)).toBe(equal);
      }),
    );
    const changed = Object.entries({ ...identity, chainId: evmChainId(8453) }).map(([key, value]) =>
      paymentIdOf({ ...identity, [key]: key === 'chainId' ? value : `${value.slice(0, -1)}1` }),
    );
    expect(new Set([paymentIdOf(identity), ...changed]).size).toBe(5);
  });
});

/** The same value with the fields of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, field]) => [key, reordered(field)]),
  );
}

/** Every path to a value that is no object or list. */
function leaves(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, field]) => leaves(field, [...path, key]));
}

function changedAt(value: unknown, path: readonly string[]): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return `${String(value)}.`;
  const record = value as Record<string, unknown>;
  return { ...record, [key]: changedAt(record[key], rest) };
}

describe('a fingerprint', () => {
  it('is frozen for a v2 and a v1 request', () => {
    expect(fingerprintOf(requestOf(bodyV2()))).toBe(
      '0x0bed388d58ec26dda36f3a798532c918063aed4663c7eb9897a3c8ef8533f31b',
    );
    expect(fingerprintOf(requestOf(bodyV1()))).toBe(
      '0xa9d13c4bb767a1ca42e7e62a14e65ea177dce453808a88708b3c38918d432d71',
    );
  });

  it('does not depend on the order of fields', () => {
    fc.assert(
      fc.property(jsonObject, jsonObject, (extra, extensions) => {
        const body = bodyV2();
        Object.assign(body.paymentRequirements.extra, extra);
        Object.assign(body.paymentPayload.extensions, extensions);
        expect(fingerprintOf(requestOf(reordered(body)))).toBe(fingerprintOf(requestOf(body)));
      }),
    );
  });

  it.each([bodyV1, bodyV2])('is another for a change of any one value', (body) => {
    const request = requestOf(body());
    const paths = leaves(request);
    expect(paths.length).toBeGreaterThan(20);
    const all = paths.map((path) => fingerprintOf(changedAt(request, path) as PaymentRequest));
    expect(new Set([fingerprintOf(request), ...all]).size).toBe(paths.length + 1);
  });

  it('is equal exactly where the values are equal as JSON', () => {
    const request = requestOf(bodyV2());
    fc.assert(
      fc.property(json, json, (a, b) => {
        const prints = [a, b].map((x) => fingerprintOf({ ...request, payload: { x } }));
        const texts = [a, b].map((x) => JSON.stringify(sorted(x)));
        expect(prints[0] === prints[1]).toBe(texts[0] === texts[1]);
      }),
    );
  });

  it('does not tell an absent from a null option, which mean the same', () => {
    const { resource: _resource, ...rest } = bodyV2().paymentPayload;
    const without = requestOf({ ...bodyV2(), paymentPayload: rest });
    const withNull = requestOf({ ...bodyV2(), paymentPayload: { ...rest, resource: null } });
    expect(fingerprintOf(withNull)).toBe(fingerprintOf(without));
  });
});

/** Fields in one order, as pairs: objects whose names are numbers cannot be put in an order of our own. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return ['list', ...value.map(sorted)];
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([key, field]) => [key, sorted(field)] as const);
  return ['object', ...fields.sort(([a], [b]) => (a < b ? -1 : 1))];
}
