import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deployDevChain } from '@quittance/embedded';
import type { Anvil } from '@quittance/testing';
import { createTestClient, type Hex, http } from 'viem';

import { worldState } from '../src/books.js';
import { type Answer, post } from '../src/http.js';
import { Payer, type SignedPayment } from '../src/payer.js';
import { type Stack, startStack } from '../src/stack.js';
import { postgresTransport } from '../src/transport.js';

/**
 * Whatever is sent: a named reason, never a 5xx, within a second, and chain and books as they were. Each case goes
 * to /verify and to /settle of a real installation.
 */
const answerWithinMs = 1_000;
const curveOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const soon = (seconds: number): bigint => BigInt(Math.floor(Date.now() / 1000) + seconds);

let stack: Stack;
let chain: Anvil;
let payer: Payer;

beforeAll(async () => {
  stack = await startStack({ transport: postgresTransport });
  chain = stack.chains[0] as Anvil;
  await deployDevChain(chain.rpcUrl);
  payer = await Payer.funded(chain, 1_000_000n);
});

afterAll(async () => {
  await stack?.stop();
});

type Body = SignedPayment['body'];
type Json = Record<string, unknown>;
type Case = {
  readonly name: string;
  readonly status: number;
  readonly reason: string;
  readonly make: () => Promise<unknown>;
};

const good = async (): Promise<Body> => (await payer.pay(chain)).body;
// By way of JSON, which also parts the requirements from the payload's copy of them.
const clone = (body: Body): Body => JSON.parse(JSON.stringify(body)) as Body;

/** A good request with one thing changed in place. */
const changed = (change: (body: Body) => void) => async (): Promise<Body> => {
  const body = clone(await good());
  change(body);
  return body;
};

/** The same change in the requirements and in the payload's copy of them, as a seller would make it. */
const required = (name: string, value: unknown) =>
  changed((body) => {
    body.paymentRequirements[name] = value;
    (body.paymentPayload['accepted'] as Json)[name] = value;
  });

/** A change in the seller's requirements alone: what they look like is the seller's fault. */
const requiredOnly = (name: string, value: unknown) =>
  changed((body) => {
    body.paymentRequirements[name] = value;
  });

const authorized = (name: string, value: unknown) =>
  changed((body) => {
    (body.paymentPayload.payload.authorization as Json)[name] = value;
  });

const signedAs = (change: (signature: Hex) => string) =>
  changed((body) => {
    body.paymentPayload.payload.signature = change(body.paymentPayload.payload.signature) as Hex;
  });

function highS(signature: Hex): string {
  const s = BigInt(`0x${signature.slice(66, 130)}`);
  const v = signature.slice(130) === '1b' ? '1c' : '1b';
  return `0x${signature.slice(2, 66)}${(curveOrder - s).toString(16).padStart(64, '0')}${v}`;
}

const v1Body = async (): Promise<Json> => {
  const { paymentPayload, paymentRequirements } = await good();
  return {
    x402Version: 1,
    paymentPayload: {
      x402Version: 1,
      scheme: 'exact',
      network: 'base-sepolia',
      payload: paymentPayload.payload,
    },
    paymentRequirements,
  };
};

const cases: readonly Case[] = [
  { name: 'not JSON', status: 400, reason: 'invalid_json', make: async () => '{"x402Version": 2,' },
  { name: 'an empty body', status: 400, reason: 'invalid_json', make: async () => '' },
  {
    name: '1 MB of JSON',
    status: 413,
    reason: 'payload_too_large',
    make: async () => JSON.stringify({ a: 'x'.repeat(1_048_576) }),
  },
  { name: 'JSON that is no object', status: 400, reason: 'invalid_payload', make: async () => '[]' },
  {
    name: 'no payload',
    status: 400,
    reason: 'invalid_payload',
    make: changed((body) => delete (body as Json)['paymentPayload']),
  },
  {
    name: 'no requirements',
    status: 400,
    reason: 'invalid_payment_requirements',
    make: changed((body) => delete (body as Json)['paymentRequirements']),
  },
  { name: 'a missing nonce', status: 400, reason: 'invalid_payload', make: authorized('nonce', undefined) },
  {
    name: 'an extra field in the request',
    status: 400,
    reason: 'invalid_payload',
    make: changed((body) => void ((body as Json)['surprise'] = 1)),
  },
  {
    name: 'an extra field in the payload',
    status: 400,
    reason: 'invalid_payload',
    make: changed((body) => void (body.paymentPayload['surprise'] = 1)),
  },
  {
    name: 'an extra field in what is signed',
    status: 400,
    reason: 'invalid_payload',
    make: authorized('surprise', '1'),
  },
  {
    name: 'an extra field in the requirements',
    status: 400,
    reason: 'invalid_payment_requirements',
    make: changed((body) => void (body.paymentRequirements['surprise'] = 1)),
  },
  {
    name: 'a list for the payload',
    status: 400,
    reason: 'invalid_payload',
    make: changed((body) => void ((body as Json)['paymentPayload'] = [])),
  },
  {
    name: 'a number for an amount',
    status: 400,
    reason: 'invalid_payment_requirements',
    make: requiredOnly('amount', 10000),
  },
  {
    name: 'a number for a signed value',
    status: 400,
    reason: 'invalid_payload',
    make: authorized('value', 10000),
  },
  {
    name: 'a text for the time-out',
    status: 400,
    reason: 'invalid_payment_requirements',
    make: requiredOnly('maxTimeoutSeconds', '300'),
  },
  {
    name: 'a negative amount',
    status: 400,
    reason: 'invalid_payment_requirements',
    make: requiredOnly('amount', '-1'),
  },
  {
    name: 'a payment of nothing',
    status: 400,
    reason: 'invalid_payment_requirements',
    make: async () => (await payer.pay(chain, { amount: 0n })).body,
  },
  {
    name: 'a fractional amount',
    status: 400,
    reason: 'invalid_payment_requirements',
    make: requiredOnly('amount', '0.5'),
  },
  {
    name: 'an amount above 2^256',
    status: 400,
    reason: 'invalid_payment_requirements',
    make: requiredOnly('amount', (2n ** 256n).toString()),
  },
  {
    name: 'a signed value above 2^256',
    status: 400,
    reason: 'invalid_payload',
    make: authorized('value', (2n ** 256n).toString()),
  },
  {
    name: 'a negative signed value',
    status: 400,
    reason: 'invalid_payload',
    make: authorized('value', '-1'),
  },
  {
    name: 'an unknown version',
    status: 400,
    reason: 'invalid_x402_version',
    make: changed((body) => {
      (body as Json)['x402Version'] = 3;
      body.paymentPayload['x402Version'] = 3;
    }),
  },
  { name: 'an unknown scheme', status: 200, reason: 'unsupported_scheme', make: required('scheme', 'guess') },
  {
    name: 'an unknown network',
    status: 200,
    reason: 'invalid_network',
    make: required('network', 'eip155:999999'),
  },
  {
    name: 'a network that is none',
    status: 400,
    reason: 'invalid_network',
    make: required('network', 'nowhere'),
  },
  {
    name: 'an unknown asset',
    status: 200,
    reason: 'unsupported_asset',
    make: required('asset', '0x00000000000000000000000000000000000000aa'),
  },
  {
    name: 'a version 1 payload with version 2 requirements',
    status: 400,
    reason: 'invalid_payment_requirements',
    make: v1Body,
  },
  {
    name: 'another payee than signed',
    status: 200,
    reason: 'invalid_exact_evm_payload_recipient_mismatch',
    make: required('payTo', '0x00000000000000000000000000000000000000bb'),
  },
  {
    name: 'another value than asked',
    status: 200,
    reason: 'invalid_exact_evm_payload_authorization_value_mismatch',
    make: required('amount', '10001'),
  },
  {
    name: 'a token domain that was not signed',
    status: 200,
    reason: 'invalid_exact_evm_payload_signature',
    make: required('extra', { name: 'Other', version: '2' }),
  },
  {
    name: 'a signed token domain that is not the token’s',
    status: 200,
    reason: 'invalid_exact_evm_token_name_mismatch',
    make: async () => {
      const { body } = await payer.pay(chain, { domain: { name: 'Other' } });
      const extra = { name: 'Other', version: '2' };
      return {
        ...body,
        paymentRequirements: { ...body.paymentRequirements, extra },
        paymentPayload: { ...body.paymentPayload, accepted: { ...body.paymentRequirements, extra } },
      };
    },
  },
  {
    name: 'no token domain',
    status: 200,
    reason: 'invalid_exact_evm_missing_eip712_domain',
    make: required('extra', {}),
  },
  {
    name: 'an expired authorization',
    status: 200,
    reason: 'invalid_exact_evm_payload_authorization_valid_before',
    make: async () => (await payer.pay(chain, { validBefore: soon(-1) })).body,
  },
  {
    name: 'one that is not valid yet',
    status: 200,
    reason: 'invalid_exact_evm_payload_authorization_valid_after',
    make: async () => (await payer.pay(chain, { validAfter: soon(600), validBefore: soon(1200) })).body,
  },
  {
    name: 'somebody else’s signature',
    status: 200,
    reason: 'invalid_exact_evm_payload_signature',
    make: authorized('from', '0x00000000000000000000000000000000000000cc'),
  },
  {
    name: 'a signature of another message',
    status: 200,
    reason: 'invalid_exact_evm_payload_signature',
    make: signedAs((signature) => `0x${'11'.repeat(32)}${signature.slice(66)}`),
  },
  {
    name: 'a malleable (high-s) signature',
    status: 200,
    reason: 'invalid_exact_evm_payload_signature',
    make: signedAs(highS),
  },
  {
    name: 'a truncated signature',
    status: 200,
    reason: 'invalid_exact_evm_payload_signature',
    make: signedAs((signature) => signature.slice(0, 100)),
  },
  {
    name: 'more than the payer has',
    status: 200,
    reason: 'insufficient_funds',
    make: async () => (await payer.pay(chain, { amount: 1_000_001n })).body,
  },
];

describe.each(['verify', 'settle'] as const)('/%s', (endpoint) => {
  const ask = async (body: unknown): Promise<Answer> =>
    post(`${stack.facilitators[0]?.url}/${endpoint}`, body);

  function expectRefused(answer: Answer, status: number, reason: string): void {
    const { body } = answer;
    if (endpoint === 'verify') {
      expect({ status: answer.status, body }).toMatchObject({
        status,
        body: { isValid: false, invalidReason: reason, invalidMessage: expect.stringMatching(/\S/) },
      });
    } else {
      expect({ status: answer.status, body }).toMatchObject({
        status,
        body: {
          success: false,
          errorReason: reason,
          errorMessage: expect.stringMatching(/\S/),
          transaction: '',
          network: expect.any(String),
        },
      });
    }
    expect(answer.tookMs).toBeLessThan(answerWithinMs);
  }

  it.each(cases.map(({ name, reason, ...rest }) => [name, reason, rest] as const))(
    'refuses %s as %s',
    async (_name, reason, { status, make }) => {
      const body = await make();
      const before = await worldState(stack);
      expectRefused(await ask(body), status, reason);
      expect(await worldState(stack)).toBe(before);
    },
  );

  it('refuses a body that is not declared as JSON', async () => {
    const before = await worldState(stack);
    const answer = await post(
      `${stack.facilitators[0]?.url}/${endpoint}`,
      JSON.stringify(await good()),
      'text/plain',
    );
    expect(answer.status).toBe(415);
    expect(await worldState(stack)).toBe(before);
  });

  it('refuses a payer whose contract does not accept the signature', async () => {
    const contract = await Payer.funded(chain, 1_000_000n);
    await createTestClient({ mode: 'anvil', transport: http(chain.rpcUrl) }).setCode({
      address: contract.account.address,
      bytecode: '0x6001600055',
    });
    const { body } = await contract.pay(chain);
    const before = await worldState(stack);
    expectRefused(await ask(body), 200, 'invalid_exact_evm_payload_signature');
    expect(await worldState(stack)).toBe(before);
  });

  it('gives the same answer to the same bad input', async () => {
    const body = await required('payTo', '0x00000000000000000000000000000000000000bb')();
    const [one, two] = [await ask(body), await ask(body)];
    expect(two.body).toEqual(one.body);
  });
});

describe('a replay', () => {
  it('is no valid payment, and settles nothing a second time', async () => {
    const payment = await payer.pay(chain);
    const url = stack.facilitators[0]?.url ?? '';
    const first = await post(`${url}/settle`, payment.body);
    expect(first.body).toMatchObject({ success: true });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = await worldState(stack);

    const verified = await post(`${url}/verify`, payment.body);
    expect(verified).toMatchObject({
      status: 200,
      body: { isValid: false, invalidReason: 'invalid_exact_evm_nonce_already_used' },
    });
    const settledAgain = await post(`${url}/settle`, payment.body);
    expect(settledAgain.body).toEqual(first.body);
    const elsewhere = {
      ...payment.body,
      paymentRequirements: { ...payment.body.paymentRequirements, maxTimeoutSeconds: 1 },
    };
    expect(await post(`${url}/settle`, elsewhere)).toMatchObject({
      status: 200,
      body: { success: false, errorReason: 'authorization_conflict' },
    });
    expect(await worldState(stack)).toBe(before);
  });
});
