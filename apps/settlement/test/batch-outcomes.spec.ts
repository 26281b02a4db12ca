import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { FollowedChain, until } from './followed-chain.js';

/** What becomes of the payments of a batch, over a real chain: each block is mined by hand. */

let chain: FollowedChain;

beforeAll(async () => {
  chain = await FollowedChain.start();
  chain.follow();
}, 120_000);
afterEach(async () => {
  await chain.mine();
});
afterAll(async () => {
  await chain?.stop();
});

const types = (events: readonly { type: string }[]) => events.map(({ type }) => type);
const sum = (values: readonly (string | null)[]) =>
  values.reduce((total, each) => total + BigInt(each ?? 0), 0n);

describe('a batch that is mined', () => {
  it('confirms each payment in it by its own log, and the parts of its cost sum to the whole', async () => {
    const payments = await chain.accept(7);
    const signed = await chain.settle(payments);
    await chain.become(payments, 'confirmed');
    const events = await Promise.all(payments.map(({ data }) => chain.told(data.paymentId)));
    for (const told of events) {
      expect(told).toMatchObject([
        {
          type: 'settlement.confirmed',
          data: { transaction: signed.hash, settledBy: 'us', gas: { attempt: 1, outcome: 'ok', l1Fee: '0' } },
        },
      ]);
    }
    const batch = await chain.batch(signed);
    expect(batch).toMatchObject({ state: 'mined', succeeded: true, mined_hash: signed.hash });
    const gas = events.map(([event]) => (event?.data as { gas: { gasUsed: string; fee: string } }).gas);
    expect(sum(gas.map(({ gasUsed }) => gasUsed))).toBe(BigInt(String(batch['gas_used'])));
    expect(sum(gas.map(({ fee }) => fee))).toBe(BigInt(String(batch['fee'])));
    const indexes = events.map(([event]) => (event?.data as { logIndex: number }).logIndex);
    expect(new Set(indexes).size).toBe(payments.length);
  });

  it('releases the payments in it that missed, with their part of the cost, and confirms the others', async () => {
    const [bad = never(), ...good] = [...(await chain.accept(1, 3)), ...(await chain.accept(4))];
    const signed = await chain.sign([good[0] ?? bad, bad, ...good.slice(1)]);
    await chain.drain(3);
    await chain.send(signed);
    await chain.mine();
    await chain.become(good, 'confirmed');
    await chain.become([bad], 'queued');
    expect(await chain.told(bad.data.paymentId)).toMatchObject([
      {
        type: 'settlement.released',
        data: { attempt: 1, cause: 'missed', transaction: signed.hash, gas: { outcome: 'missed' } },
      },
    ]);
    const fees = await Promise.all(
      [bad, ...good].map(async (each) => (await chain.attempts(each))[0]?.fee ?? null),
    );
    expect(sum(fees)).toBe(BigInt(String((await chain.batch(signed))['fee'])));
    await chain.mint(3);
  });

  it('releases all of its payments when it reverts, into batches half as large', async () => {
    const payments = await chain.accept(5);
    const signed = await chain.sign(payments, 105_000n);
    await chain.send(signed);
    await chain.mine();
    await chain.become(payments, 'queued');
    for (const { data } of payments) {
      expect(await chain.told(data.paymentId)).toMatchObject([
        { type: 'settlement.released', data: { cause: 'reverted', gas: { outcome: 'reverted' } } },
      ]);
    }
    const limits = await chain.owner.sql<{ batch_limit: number }>(
      'SELECT DISTINCT batch_limit FROM settlement.payment WHERE payment_id = ANY ($1::uuid[])',
      [payments.map(({ data }) => data.paymentId)],
    );
    expect(limits).toEqual([{ batch_limit: 3 }]);
    await chain.settle(payments);
    await chain.become(payments, 'confirmed');
  });

  it('misses all of its payments without a log of any: found by its nonce', async () => {
    const payments = await chain.accept(3, 4);
    const signed = await chain.sign(payments);
    await chain.drain(4);
    await chain.send(signed);
    await chain.mine();
    await chain.become(payments, 'queued');
    expect(await chain.batch(signed)).toMatchObject({ state: 'mined', succeeded: true });
    await chain.mint(4);
  });

  it('fails its only payment with the true reason when that is why it reverted', async () => {
    const [payment = never()] = await chain.accept(1, 2);
    const signed = await chain.sign([payment]);
    await chain.drain(2);
    await chain.send(signed);
    await chain.mine();
    await chain.become([payment], 'failed');
    expect(await chain.told(payment.data.paymentId)).toMatchObject([
      {
        type: 'settlement.failed',
        data: { reason: 'insufficient_funds', transaction: signed.hash, gas: { outcome: 'reverted' } },
      },
    ]);
    await chain.mint(2);
  });

  it('is told as filled when it carries nothing', async () => {
    const signed = await chain.sign([], 21_000n);
    await chain.send(signed);
    await chain.mine();
    await until(
      async () => (await chain.batch(signed))['state'] === 'mined',
      async () => JSON.stringify(await chain.batch(signed)),
    );
    const filled = (await chain.told(chain.network.chainId)).filter(
      ({ type }) => type === 'settlement.filled',
    );
    expect(filled).toMatchObject([{ data: { transaction: signed.hash, gasUsed: '21000', takesBack: null } }]);
  });
});

describe('a payment that somebody else lands', () => {
  it('is confirmed by that, and what our transaction cost is told when it misses', async () => {
    const [payment = never(), other = never()] = await chain.accept(2);
    const signed = await chain.sign([payment, other]);
    await chain.land(payment);
    await chain.mine();
    await chain.become([payment], 'confirmed');
    await chain.send(signed);
    await chain.mine();
    await chain.become([other], 'confirmed');
    expect(await chain.told(payment.data.paymentId)).toMatchObject([
      { type: 'settlement.confirmed', data: { settledBy: 'other', gas: null } },
      { type: 'settlement.released', data: { cause: 'missed', gas: { outcome: 'missed' } } },
    ]);
    expect(await chain.states([payment])).toEqual(['confirmed']);
  });
});

describe('a batch whose nonce another transaction used', () => {
  it('gives its payments back to the queue when that is certain, without a cost', async () => {
    const payments = await chain.accept(2);
    const signed = await chain.sign(payments);
    await chain.spendRelayerNonce();
    await chain.mine();
    await chain.become(payments, 'queued');
    for (const { data } of payments) {
      expect(await chain.told(data.paymentId)).toMatchObject([
        { type: 'settlement.released', data: { cause: 'displaced', transaction: signed.hash, gas: null } },
      ]);
    }
    expect(await chain.batch(signed)).toMatchObject({ state: 'displaced', fee: null });
    await chain.settle(payments);
    await chain.become(payments, 'confirmed');
    expect(types(await chain.told(payments[0]?.data.paymentId ?? ''))).toEqual([
      'settlement.released',
      'settlement.confirmed',
    ]);
  });
});

describe('two processes that follow one chain', () => {
  it('tell everything once', async () => {
    chain.follow();
    for (let round = 0; round < 5; round += 1) {
      const payments = await chain.accept(3);
      await chain.settle(payments);
      await chain.become(payments, 'confirmed');
      for (const { data } of payments) expect(await chain.told(data.paymentId)).toHaveLength(1);
    }
  });
});

function never(): never {
  throw new TypeError('no payment');
}
