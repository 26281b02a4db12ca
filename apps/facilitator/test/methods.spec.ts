import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { devPermit2 } from '@quittance/embedded';
import { parseChainId } from '@quittance/money';
import { paymentIdOf } from '@quittance/protocol';

import {
  newSigner,
  networksWithFactory,
  permit2612,
  permitBody,
  type PermitWish,
  relayer,
  signedApproval,
  type Signer,
  signerKinds,
  transferBody,
} from './methods.fixture.js';
import { asV1, paymentBody } from './payment.fixture.js';
import {
  type Accepted,
  eventually,
  get,
  type Ground,
  post,
  type Replica,
  SettlementFake,
  startGround,
  startReplica,
} from './stack.fixture.js';

/** Every method with every kind of signer, over HTTP: verified, accepted, and told to the settlement service. */
let ground: Ground;
let replica: Replica;
let settlement: SettlementFake;
const heldAmount = '900000';

beforeAll(async () => {
  ground = await startGround();
  replica = await startReplica(ground, { settings: { NETWORKS: networksWithFactory(ground) } });
  // What is held stays under way.
  settlement = new SettlementFake(ground, (event, fake) =>
    event.data.amount === heldAmount ? fake.submit(event) : fake.confirm(event),
  );
  await settlement.start();
}, 90_000);

afterAll(async () => {
  await settlement.close();
  await replica.close();
  await ground.stop();
});

async function acceptedOf(payer: Signer): Promise<Accepted['data']> {
  const find = () => settlement.accepted.findLast(({ data }) => data.payer === payer.address.toLowerCase());
  await eventually(() => find() !== undefined);
  return (find() as Accepted).data;
}

async function expectGood(body: unknown, payer: Signer): Promise<void> {
  await expect(post(replica, '/verify', body)).resolves.toMatchObject({
    status: 200,
    body: { isValid: true, payer: payer.address },
  });
  await expect(post(replica, '/settle', body)).resolves.toMatchObject({
    status: 200,
    body: { success: true, payer: payer.address, transaction: expect.stringMatching(/^0x7a/) },
  });
}

describe.each(signerKinds)('%s', (kind) => {
  it.each(['v1', 'v2', 'upfront'])('pays by EIP-3009, %s', async (form) => {
    const payer = await newSigner(ground, kind, { approves: false });
    const body = await transferBody(payer, form === 'upfront' ? { paymentFlow: 'upfront' } : {});
    await expectGood(form === 'v1' ? asV1(body) : body, payer);
    await expect(acceptedOf(payer)).resolves.toMatchObject({ scheme: 'exact', method: 'eip3009' });
    const { payerHasCode } = await acceptedOf(payer);
    expect(payerHasCode === true).toBe(kind === 'a wallet' || kind === 'an account with a delegate');
  });

  it('pays by Permit2', async () => {
    const payer = await newSigner(ground, kind);
    const body = await permitBody(payer);
    await expectGood(body, payer);
    const { payload } = body.paymentPayload;
    await expect(acceptedOf(payer)).resolves.toMatchObject({
      scheme: 'exact',
      method: 'permit2',
      amount: '10000',
      authorization: {
        value: '10000',
        validBefore: payload.permit2Authorization.deadline,
        nonce: `0x${BigInt(payload.permit2Authorization.nonce).toString(16).padStart(64, '0')}`,
      },
      signature: payload.signature.toLowerCase(),
    });
  });

  it('pays by upto what is taken of what was permitted', async () => {
    const payer = await newSigner(ground, kind);
    const body = await permitBody(payer, { scheme: 'upto' });
    if (kind === 'a wallet to be deployed') {
      await expect(post(replica, '/verify', body)).resolves.toMatchObject({
        body: { isValid: false, invalidReason: 'invalid_permit2_signature' },
      });
      return;
    }
    await expect(post(replica, '/verify', body)).resolves.toMatchObject({ body: { isValid: true } });
    const taken = { ...body, paymentRequirements: { ...body.paymentRequirements, amount: '1234' } };
    await expect(post(replica, '/settle', taken)).resolves.toMatchObject({
      status: 200,
      body: { success: true, amount: '1234' },
    });
    await expect(acceptedOf(payer)).resolves.toMatchObject({
      scheme: 'upto',
      method: 'permit2',
      amount: '1234',
      authorization: { value: '10000' },
      facilitator: relayer.toLowerCase(),
    });
  });
});

describe('an approval that we pay for', () => {
  it.each(['exact', 'upto'] as const)('comes with a payment by %s as an EIP-2612 permit', async (scheme) => {
    const payer = await newSigner(ground, 'an account', { approves: false });
    const body = await permitBody(payer, { scheme, extensions: await permit2612(payer) });
    await expectGood(body, payer);
    const { sponsoring } = await acceptedOf(payer);
    expect(sponsoring).toMatchObject({
      kind: 'eip2612',
      from: payer.address.toLowerCase(),
      spender: devPermit2.permit2.toLowerCase(),
      amount: '10000',
      nonce: '0',
    });
  });

  it.each(['exact', 'upto'] as const)(
    'comes with a payment by %s as a signed transaction',
    async (scheme) => {
      const payer = await newSigner(ground, 'an account', { approves: false });
      const extensions = await signedApproval(payer);
      const body = await permitBody(payer, { scheme, extensions });
      await expectGood(body, payer);
      await expect(acceptedOf(payer)).resolves.toMatchObject({
        sponsoring: {
          kind: 'erc20_approval',
          signedTransaction: extensions.erc20ApprovalGasSponsoring.info.signedTransaction,
        },
      });
    },
  );

  it('is kept nowhere but in the event: whoever has it can use it', async () => {
    const payer = await newSigner(ground, 'an account', { approves: false });
    const body = await permitBody(payer, { extensions: await permit2612(payer) });
    await post(replica, '/settle', body);
    const { paymentId } = await acceptedOf(payer);
    const { body: view } = await get(replica, `/payments/${paymentId}`);
    expect(view).toMatchObject({
      method: 'permit2',
      sponsoring: 'eip2612',
      ceiling: null,
      facilitator: null,
    });
    expect(JSON.stringify(view)).not.toMatch(/[0-9a-f]{130}/i);
    expect(replica.logLines.join('\n')).not.toMatch(/[0-9a-f]{130}/i);
  });
});

describe('upto', () => {
  const settled = (body: Awaited<ReturnType<typeof permitBody>>, amount: string) =>
    post(replica, '/settle', { ...body, paymentRequirements: { ...body.paymentRequirements, amount } });

  it('settles nothing without a transaction, once and for all', async () => {
    const payer = await newSigner(ground, 'an account');
    const body = await permitBody(payer, { scheme: 'upto' });
    const nothing = {
      status: 200,
      body: { success: true, transaction: '', amount: '0', network: 'eip155:84532', payer: payer.address },
    };
    const first = await settled(body, '0');
    expect({ status: first.status, body: first.body }).toEqual(nothing);
    const again = await settled(body, '0');
    expect({ status: again.status, body: again.body }).toEqual(nothing);
    await expect(settled(body, '5000')).resolves.toMatchObject({
      body: { success: false, errorReason: 'authorization_conflict', transaction: '' },
    });
    await expect(post(replica, '/verify', body)).resolves.toMatchObject({
      body: { isValid: false, invalidReason: 'permit2_invalid_nonce' },
    });
    expect(settlement.accepted.some(({ data }) => data.payer === payer.address.toLowerCase())).toBe(false);
    const { nonce } = body.paymentPayload.payload.permit2Authorization;
    const id = paymentIdOf({
      chainId: parseChainId('eip155:84532'),
      asset: devPermit2.permit2,
      payer: payer.address,
      nonce: `0x${BigInt(nonce).toString(16).padStart(64, '0')}`,
    });
    await expect(get(replica, `/payments/${id}`)).resolves.toMatchObject({
      status: 200,
      body: {
        state: 'waived',
        amount: '0',
        ceiling: '10000',
        transaction: null,
        transitions: [{ from: null, to: 'waived' }],
      },
    });
  });

  it('settles nothing of a payer who has nothing any more', async () => {
    const payer = await newSigner(ground, 'an account', { approves: false });
    const body = await permitBody(payer, { scheme: 'upto', value: '999999999' });
    await expect(settled(body, '0')).resolves.toMatchObject({ body: { success: true, amount: '0' } });
  });

  it('is known by what is taken and what was permitted', async () => {
    const payer = await newSigner(ground, 'an account');
    const body = await permitBody(payer, { scheme: 'upto', value: '1000000' });
    await expect(settled(body, '400000')).resolves.toMatchObject({ body: { success: true } });
    const { paymentId } = await acceptedOf(payer);
    await expect(get(replica, `/payments/${paymentId}`)).resolves.toMatchObject({
      body: { scheme: 'upto', amount: '400000', ceiling: '1000000', facilitator: relayer.toLowerCase() },
    });
  });
});

describe('two payments', () => {
  it('by Permit2 cannot share a nonce, whatever the scheme', async () => {
    const payer = await newSigner(ground, 'an account');
    const nonce = 7n;
    await expectGood(await permitBody(payer, { nonce }), payer);
    const other = await permitBody(payer, { nonce, scheme: 'upto' });
    await expect(post(replica, '/verify', other)).resolves.toMatchObject({
      body: { isValid: false, invalidReason: 'permit2_invalid_nonce' },
    });
    await expect(post(replica, '/settle', other)).resolves.toMatchObject({
      body: { errorReason: 'authorization_conflict' },
    });
  });

  it('of the last dollar do not both pass, one by EIP-3009 and one by Permit2', async () => {
    const payer = await newSigner(ground, 'an account');
    const wish: PermitWish = { value: heldAmount };
    const bodies = [await permitBody(payer, wish), await paymentBody(payer.account, { amount: heldAmount })];
    const answers = await Promise.all(bodies.map((body) => post(replica, '/settle', body)));
    expect(answers.map(({ body }) => body['errorReason']).sort()).toEqual([
      'insufficient_funds',
      'settlement_pending',
    ]);
  });
});
