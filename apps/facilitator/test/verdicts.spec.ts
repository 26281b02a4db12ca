import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { settleResponseSchema, verifyResponseSchema } from '@quittance/protocol';
import { privateKeyToAccount } from 'viem/accounts';

import { asV1, type Body, type Payer, paymentBody, type Wish } from './payment.fixture.js';
import {
  type Answer,
  fundedPayer,
  type Ground,
  post,
  postAs,
  type Replica,
  startGround,
  startReplica,
  SettlementFake,
} from './stack.fixture.js';

/** Everything a caller can get wrong, sent to both routes over HTTP: each has its status and its named reason. */
let ground: Ground;
let replica: Replica;
let settlement: SettlementFake;
let payer: Payer;

beforeAll(async () => {
  ground = await startGround();
  replica = await startReplica(ground);
  settlement = new SettlementFake(ground);
  await settlement.start();
  payer = await fundedPayer(ground, 1_000_000n);
}, 90_000);

afterAll(async () => {
  await settlement.close();
  await replica.close();
  await ground.stop();
});

const answerTimeMaxMs = 1_000;
const routes = ['/verify', '/settle'] as const;

/** The answer's reason, after checking that published clients of either generation can parse it. */
function reasonOf(route: (typeof routes)[number], { body }: Answer): unknown {
  if (route === '/verify') {
    expect(verifyResponseSchema.parse(body)).toMatchObject({
      isValid: false,
      invalidMessage: expect.any(String),
    });
    return body['invalidReason'];
  }
  expect(settleResponseSchema.parse(body)).toMatchObject({
    success: false,
    transaction: '',
    network: expect.any(String),
    errorMessage: expect.any(String),
  });
  return body['errorReason'];
}

type Make = () => Promise<unknown> | unknown;
const good = (wish?: Wish) => paymentBody(payer, wish);

/** A good body with one thing changed after it was signed. */
const bent =
  (bend: (body: Body) => unknown): Make =>
  async () => {
    const body = structuredClone(await good());
    const paymentRequirements = structuredClone(body.paymentRequirements);
    return bend({ ...body, paymentRequirements });
  };
const authorizationWith = (fields: Record<string, unknown>) =>
  bent((body) => {
    Object.assign(body.paymentPayload.payload.authorization, fields);
    return body;
  });
const requirementsWith = (fields: Record<string, unknown>) =>
  bent((body) => ({ ...body, paymentRequirements: { ...body.paymentRequirements, ...fields } }));
const bothRequirementsWith = (fields: Record<string, unknown>) =>
  bent((body) => {
    const requirements = { ...body.paymentRequirements, ...fields };
    return {
      ...body,
      paymentPayload: { ...body.paymentPayload, accepted: requirements },
      paymentRequirements: requirements,
    };
  });
const signatureOf = (change: (signature: string) => string) =>
  bent((body) => {
    body.paymentPayload.payload.signature = change(body.paymentPayload.payload.signature);
    return body;
  });

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
function highS(signature: string): string {
  const s = order - BigInt(`0x${signature.slice(66, 130)}`);
  const v = signature.endsWith('1b') ? '1c' : '1b';
  return `${signature.slice(0, 66)}${s.toString(16).padStart(64, '0')}${v}`;
}

const now = () => Math.floor(Date.now() / 1000);

const malformed: ReadonlyArray<readonly [string, Make, string, RegExp]> = [
  ['not JSON', () => '{"x402Version": 2,', 'invalid_json', /not JSON/],
  ['nothing', () => '', 'invalid_json', /empty/],
  ['a JSON text', () => '"hello"', 'invalid_payload', /./],
  ['null', () => 'null', 'invalid_payload', /./],
  ['a list', () => '[]', 'invalid_payload', /./],
  ['no fields', () => ({}), 'invalid_payload', /paymentPayload/],
  [
    'no requirements',
    bent(({ paymentPayload }) => ({ x402Version: 2, paymentPayload })),
    'invalid_payment_requirements',
    /paymentRequirements/,
  ],
  [
    'no payload',
    bent(({ paymentRequirements }) => ({ x402Version: 2, paymentRequirements })),
    'invalid_payload',
    /paymentPayload/,
  ],
  ['an extra field', bent((body) => ({ ...body, surprise: 1 })), 'invalid_payload', /surprise/],
  [
    'an extra field in the authorization',
    authorizationWith({ surprise: '1' }),
    'invalid_payload',
    /surprise/,
  ],
  [
    'an extra field in the requirements',
    requirementsWith({ surprise: '1' }),
    'invalid_payment_requirements',
    /surprise/,
  ],
  ['a number for the value', authorizationWith({ value: 10000 }), 'invalid_payload', /authorization\.value/],
  [
    'a number for the amount',
    requirementsWith({ amount: 10000 }),
    'invalid_payment_requirements',
    /paymentRequirements\.amount/,
  ],
  ['a negative value', authorizationWith({ value: '-1' }), 'invalid_payload', /authorization\.value/],
  [
    'a fractional amount',
    requirementsWith({ amount: '1.5' }),
    'invalid_payment_requirements',
    /paymentRequirements\.amount/,
  ],
  [
    'an amount above uint256',
    requirementsWith({ amount: (2n ** 256n).toString() }),
    'invalid_payment_requirements',
    /paymentRequirements\.amount/,
  ],
  [
    'a value above uint256',
    authorizationWith({ value: (2n ** 256n).toString() }),
    'invalid_payload',
    /authorization\.value/,
  ],
  ['a short nonce', authorizationWith({ nonce: '0x12' }), 'invalid_payload', /nonce/],
  ['a payer that is no address', authorizationWith({ from: 'vitalik.eth' }), 'invalid_payload', /from/],
  [
    'a payee that is no address',
    requirementsWith({ payTo: 'shop' }),
    'invalid_payment_requirements',
    /payTo/,
  ],
  ['a signature that is not hex', signatureOf(() => 'hello'), 'invalid_payload', /signature/],
  [
    'a boolean signature',
    bent((body) => ({
      ...body,
      paymentPayload: {
        ...body.paymentPayload,
        payload: { ...body.paymentPayload.payload, signature: true },
      },
    })),
    'invalid_payload',
    /signature/,
  ],
  [
    'version 3',
    bent((body) => ({ ...body, x402Version: 3, paymentPayload: { ...body.paymentPayload, x402Version: 3 } })),
    'invalid_x402_version',
    /x402Version/,
  ],
  [
    'a version as text',
    bent((body) => ({ ...body, paymentPayload: { ...body.paymentPayload, x402Version: '2' } })),
    'invalid_x402_version',
    /x402Version/,
  ],
  [
    'a network that is not CAIP-2',
    requirementsWith({ network: 'base-sepolia' }),
    'invalid_network',
    /eip155:84532/,
  ],
  ['very deep JSON', () => `${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`, 'invalid_payload', /./],
  [
    'a poisoned prototype',
    () => '{"__proto__":{"paymentPayload":{}},"constructor":{"prototype":{}}}',
    'invalid_payload',
    /./,
  ],
];

const refused: ReadonlyArray<readonly [string, Make, string]> = [
  ['an unknown scheme', bothRequirementsWith({ scheme: 'subscription' }), 'unsupported_scheme'],
  [
    'another scheme in the payload',
    bent((body) => ({
      ...body,
      paymentPayload: {
        ...body.paymentPayload,
        accepted: { ...body.paymentPayload.accepted, scheme: 'upto' },
      },
    })),
    'invalid_scheme',
  ],
  ['an unknown network', bothRequirementsWith({ network: 'eip155:1' }), 'invalid_network'],
  [
    'a network of another family',
    bothRequirementsWith({ network: 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp' }),
    'invalid_network',
  ],
  [
    'another network in the payload',
    bent((body) => ({
      ...body,
      paymentPayload: {
        ...body.paymentPayload,
        accepted: { ...body.paymentPayload.accepted, network: 'eip155:1' },
      },
    })),
    'invalid_exact_evm_network_mismatch',
  ],
  ['an unknown asset', bothRequirementsWith({ asset: `0x${'99'.repeat(20)}` }), 'unsupported_asset'],
  [
    'Permit2',
    bothRequirementsWith({ extra: { name: 'USDC', version: '2', assetTransferMethod: 'permit2' } }),
    'unsupported_payload_type',
  ],
  ['no token domain', bothRequirementsWith({ extra: null }), 'invalid_exact_evm_missing_eip712_domain'],
  [
    'another payee',
    () => good({ to: `0x${'42'.repeat(20)}` }),
    'invalid_exact_evm_payload_recipient_mismatch',
  ],
  [
    'too small a value',
    () => good({ value: '9999' }),
    'invalid_exact_evm_payload_authorization_value_mismatch',
  ],
  [
    'too large a value',
    () => good({ value: '10001' }),
    'invalid_exact_evm_payload_authorization_value_mismatch',
  ],
  [
    'the name of another token',
    () => good({ domain: { name: 'USD Coin' } }),
    'invalid_exact_evm_payload_signature',
  ],
  [
    'another chain in the domain',
    () => good({ domain: { chainId: 1 } }),
    'invalid_exact_evm_payload_signature',
  ],
  [
    'an expired authorization',
    () => good({ validBefore: `${now() - 1}` }),
    'invalid_exact_evm_payload_authorization_valid_before',
  ],
  [
    'one about to expire',
    () => good({ validBefore: `${now() + 3}` }),
    'invalid_exact_evm_payload_authorization_valid_before',
  ],
  [
    'one not yet valid',
    () => good({ validAfter: `${now() + 60}` }),
    'invalid_exact_evm_payload_authorization_valid_after',
  ],
  [
    'a changed amount',
    bothRequirementsWith({ amount: '20000' }),
    'invalid_exact_evm_payload_authorization_value_mismatch',
  ],
  [
    'a changed nonce',
    authorizationWith({ nonce: `0x${'01'.repeat(32)}` }),
    'invalid_exact_evm_payload_signature',
  ],
  [
    'somebody else’s signature',
    async () =>
      good().then(async (body) => ({
        ...body,
        paymentPayload: {
          ...body.paymentPayload,
          payload: {
            ...body.paymentPayload.payload,
            signature: (await paymentBody(stranger)).paymentPayload.payload.signature,
          },
        },
      })),
    'invalid_exact_evm_payload_signature',
  ],
  ['a truncated signature', signatureOf((text) => text.slice(0, -2)), 'invalid_exact_evm_payload_signature'],
  ['a signature with a high s', signatureOf(highS), 'invalid_exact_evm_payload_signature'],
  [
    'an empty signature',
    signatureOf((text) => `${text.slice(0, 2)}${'00'.repeat(65)}`),
    'invalid_exact_evm_payload_signature',
  ],
  ['more than the payer has', () => good({ amount: '1000001' }), 'insufficient_funds'],
];

const stranger = privateKeyToAccount(`0x${randomBytes(32).toString('hex')}`);

describe.each(routes)('POST %s', (route) => {
  it.each(malformed)('answers %s with 400, naming the reason and the place', async (...row) => {
    const [, make, reason, place] = row;
    const begun = performance.now();
    const answer = await post(replica, route, await make());
    expect(performance.now() - begun).toBeLessThan(answerTimeMaxMs);
    expect([answer.status, reasonOf(route, answer)]).toEqual([400, reason]);
    expect(String(answer.body['invalidMessage'] ?? answer.body['errorMessage'])).toMatch(place);
  });

  it.each(refused)('answers %s with 200 and a verdict', async (_case, make, reason) => {
    const begun = performance.now();
    const answer = await post(replica, route, await make());
    expect(performance.now() - begun).toBeLessThan(answerTimeMaxMs);
    expect([answer.status, reasonOf(route, answer)]).toEqual([200, reason]);
  });

  it('answers a megabyte with 413 in its own shape', async () => {
    const answer = await post(replica, route, JSON.stringify({ junk: 'x'.repeat(1_048_576) }));
    expect([answer.status, reasonOf(route, answer)]).toEqual([413, 'payload_too_large']);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'nonsense'])(
    'answers the content type %s with 415 in its own shape',
    async (type) => {
      const answer = await postAs(type, `${replica.url}${route}`, await good());
      expect([answer.status, reasonOf(route, answer)]).toEqual([415, 'invalid_payload']);
    },
  );

  it('answers bytes that are not UTF-8 as not JSON', async () => {
    const response = await fetch(`${replica.url}${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Uint8Array([0x22, 0xff, 0xfe, 0x22]),
    });
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining(
        route === '/verify' ? { invalidReason: 'invalid_json' } : { errorReason: 'invalid_json' },
      ),
    ]);
  });

  it('answers a contract that pays and has not signed', async () => {
    const wallet = await fundedPayer(ground, 10_000n);
    await fetch(ground.anvil.rpcUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'anvil_setCode',
        params: [wallet.address, '0x60'],
      }),
    });
    const answer = await post(replica, route, await paymentBody(wallet));
    expect([answer.status, reasonOf(route, answer)]).toEqual([200, 'invalid_exact_evm_payload_signature']);
  });

  it('answers an x402 v1 caller in the words of v1', async () => {
    const mixed = asV1(await good());
    const answer = await post(replica, route, {
      ...mixed,
      paymentRequirements: (await good()).paymentRequirements,
    });
    expect([answer.status, reasonOf(route, answer)]).toEqual([400, 'invalid_payment_requirements']);
    const unknown = structuredClone(mixed);
    unknown.paymentPayload.network = unknown.paymentRequirements.network = 'atlantis';
    expect(reasonOf(route, await post(replica, route, unknown))).toBe('invalid_network');
    expect((await post(replica, route, unknown)).status).toBe(200);
    const elsewhere = structuredClone(mixed);
    elsewhere.paymentPayload.network = elsewhere.paymentRequirements.network = 'base';
    const refusal = await post(replica, route, elsewhere);
    expect([refusal.status, reasonOf(route, refusal)]).toEqual([200, 'invalid_network']);
    if (route === '/settle') expect(refusal.body['network']).toBe('base');
  });
});
