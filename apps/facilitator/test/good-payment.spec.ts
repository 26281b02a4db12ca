import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Hex } from 'viem';

import { asV1, type Payer, payTo, paymentBody, type Wish } from './payment.fixture.js';
import {
  asAdmin,
  eventually,
  fundedPayer,
  type Ground,
  post,
  type Replica,
  SettlementFake,
  startGround,
  startReplica,
} from './stack.fixture.js';

let ground: Ground;
let replica: Replica;
let settlement: SettlementFake;
let payer: Payer;
const good = (wish?: Wish) => paymentBody(payer, wish);

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

describe('a good payment', () => {
  it.each(['v1', 'v2'])('in %s is valid, settles, and cannot be presented again', async (version) => {
    const signed = await good();
    const body = version === 'v1' ? asV1(signed) : signed;
    const network = version === 'v1' ? 'base-sepolia' : 'eip155:84532';
    await expect(post(replica, '/verify', body)).resolves.toMatchObject({
      status: 200,
      body: { isValid: true, payer: payer.address },
    });
    const settled = await post(replica, '/settle', body);
    expect([settled.status, settled.body]).toEqual([
      200,
      {
        success: true,
        transaction: expect.stringMatching(/^0x7a/),
        network,
        payer: payer.address,
        ...(version === 'v2' ? { amount: '10000' } : {}),
      },
    ]);
    await expect(post(replica, '/verify', body)).resolves.toMatchObject({
      status: 200,
      body: {
        isValid: false,
        invalidReason: version === 'v1' ? 'invalid_payment' : 'invalid_exact_evm_nonce_already_used',
      },
    });
  });

  it('is given on with everything that is needed to settle it', async () => {
    const nonce = `0x${randomBytes(32).toString('hex')}` as Hex;
    const body = await good({ nonce });
    await post(replica, '/settle', body);
    await eventually(() => settlement.accepted.some(({ data }) => data.authorization.nonce === nonce));
    const event = settlement.accepted.find(({ data }) => data.authorization.nonce === nonce);
    expect(event?.data).toMatchObject({
      payer: payer.address.toLowerCase(),
      payTo: payTo.toLowerCase(),
      amount: '10000',
      signature: body.paymentPayload.payload.signature,
      resource: 'https://shop.example/weather?session=secret',
    });
  });

  it('and its refusals leave no signature in any log', async () => {
    await post(replica, '/settle', await good());
    await post(replica, '/verify', await good({ domain: { name: 'X' } }));
    expect(replica.logLines.length).toBeGreaterThan(3);
    expect(replica.logLines.join('\n')).not.toMatch(/[0-9a-f]{130}/i);
    await expect(
      asAdmin(ground, `SELECT count(*)::int AS n FROM facilitator.payment p WHERE p::text ~ '[0-9a-f]{130}'`),
    ).resolves.toEqual([{ n: 0 }]);
  });
});
