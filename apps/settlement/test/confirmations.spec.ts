import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { FollowedChain } from './followed-chain.js';

/** A network on which a block counts when two more stand on it. */

const confirmations = 3;
let chain: FollowedChain;

beforeAll(async () => {
  chain = await FollowedChain.start({ confirmations });
}, 120_000);
afterEach(async () => {
  await chain.halt();
});
afterAll(async () => {
  await chain?.stop();
});

const types = (events: readonly { type: string }[]) => events.map(({ type }) => type);

describe('a confirmation that takes several blocks', () => {
  it('comes when the last of them is there', async () => {
    chain.follow();
    const payments = await chain.accept(3);
    await chain.settle(payments);
    await chain.mine();
    await chain.caughtUp();
    expect(await chain.states(payments)).toEqual(['submitted', 'submitted', 'submitted']);
    await chain.mine();
    await chain.become(payments, 'confirmed');
  });

  it('is not told of blocks that leave the chain before', async () => {
    chain.follow();
    const payments = await chain.accept(2);
    await chain.settle(payments);
    await chain.mine();
    await chain.caughtUp();
    await chain.reorg(2);
    await chain.resend();
    await chain.mine(confirmations);
    await chain.become(payments, 'confirmed');
    for (const { data } of payments)
      expect(types(await chain.told(data.paymentId))).toEqual(['settlement.confirmed']);
  });

  it('is taken back when more blocks leave the chain than that', async () => {
    chain.follow();
    const payments = await chain.accept(2);
    await chain.settle(payments);
    await chain.mine(confirmations);
    await chain.become(payments, 'confirmed');
    await chain.reorg(confirmations + 1);
    await chain.become(payments, 'submitted');
    await chain.resend();
    await chain.mine(confirmations);
    await chain.become(payments, 'confirmed');
    for (const { data } of payments) {
      expect(types(await chain.told(data.paymentId))).toEqual([
        'settlement.confirmed',
        'settlement.reorged',
        'settlement.confirmed',
      ]);
    }
  });
});
