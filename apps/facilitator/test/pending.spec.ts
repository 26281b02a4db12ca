import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { HTTPFacilitatorClient, x402ResourceServer } from '@x402/core/server';
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import { ExactEvmScheme } from '@x402/evm/exact/server';

import { confirmedEvent } from './stack.fixture.js';
import { paymentBody } from './payment.fixture.js';
import {
  asAdmin,
  eventually,
  fundedPayer,
  type Ground,
  hashOf,
  SettlementFake,
  startGround,
  startReplica,
} from './stack.fixture.js';

/** The published server package, which sends a pending settlement once more by itself, against the real service. */
let ground: Ground;
const closing: Array<() => Promise<void>> = [];

beforeAll(async () => {
  ground = await startGround();
}, 90_000);
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => ground.stop());

async function sellerOf(settings: Readonly<Record<string, string>>) {
  const service = await startReplica(ground, { settings });
  closing.push(service.close);
  const seller = new x402ResourceServer(new HTTPFacilitatorClient({ url: service.url }));
  seller.register('eip155:84532', new ExactEvmScheme());
  await seller.initialize();
  return async () => {
    const { paymentPayload, paymentRequirements } = await paymentBody(await fundedPayer(ground, 10_000n));
    return seller.settlePayment(
      paymentPayload as unknown as PaymentPayload,
      paymentRequirements as unknown as PaymentRequirements,
    );
  };
}

describe('a settlement that takes longer than the first answer', () => {
  it('is pending with its hash to the published server, whose one retry gets the outcome', async () => {
    const settlement = new SettlementFake(ground, async (event, fake) => {
      await fake.submit(event, hashOf('ab'));
      await eventually(async () => {
        const [row] = await asAdmin<{ n: number }>(
          ground,
          `SELECT count(*)::int AS n FROM facilitator.payment WHERE id = $1 AND state = 'submitted'`,
          [event.key],
        );
        return row?.n === 1;
      });
      // After the first answer, and within the wait of the second.
      setTimeout(() => void fake.publish(confirmedEvent(event, hashOf('ab'))), 1_500);
    });
    await settlement.start();
    closing.push(() => settlement.close());
    const settle = await sellerOf({ SETTLE_WAIT_MS: '1000' });
    await expect(settle()).resolves.toMatchObject({ success: true, transaction: hashOf('ab') });
  });

  it('stays pending with its hash when the retry does not get it either', async () => {
    const settlement = new SettlementFake(ground, (event, fake) => fake.submit(event, hashOf('ac')));
    await settlement.start();
    closing.push(() => settlement.close());
    const settle = await sellerOf({ SETTLE_WAIT_MS: '1000' });
    await expect(settle()).resolves.toMatchObject({
      success: false,
      errorReason: 'settlement_pending',
      transaction: hashOf('ac'),
      network: 'eip155:84532',
    });
  });
});
