import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { devUsdc, mintDevToken } from '@quittance/embedded';
import { settleResponseSchema, verifyResponseSchema } from '@quittance/protocol';
import { HTTPFacilitatorClient } from '@x402/core/http';
import {
  appendPaymentIdentifierToExtensions,
  declarePaymentIdentifierExtension,
} from '@x402/extensions/payment-identifier';
import { encodeFunctionData, erc20Abi } from 'viem';

import { newSigner, permitBody, sendAs } from './methods.fixture.js';
import { asV1, type Body, type Payer, paymentBody, payTo, type Wish } from './payment.fixture.js';
import {
  asAdmin,
  fundedPayer,
  type Ground,
  post,
  type Replica,
  SettlementFake,
  startGround,
  startReplica,
} from './stack.fixture.js';

/** The extension payment-identifier, over two replicas that share a database and nothing else. */
let ground: Ground;
let replicas: readonly [Replica, Replica];
let settlement: SettlementFake;
let payer: Payer;

beforeAll(async () => {
  ground = await startGround();
  replicas = [await startReplica(ground), await startReplica(ground)];
  settlement = new SettlementFake(ground);
  await settlement.start();
  payer = await fundedPayer(ground, 1_000_000n);
}, 90_000);

afterAll(async () => {
  await settlement.close();
  await Promise.all(replicas.map((replica) => replica.close()));
  await ground.stop();
});

const newId = () => `pay_${randomBytes(16).toString('hex')}`;

/** As the published server declares it and the published client fills it in. */
function withId(body: Body, id: string | undefined, required = false) {
  const extensions = { 'payment-identifier': declarePaymentIdentifierExtension(required) };
  if (id !== undefined) appendPaymentIdentifierToExtensions(extensions, id);
  return { ...body, paymentPayload: { ...body.paymentPayload, extensions } };
}

const identified = async (id: string, wish: Wish = {}, by = payer) => withId(await paymentBody(by, wish), id);

/** As if a minute had passed: until then the database itself keeps a verdict as it is. */
async function letVerdictsAge(): Promise<void> {
  await asAdmin(
    ground,
    `ALTER TABLE facilitator.payment_identifier DISABLE TRIGGER payment_identifier_guard;
     UPDATE facilitator.payment_identifier SET verdict_until = clock_timestamp();
     ALTER TABLE facilitator.payment_identifier ENABLE TRIGGER payment_identifier_guard`,
  );
}

describe('a payment with an id of its payer’s', () => {
  it('is verified once, and answered the same on every replica for as long as the id is remembered', async () => {
    const body = await identified(newId());
    await expect(post(replicas[0], '/verify', body)).resolves.toMatchObject({ body: { isValid: true } });
    await expect(post(replicas[0], '/settle', body)).resolves.toMatchObject({ body: { success: true } });
    // Without an id the authorization is used by now.
    await expect(post(replicas[1], '/verify', body)).resolves.toMatchObject({
      status: 200,
      body: { isValid: true, payer: payer.address },
    });
    const { extensions: _id, ...bare } = body.paymentPayload;
    await expect(post(replicas[1], '/verify', { ...body, paymentPayload: bare })).resolves.toMatchObject({
      body: { invalidReason: 'invalid_exact_evm_nonce_already_used' },
    });
  });

  it('is verified anew after a minute unless it was accepted, for its payer may have no money any more', async () => {
    const spender = await fundedPayer(ground, 10_000n);
    const kept = await identified(newId(), {}, spender);
    const settled = await identified(newId());
    const verified = (body: unknown) => post(replicas[1], '/verify', body);
    for (const body of [kept, settled])
      await expect(verified(body)).resolves.toMatchObject({ body: { isValid: true } });
    await post(replicas[0], '/settle', settled);
    await sendAs(ground, spender.address, {
      to: devUsdc.address,
      data: encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [payTo, 10_000n] }),
    });
    await expect(verified(kept)).resolves.toMatchObject({ body: { isValid: true } });
    await letVerdictsAge();
    await expect(verified(kept)).resolves.toMatchObject({ body: { invalidReason: 'insufficient_funds' } });
    await expect(verified(settled)).resolves.toMatchObject({ body: { isValid: true } });
    // The id is still its payload's, and what is said of it now is kept as before.
    const { 'payment-identifier': id } = kept.paymentPayload.extensions;
    const other = await paymentBody(payer);
    const stolen = {
      ...other,
      paymentPayload: { ...other.paymentPayload, extensions: { 'payment-identifier': id } },
    };
    await expect(verified(stolen)).resolves.toMatchObject({ status: 409 });
    await mintDevToken(ground.anvil.rpcUrl, { token: devUsdc.address, to: spender.address, amount: 10_000n });
    await expect(verified(kept)).resolves.toMatchObject({ body: { invalidReason: 'insufficient_funds' } });
  });

  it('is settled once, and answered the same on every replica', async () => {
    const body = await identified(newId());
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) => post(replicas[index % 2] as Replica, '/settle', body)),
    );
    for (const { status, body: answer } of answers) expect([status, answer]).toEqual([200, answers[0]?.body]);
    expect(answers[0]?.body).toMatchObject({ success: true });
    const { nonce } = body.paymentPayload.payload.authorization;
    expect(settlement.accepted.filter(({ data }) => data.authorization.nonce === nonce)).toHaveLength(1);
  });

  it('is refused the same for a while, though its payer has the money meanwhile', async () => {
    const poor = await fundedPayer(ground, 0n);
    const id = newId();
    const body = await identified(id, {}, poor);
    const refusal = { body: { isValid: false, invalidReason: 'insufficient_funds' } };
    await expect(post(replicas[0], '/verify', body)).resolves.toMatchObject(refusal);
    await mintDevToken(ground.anvil.rpcUrl, { token: devUsdc.address, to: poor.address, amount: 10_000n });
    await expect(post(replicas[1], '/verify', body)).resolves.toMatchObject(refusal);
    const [row] = await asAdmin<{ s: number }>(
      ground,
      `SELECT extract(epoch FROM expires_at - clock_timestamp())::int AS s FROM facilitator.payment_identifier
        WHERE identifier = $1`,
      [id],
    );
    expect(row?.s).toBeLessThanOrEqual(60);
  });

  it('by upto is verified over the whole and settled over less', async () => {
    const signer = await newSigner(ground, 'an account');
    const extensions = { 'payment-identifier': declarePaymentIdentifierExtension(true) };
    appendPaymentIdentifierToExtensions(extensions, newId());
    const body = await permitBody(signer, { scheme: 'upto', extensions });
    const taking = (amount: string) => ({
      ...body,
      paymentRequirements: { ...body.paymentRequirements, amount },
    });
    await expect(post(replicas[0], '/verify', body)).resolves.toMatchObject({ body: { isValid: true } });
    await expect(post(replicas[1], '/settle', taking('3'))).resolves.toMatchObject({
      body: { success: true, amount: '3' },
    });
    await expect(post(replicas[0], '/settle', taking('4'))).resolves.toMatchObject({
      status: 409,
      body: { success: false, errorReason: 'payment_identifier_conflict', transaction: '' },
    });
  });
});

describe('an id that came before with something else', () => {
  it.each([
    ['/verify', '/verify'],
    ['/verify', '/settle'],
    ['/settle', '/verify'],
    ['/settle', '/settle'],
  ] as const)('is a conflict: %s, then %s on another replica', async (first, second) => {
    const id = newId();
    await expect(post(replicas[0], first, await identified(id))).resolves.toMatchObject({ status: 200 });
    const other = await identified(id);
    const { status, body } = await post(replicas[1], second, other);
    expect(status).toBe(409);
    const told = second === '/verify' ? verifyResponseSchema.parse(body) : settleResponseSchema.parse(body);
    expect(told).toMatchObject({ payer: payer.address });
    expect(body['invalidReason'] ?? body['errorReason']).toBe('payment_identifier_conflict');
    expect(body['invalidMessage'] ?? body['errorMessage']).toMatch(/another payment payload/);
    const { nonce } = other.paymentPayload.payload.authorization;
    expect(settlement.accepted.some(({ data }) => data.authorization.nonce === nonce)).toBe(false);
  });

  it('is one of the two, whoever comes first of many at once', async () => {
    const id = newId();
    const bodies = await Promise.all(Array.from({ length: 8 }, () => identified(id, { amount: '1' })));
    const answers = await Promise.all(
      bodies.map((body, index) => post(replicas[index % 2] as Replica, '/settle', body)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
  });

  it('is none to another seller', async () => {
    const id = newId();
    const wish = { to: '0x90F79bf6EB2c4f870365E785982E1f101E93b906' } as const;
    const elsewhere = await identified(id, { ...wish, requirements: { payTo: wish.to } });
    await expect(post(replicas[0], '/verify', await identified(id))).resolves.toMatchObject({ status: 200 });
    await expect(post(replicas[1], '/verify', elsewhere)).resolves.toMatchObject({
      status: 200,
      body: { isValid: true },
    });
  });

  it('reaches the published client as a refusal with its reason', async () => {
    const id = newId();
    await post(replicas[0], '/verify', await identified(id));
    const other = await identified(id);
    const client = new HTTPFacilitatorClient({ url: replicas[1].url });
    const asked = client.verify(other.paymentPayload as never, other.paymentRequirements as never);
    await expect(asked).rejects.toMatchObject({
      statusCode: 409,
      invalidReason: 'payment_identifier_conflict',
    });
  });
});

describe('an id that cannot be used', () => {
  it.each(['/verify', '/settle'] as const)('is a bad request to %s', async (route) => {
    const missing = await post(replicas[0], route, withId(await paymentBody(payer), undefined, true));
    expect([missing.status, missing.body['invalidReason'] ?? missing.body['errorReason']]).toEqual([
      400,
      'payment_identifier_required',
    ]);
    const short = await paymentBody(payer);
    const malformed = await post(replicas[0], route, {
      ...short,
      paymentPayload: {
        ...short.paymentPayload,
        extensions: { 'payment-identifier': { info: { required: false, id: 'short' }, schema: {} } },
      },
    });
    expect([malformed.status, malformed.body['invalidReason'] ?? malformed.body['errorReason']]).toEqual([
      400,
      'invalid_payment_identifier',
    ]);
  });

  it('is nobody’s business where it is not required, nor in x402 v1', async () => {
    await expect(
      post(replicas[0], '/verify', withId(await paymentBody(payer), undefined)),
    ).resolves.toMatchObject({ status: 200, body: { isValid: true } });
    await expect(post(replicas[0], '/verify', asV1(await paymentBody(payer)))).resolves.toMatchObject({
      body: { isValid: true },
    });
  });
});
