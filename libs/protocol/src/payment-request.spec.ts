import { describe, expect, it } from '@jest/globals';

import { bodyV1, bodyV2, payTo, usdc, withAt } from '../test/bodies.js';
import { bodyLimits, schemePayloadLimits } from './limits.js';
import { parsePaymentRequest } from './payment-request.js';

const accepted = (body: unknown) => {
  const parsed = parsePaymentRequest(body);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.request;
};
const refused = (body: unknown) => {
  const parsed = parsePaymentRequest(body);
  if (parsed.ok) throw new Error('accepted');
  return parsed;
};

describe('a v2 request', () => {
  it('is read as it stands', () => {
    const body = bodyV2();
    expect(accepted(body)).toEqual({
      x402Version: 2,
      networkAsWritten: 'eip155:84532',
      network: 'eip155:84532',
      scheme: 'exact',
      accepted: { scheme: 'exact', network: 'eip155:84532' },
      requirements: body.paymentRequirements,
      payload: body.paymentPayload.payload,
      resource: 'https://api.example.com/premium-data',
      extensions: body.paymentPayload.extensions,
    });
  });

  it.each([
    'x402Version',
    'paymentPayload.resource',
    'paymentPayload.extensions',
    'paymentRequirements.extra',
    'paymentPayload.accepted.extra',
    'paymentPayload.resource.description',
  ])('may leave out %s', (path) => {
    expect(accepted(withAt(bodyV2(), path, undefined)).x402Version).toBe(2);
  });

  it.each([
    'paymentPayload.resource',
    'paymentPayload.extensions',
    'paymentRequirements.extra',
    'paymentPayload.accepted.extra',
    'paymentPayload.resource.description',
    'paymentPayload.resource.mimeType',
    'paymentPayload.resource.tags',
  ])('with null for %s is the same request as one without', (path) => {
    expect(accepted(withAt(bodyV2(), path, null))).toEqual(accepted(withAt(bodyV2(), path, undefined)));
  });

  it('has no resource and no extensions where the payload has none', () => {
    const body = withAt(withAt(bodyV2(), 'paymentPayload.resource', null), 'paymentPayload.extensions', null);
    expect(accepted(body)).toMatchObject({ resource: null, extensions: {} });
  });

  it.each(['paymentPayload.resource', 'paymentRequirements.extra', 'paymentPayload.extensions'])(
    'may hold any field in %s',
    (path) => {
      expect(accepted(withAt(bodyV2(), `${path}.fieldOfTomorrow`, { a: [1] })).x402Version).toBe(2);
    },
  );
});

describe('a v1 request', () => {
  it('is put in v2 terms, without the fields v2 has not got', () => {
    const body = bodyV1();
    expect(accepted(body)).toEqual({
      x402Version: 1,
      networkAsWritten: 'base-sepolia',
      network: 'eip155:84532',
      scheme: 'exact',
      accepted: { scheme: 'exact', network: 'eip155:84532' },
      requirements: {
        scheme: 'exact',
        network: 'eip155:84532',
        amount: '10000',
        asset: usdc,
        payTo,
        maxTimeoutSeconds: 60,
        extra: { name: 'USDC', version: '2' },
      },
      payload: body.paymentPayload.payload,
      resource: 'https://api.example.com/premium-data',
      extensions: {},
    });
  });

  it('may come without a version beside the payload, as the legacy request type has none', () => {
    expect(accepted(withAt(bodyV1(), 'x402Version', undefined))).toEqual(accepted(bodyV1()));
  });

  it.each(['outputSchema', 'extra', 'mimeType', 'description'])('may leave out %s or send null', (field) => {
    const path = `paymentRequirements.${field}`;
    expect(accepted(withAt(bodyV1(), path, null))).toEqual(accepted(withAt(bodyV1(), path, undefined)));
  });

  it('keeps the network of the payload apart from that of the requirements', () => {
    const body = withAt(bodyV1(), 'paymentPayload.network', 'base');
    expect(accepted(body)).toMatchObject({ network: 'eip155:84532', accepted: { network: 'eip155:8453' } });
  });
});

describe('a refusal', () => {
  it.each([
    ['extraField', 'invalid_payload', 'extraField: no such field'],
    ['paymentPayload.scheme', 'invalid_payload', 'paymentPayload.scheme: no such field'],
    ['paymentPayload.accepted.price', 'invalid_payload', 'paymentPayload.accepted.price: no such field'],
    [
      'paymentRequirements.resource',
      'invalid_payment_requirements',
      'paymentRequirements.resource: no such field',
    ],
  ])('names the unknown v2 field %s', (path, reason, message) => {
    expect(refused(withAt(bodyV2(), path, 'x'))).toMatchObject({
      reason,
      message: expect.stringContaining(message),
      network: 'eip155:84532',
      x402Version: 2,
    });
  });

  it.each([
    ['paymentPayload.accepted', 'invalid_payload'],
    ['paymentPayload.payload.nested', undefined],
    ['paymentRequirements.feePayer', 'invalid_payment_requirements'],
  ])('of an unknown v1 field %s has reason %s', (path, reason) => {
    const parsed = parsePaymentRequest(withAt(bodyV1(), path, 'x'));
    expect(parsed.ok ? undefined : parsed.reason).toBe(reason);
  });

  it.each([
    [
      'paymentPayload',
      'invalid_payload',
      'paymentPayload is missing: send an x402 v2 payment payload object.',
    ],
    [
      'paymentRequirements',
      'invalid_payment_requirements',
      'paymentRequirements is missing: send an x402 v2 payment requirements object.',
    ],
    [
      'paymentPayload.accepted',
      'invalid_payload',
      'paymentPayload.accepted is missing: send an x402 v2 payment requirements object.',
    ],
    ['paymentPayload.payload', 'invalid_payload', 'paymentPayload.payload is missing: send an object.'],
    [
      'paymentRequirements.payTo',
      'invalid_payment_requirements',
      'paymentRequirements.payTo is missing: send an address as a string.',
    ],
    [
      'paymentRequirements.network',
      'invalid_network',
      'paymentRequirements.network is missing: send a CAIP-2 network, like "eip155:84532".',
    ],
    [
      'paymentPayload.x402Version',
      'invalid_x402_version',
      'paymentPayload.x402Version is missing: send the number 1 or 2.',
    ],
  ])('without %s says what to send', (path, reason, message) => {
    expect(refused(withAt(bodyV2(), path, undefined))).toMatchObject({ reason, message });
  });

  it.each([10000, '1.5', '-1', '0x10', '01', '', `${2n ** 256n}`, null])(
    'of the amount %j says what an amount is',
    (amount) => {
      const { reason, message } = refused(withAt(bodyV2(), 'paymentRequirements.amount', amount));
      expect(reason).toBe('invalid_payment_requirements');
      expect(message).toMatch(
        /^paymentRequirements\.amount is not usable: send (atomic units|an amount of at most)/,
      );
    },
  );

  it.each([0, -1, '60', null, Number.MAX_VALUE])('is given for maxTimeoutSeconds %j', (seconds) => {
    expect(refused(withAt(bodyV1(), 'paymentRequirements.maxTimeoutSeconds', seconds)).message).toContain(
      'send a number of seconds above 0',
    );
  });

  it.each([3, 0, '2', null, 1.5, {}])('of x402Version %j asks for 1 or 2', (version) => {
    expect(refused(withAt(bodyV2(), 'paymentPayload.x402Version', version))).toMatchObject({
      reason: 'invalid_x402_version',
      message: 'paymentPayload.x402Version is not supported: send the number 1 or 2.',
    });
  });

  it('is for the version where no payload states another', () => {
    expect(refused({ x402Version: 7 })).toMatchObject({
      reason: 'invalid_x402_version',
      message: expect.stringContaining('x402Version is not usable: send the number 2.'),
    });
  });

  it('is given where the two versions differ', () => {
    expect(refused(withAt(bodyV2(), 'x402Version', 1))).toMatchObject({
      reason: 'invalid_x402_version',
      x402Version: 2,
    });
  });

  it('names a mix of v1 payload and v2 requirements, and the reverse', () => {
    const v1Payload = { ...bodyV1(), paymentRequirements: bodyV2().paymentRequirements };
    const v2Payload = { ...bodyV2(), paymentRequirements: bodyV1().paymentRequirements };
    expect(refused(v1Payload)).toMatchObject({
      reason: 'invalid_payment_requirements',
      message: expect.stringContaining(
        'send both in one version (v1 requirements have "maxAmountRequired", not "amount")',
      ),
      x402Version: 1,
    });
    expect(refused(v2Payload)).toMatchObject({
      reason: 'invalid_payment_requirements',
      message: expect.stringContaining('v2 requirements have "amount", not "maxAmountRequired"'),
      x402Version: 2,
    });
  });

  it('tells a v2 caller the CAIP-2 id of a v1 name, and a v1 caller the name', () => {
    expect(refused(withAt(bodyV2(), 'paymentRequirements.network', 'base-sepolia'))).toMatchObject({
      reason: 'invalid_network',
      message: expect.stringContaining('For "base-sepolia" that is "eip155:84532".'),
    });
    expect(refused(withAt(bodyV1(), 'paymentPayload.network', 'eip155:84532'))).toMatchObject({
      reason: 'invalid_network',
      message: expect.stringContaining('x402 v1 calls this network "base-sepolia"'),
    });
    expect(refused(withAt(bodyV1(), 'paymentRequirements.network', 'mainnet'))).toMatchObject({
      reason: 'invalid_network',
      message: expect.stringContaining('"mainnet" is no x402 v1 network name'),
    });
  });

  it('names at most three mistakes', () => {
    const { message } = refused({ paymentPayload: bodyV2().paymentPayload, paymentRequirements: {} });
    expect(message.match(/is missing/g)).toHaveLength(3);
  });

  it('repeats the network only where it is one', () => {
    const broken = withAt(bodyV2(), 'paymentPayload.payload', undefined);
    expect(refused(broken).network).toBe('eip155:84532');
    const hostile = withAt(broken, 'paymentRequirements.network', '<script>');
    expect(refused(withAt(hostile, 'paymentPayload.accepted.network', { a: 1 })).network).toBe(
      'unknown:unknown',
    );
    expect(refused(withAt(bodyV1(), 'paymentRequirements.asset', undefined))).toMatchObject({
      network: 'base-sepolia',
      x402Version: 1,
    });
  });
});

describe('what a request may cost', () => {
  const deep = (levels: number): unknown => (levels === 0 ? 'x' : { a: deep(levels - 1) });

  it('ends at a depth, a number of values, a text length and a name length', () => {
    const at = (value: unknown) => refused(withAt(bodyV2(), 'paymentRequirements.extra.x', value)).message;
    expect(at(deep(bodyLimits.depthMax))).toContain('nested deeper than 32 levels');
    expect(at(deep(100_000 / 50))).toContain('nested deeper than 32 levels');
    expect(at(new Array(bodyLimits.valuesMax + 1).fill(0))).toContain('more than 5000 values');
    expect(at('x'.repeat(bodyLimits.textLengthMax + 1))).toContain('longer than 65536 characters');
    expect(at({ ['x'.repeat(bodyLimits.keyLengthMax + 1)]: 0 })).toContain('field name longer than 256');
  });

  it('is less for the scheme payload', () => {
    const at = (value: unknown) => refused(withAt(bodyV2(), 'paymentPayload.payload.x', value));
    expect(at(deep(schemePayloadLimits.depthMax))).toMatchObject({
      reason: 'invalid_payload',
      message: expect.stringMatching(/^paymentPayload\.payload\.x[.a]* is nested deeper than 8 levels\.$/),
    });
    expect(at('x'.repeat(schemePayloadLimits.textLengthMax + 1)).message).toBe(
      'paymentPayload.payload.x is longer than 16384 characters.',
    );
    expect(at(new Array(schemePayloadLimits.valuesMax).fill(0)).message).toContain('more than 256 values');
  });

  it('refuses a field named __proto__ by name', () => {
    const body: unknown = JSON.parse(
      JSON.stringify(bodyV2()).replace('"name":"USDC"', '"__proto__":{"amount":"0"}'),
    );
    expect(refused(body).message).toBe(
      'paymentPayload.accepted.extra has a field named "__proto__", which is never read.',
    );
  });

  it.each([
    [
      'a getter that throws',
      {
        get paymentPayload(): never {
          throw new RangeError('boo');
        },
      },
    ],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new RangeError('boo');
          },
        },
      ),
    ],
    [
      'a revoked proxy',
      (() => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      })(),
    ],
    [
      'itself',
      (() => {
        const body: Record<string, unknown> = bodyV2();
        body['paymentPayload'] = body;
        return body;
      })(),
    ],
    ['a bigint', { paymentPayload: 1n }],
    ['a Map', new Map()],
    ['undefined', undefined],
    ['a list', []],
  ])('is a refusal, never a fault, for %s', (_name, body) => {
    expect(refused(body)).toMatchObject({ reason: 'invalid_payload', network: 'unknown:unknown' });
  });
});
