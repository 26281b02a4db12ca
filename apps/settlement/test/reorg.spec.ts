import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { QuittanceEvent } from '@quittance/events';

import type { Accepted } from './accepted-payment.js';
import { FollowedChain, type Signed, until } from './followed-chain.js';

/**
 * Blocks leave a real chain, with what they held: transactions are lost and sent again, as a broadcaster and a submitter
 * do. Whatever was told before must add up with what is told after.
 */

let chain: FollowedChain;

beforeAll(async () => {
  chain = await FollowedChain.start();
}, 120_000);
afterEach(async () => {
  await chain.halt();
});
afterAll(async () => {
  await chain?.stop();
});

type Filling = { readonly payments: Accepted[]; readonly batches: Signed[] };
type Step = () => Promise<Filling>;

/** Each makes one block. */
const steps: readonly Step[] = [
  async () => landedByUs(1),
  async () => landedByUs(6),
  async () => {
    const payments = await chain.accept(1, 2);
    await chain.land(payments[0] ?? never());
    await chain.mine();
    return { payments, batches: [] };
  },
  async () => {
    const payments = await chain.accept(1, 3);
    const signed = await chain.sign(payments);
    await chain.drain(3);
    await chain.send(signed);
    await chain.mine();
    return { payments, batches: [signed] };
  },
  async () => {
    const payments = [...(await chain.accept(1, 3)), ...(await chain.accept(2, 1))];
    return { payments, batches: [await chain.settle(payments)] };
  },
  async () => {
    const signed = await chain.sign([], 21_000n);
    await chain.send(signed);
    await chain.mine();
    return { payments: [], batches: [signed] };
  },
  async () => {
    const payments = await chain.accept(2, 1);
    const signed = await chain.sign(payments);
    await chain.land(payments[0] ?? never());
    await chain.mine();
    await chain.caughtUp();
    await chain.send(signed);
    await chain.mine();
    return { payments, batches: [signed] };
  },
];

async function landedByUs(count: number): Promise<Filling> {
  const payments = await chain.accept(count);
  return { payments, batches: [await chain.settle(payments)] };
}

/** Makes blocks with all sorts of things in them, and waits until all of them are told. */
async function fill(blocks: number): Promise<Filling> {
  const payments: Accepted[] = [];
  const batches: Signed[] = [];
  for (let made = 0, at = await chain.head(); made < blocks; made = (await chain.head()) - at) {
    const step = blocks - made === 1 ? steps[0] : steps[made % steps.length];
    const filled = await (step ?? never)();
    await chain.caughtUp();
    payments.push(...filled.payments);
    batches.push(...filled.batches);
  }
  await until(
    async () =>
      (await Promise.all(batches.map((batch) => chain.batch(batch)))).every(
        (row) => row['state'] === 'mined',
      ),
    async () => 'all batches mined',
  );
  return { payments, batches };
}

/** What a submitter and a broadcaster do until all is confirmed. */
async function heal({ payments, batches }: Filling): Promise<void> {
  await until(
    async () => {
      await chain.resend();
      await chain.mine();
      await chain.caughtUp();
      const states = await chain.states(payments);
      const queued = payments.filter((_, index) => states[index] === 'queued');
      if (queued.length > 0) await chain.settle(queued);
      const rows = await Promise.all(batches.map((batch) => chain.batch(batch)));
      return states.every((state) => state === 'confirmed') && rows.every((row) => row['state'] === 'mined');
    },
    async () =>
      `${(await chain.states(payments)).join(' ')} ${JSON.stringify(chain.logged)}; ${(await Promise.all(batches.map((batch) => chain.batch(batch)))).map((row) => String(row['state'])).join(' ')}`,
  );
}

/** Events that were not taken back. */
function standing(events: readonly QuittanceEvent[]): QuittanceEvent[] {
  const taken = events.flatMap(({ data }) =>
    'takesBack' in data && data.takesBack !== null ? [data.takesBack] : [],
  );
  expect(new Set(taken).size).toBe(taken.length);
  for (const id of taken) expect(events.map((event) => event.id)).toContain(id);
  return events.filter(({ id, type }) => !taken.includes(id) && type !== 'settlement.reorged');
}

/** The books add up: every payment confirmed once, every wei of gas told once, every payment paid once. */
async function expectExactlyOnce(payments: readonly Accepted[], paidBefore: bigint): Promise<void> {
  let fees = 0n;
  for (const { data } of payments) {
    const events = standing(await chain.told(data.paymentId));
    expect(events.filter(({ type }) => type === 'settlement.confirmed')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'settlement.failed')).toHaveLength(0);
    for (const event of events) {
      if ('gas' in event.data && event.data.gas !== null) fees += BigInt(event.data.gas.fee);
    }
    const [row] = await chain.owner.sql<{ transaction: string; block: string }>(
      `SELECT settled_transaction AS transaction, settled_block_hash AS block FROM settlement.payment WHERE payment_id = $1::uuid`,
      [data.paymentId],
    );
    expect(await chain.blockHashOf(row?.transaction ?? '')).toBe(row?.block);
  }
  const [booked] = await chain.owner.sql<{ fees: string }>(
    `SELECT sum(b.fee)::text AS fees FROM settlement.batch b
     WHERE b.batch_id IN (SELECT a.batch_id FROM settlement.attempt a WHERE a.payment_id = ANY ($1::uuid[]))`,
    [payments.map(({ data }) => data.paymentId)],
  );
  expect(fees).toBe(BigInt(booked?.fees ?? 0));
  expect((await chain.payeeBalance()) - paidBefore).toBe(10_000n * BigInt(payments.length));
}

describe('a reorganization', () => {
  it.each([1, 2, 3, 5, 8, 13, 20])(
    'of depth %i takes back what its blocks told, and everything is confirmed once in the end',
    async (depth) => {
      chain.follow();
      await chain.mint(3);
      const before = await landedByUs(1);
      await chain.become(before.payments, 'confirmed');
      const paid = await chain.payeeBalance();
      const filled = await fill(depth);
      await chain.reorg(depth);
      await chain.mine();
      await chain.caughtUp();
      await heal(filled);
      for (const { data } of filled.payments)
        expect((await chain.told(data.paymentId)).some(({ type }) => type === 'settlement.reorged')).toBe(
          true,
        );
      await expectExactlyOnce(filled.payments, paid);
      expect(await chain.states(before.payments)).toEqual(['confirmed']);
      expect(await chain.told(before.payments[0]?.data.paymentId ?? '')).toHaveLength(1);
      const fillers = standing(await chain.told(chain.network.chainId)).filter(
        ({ type }) => type === 'settlement.filled',
      );
      const [{ count } = { count: 0 }] = await chain.owner.sql<{ count: number }>(
        `SELECT count(*)::int AS count FROM settlement.batch WHERE size = 0 AND state = 'mined'`,
      );
      expect(fillers).toHaveLength(count);
    },
    120_000,
  );

  it.each([1, 4, 11])(
    'that leaves the chain %i blocks shorter is noticed when it has grown again',
    async (depth) => {
      chain.follow();
      await chain.mint(3);
      await chain.mine();
      await chain.caughtUp();
      const paid = await chain.payeeBalance();
      const filled = await fill(depth);
      await chain.rollback(depth);
      await chain.resend();
      await chain.mine(depth + 1);
      await chain.caughtUp();
      await heal(filled);
      await expectExactlyOnce(filled.payments, paid);
    },
    120_000,
  );

  it('while nobody followed is noticed by the next process', async () => {
    chain.follow();
    await chain.mine();
    await chain.caughtUp();
    const paid = await chain.payeeBalance();
    const filled = await fill(3);
    await chain.halt();
    await chain.reorg(3);
    await chain.mine(70);
    chain.follow();
    await chain.caughtUp();
    expect(await chain.states(filled.payments)).not.toContain('confirmed');
    await heal(filled);
    await expectExactlyOnce(filled.payments, paid);
  }, 60_000);

  it('is taken back once by two processes', async () => {
    chain.follow();
    chain.follow();
    await chain.mine();
    await chain.caughtUp();
    const paid = await chain.payeeBalance();
    const filled = await fill(4);
    await chain.reorg(4);
    await chain.mine();
    await chain.caughtUp();
    await heal(filled);
    await expectExactlyOnce(filled.payments, paid);
  }, 60_000);

  it('may leave two transactions of ours for a payment out there: one lands it, the other tells its cost', async () => {
    chain.follow();
    await chain.mint(3);
    await chain.mine();
    await chain.caughtUp();
    const before = await chain.payeeBalance();
    const payments = [...(await chain.accept(1, 3)), ...(await chain.accept(1, 1))];
    const [poor = never(), rich = never()] = payments;
    const first = await chain.sign(payments);
    await chain.drain(3);
    await chain.send(first);
    await chain.mine();
    await chain.become([poor], 'queued');
    await chain.become([rich], 'confirmed');
    await chain.mint(3);
    await chain.mine();
    const second = await chain.settle([poor]);
    await chain.become([poor], 'confirmed');
    await chain.caughtUp();
    await chain.reorg(3);
    await chain.mine();
    await chain.become(payments, 'submitted');
    expect(await chain.attempts(poor)).toMatchObject([{ state: 'outstanding' }, { state: 'outstanding' }]);
    await heal({ payments, batches: [first, second] });
    await expectExactlyOnce(payments, before);
    expect((await chain.attempts(poor)).map(({ state }) => state)).toEqual(['landed', 'reverted']);
  }, 60_000);

  it('after another gives a payment no second transaction: the first is still out there', async () => {
    chain.follow();
    await chain.mine();
    await chain.caughtUp();
    const paid = await chain.payeeBalance();
    const filled = await fill(2);
    for (let again = 0; again < 3; again += 1) {
      await chain.reorg(2);
      await chain.mine();
      await chain.caughtUp();
      await chain.become(filled.payments, 'submitted');
      await chain.resend();
      await chain.mine();
      await chain.become(filled.payments, 'confirmed');
    }
    await expectExactlyOnce(filled.payments, paid);
    for (const payment of filled.payments) {
      expect(await chain.attempts(payment)).toHaveLength(1);
      const told = await chain.told(payment.data.paymentId);
      expect(told.filter(({ type }) => type === 'settlement.reorged')).toHaveLength(3);
    }
  }, 60_000);
});

function never(): never {
  throw new TypeError('nothing there');
}
