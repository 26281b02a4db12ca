import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { PaymentRepository } from '../src/payment/payment.repository.js';
import { intercepted, type Running, World } from './world.js';

/** Queued payments whose time is over. Real Postgres, and a real chain whose blocks have the time of the clock. */

let world: World;
let settling: Running | null = null;

beforeAll(async () => {
  world = await World.start();
}, 120_000);
afterEach(async () => {
  await settling?.close();
  settling = null;
});
afterAll(async () => {
  await world?.stop();
});

type Accepted = Awaited<ReturnType<World['accept']>>;

/** Waits until a payment ends in so many seconds, or has ended. */
async function endsIn(seconds: number, { data }: Accepted): Promise<void> {
  const atMs = (Number(data.authorization.validBefore) - seconds) * 1_000;
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - Date.now()) + 50));
}

describe('an overdue payment', () => {
  it('that somebody else landed is settled by the other', async () => {
    settling = world.run();
    const accepted = await world.accept({ validForSeconds: 4 });
    const transaction = await world.land(accepted);
    await endsIn(0, accepted);
    await world.take(accepted);
    await world.becomes(accepted, 'confirmed');
    expect(await world.told(accepted)).toMatchObject([
      { type: 'settlement.confirmed', data: { settledBy: 'other', transaction, gas: null } },
    ]);
  });

  it('that the payer cancelled fails as spent', async () => {
    settling = world.run();
    const accepted = await world.accept({ validForSeconds: 2 });
    await world.cancel(accepted);
    await world.take(accepted);
    await world.becomes(accepted, 'failed');
    expect(await world.told(accepted)).toMatchObject([
      { type: 'settlement.failed', data: { authorizationSpent: true } },
    ]);
  });

  it('whose transaction was displaced fails as expired, once a block proves it', async () => {
    settling = world.run({
      wrap: (chain) =>
        intercepted(chain, async (method, proceed) =>
          method === 'broadcast' ? { outcome: 'accepted' } : proceed(),
        ),
    });
    const accepted = await world.accept({ validForSeconds: 6 });
    await world.take(accepted);
    await world.becomes(accepted, 'submitted');
    await endsIn(3, accepted);
    await world.spendRelayerNonce();
    await world.becomes(accepted, 'queued');
    await endsIn(0, accepted);
    expect(await world.stateOf(accepted)).toBe('queued');
    await world.mine();
    await world.becomes(accepted, 'failed');
    expect(await world.attemptsOf(accepted)).toMatchObject([{ n: 1, state: 'displaced' }]);
    expect(await world.told(accepted)).toMatchObject([
      { type: 'settlement.submitted' },
      { type: 'settlement.released', data: { cause: 'displaced' } },
      {
        type: 'settlement.failed',
        data: { reason: 'payment_expired', authorizationSpent: false, gas: null },
      },
    ]);
  });

  it('that was never signed is left to the facilitator, however late it is', async () => {
    settling = world.run();
    const accepted = await world.accept({ validForSeconds: 1 });
    await world.take(accepted);
    await endsIn(0, accepted);
    await world.mine();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await world.stateOf(accepted)).toBe('queued');
    await world.take(world.expiryOf(accepted));
    expect(await world.told(accepted)).toEqual([]);
  });

  it('does not keep the others from their turn, nor do many of them each other', async () => {
    const late = await Promise.all(Array.from({ length: 12 }, () => world.accept({ validForSeconds: 1 })));
    const fresh = await world.accept();
    await world.take(...late, fresh);
    const payments = new PaymentRepository(world.database);
    const look = async () => {
      const { chainId } = world.network;
      const validAtSeconds = BigInt(Math.floor(Date.now() / 1_000)) + 3n;
      const { ready, overdue } = await payments.queued({
        chainId,
        validAtSeconds,
        limit: 2,
        overdueMax: 8,
        relayers: [],
      });
      const queued = [...ready, ...overdue];
      const waiting = queued.filter(({ paymentId }) => paymentId !== fresh.data.paymentId);
      await payments.defer(
        waiting.map(({ paymentId }) => ({ paymentId, delayMs: 60_000, spentSeenAt: null })),
      );
      return queued.map(({ paymentId }) => String(paymentId));
    };
    const first = await look();
    const second = await look();
    const third = await look();
    expect([first.length, second.length, third]).toEqual([9, 5, [fresh.data.paymentId]]);
    expect(new Set([...first, ...second]).size).toBe(13);
    await world.take(...late.map((accepted) => world.expiryOf(accepted)), world.expiryOf(fresh));
  });
});
