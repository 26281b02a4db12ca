import { describe, expect, it } from '@jest/globals';
import { parsePaymentRequest, type PaymentRequest } from '@quittance/protocol';
import { privateKeyToAccount } from 'viem/accounts';

import { asV1, paymentBody } from '../../test/payment.fixture.js';
import { Fault, goodFacts as facts, registered, transaction, World } from '../../test/world.fixture.js';
import type { Payment } from '../payment/payment.js';
import { verify } from '../verify/verify.js';
import { standingOf } from './outcome.js';
import { type Reservation, settle, type SettlePorts } from './settle.js';

const goodBlock = facts.blockNumber;
const payer = privateKeyToAccount(`0x${'11'.repeat(32)}`);

async function requestOf(wish: Parameters<typeof paymentBody>[1] = {}): Promise<PaymentRequest> {
  const parsed = parsePaymentRequest(await paymentBody(payer, wish));
  if (!parsed.ok) throw new Fault(parsed.message);
  return parsed.request;
}

describe('settling', () => {
  it('reserves, waits, and says who paid in the caller’s spelling', async () => {
    const world = new World();
    await expect(settle(await requestOf(), world.ports)).resolves.toMatchObject({
      kind: 'known',
      outcome: { success: true, transaction },
      payer: payer.address,
    });
    expect(world.reservations).toHaveLength(1);
  });

  it('gives the same request the same outcome without asking the chain again', async () => {
    const world = new World();
    const request = await requestOf();
    const first = await settle(request, world.ports);
    world.transportDown = true;
    await expect(settle(request, world.ports)).resolves.toEqual(first);
    expect([world.factsAsked, world.reservations.length]).toEqual([1, 1]);
  });

  it('does not count a payment that has landed, and left the balance, a second time', async () => {
    const world = new World();
    const first = await requestOf({ nonce: `0x${'01'.repeat(32)}` });
    await settle(first, world.ports);
    // Its 10,000 are gone from the chain's balance, and no event has said so yet.
    world.facts = { ...facts, balance: 10_000n };
    const second = await requestOf({ nonce: `0x${'02'.repeat(32)}` });
    await expect(settle(second, world.ports)).resolves.toMatchObject({
      outcome: { reason: 'insufficient_funds' },
    });
    world.spent = [`0x${'01'.repeat(32)}`];
    await expect(verify(second, world.ports)).resolves.toMatchObject({ verdict: { ok: true } });
    await expect(settle(second, world.ports)).resolves.toMatchObject({ outcome: { success: true } });
  });

  it('refuses the same authorization with another request around it', async () => {
    const world = new World();
    const nonce = `0x${'ab'.repeat(32)}` as const;
    await settle(await requestOf({ nonce, validBefore: '4102444800' }), world.ports);
    const other = await requestOf({
      nonce,
      validBefore: '4102444800',
      requirements: { maxTimeoutSeconds: 301 },
    });
    await expect(settle(other, world.ports)).resolves.toMatchObject({
      outcome: { success: false, reason: 'authorization_conflict', transaction: '' },
    });
    expect(world.reservations).toHaveLength(1);
  });

  it('reserves nothing while events cannot travel', async () => {
    const world = new World();
    world.transportDown = true;
    await expect(settle(await requestOf(), world.ports)).rejects.toThrow(Fault);
    expect([world.factsAsked, world.reservations.length]).toEqual([0, 0]);
  });

  it.each(['suspended', 'full'] as const)(
    'takes on nothing new while the chain is %s, and answers for what is known',
    async (held) => {
      const world = new World();
      const known = await requestOf();
      const outcome = await settle(known, world.ports);
      world[held] = true;
      await expect(settle(await requestOf(), world.ports)).rejects.toThrow(Fault);
      expect([world.factsAsked, world.reservations.length]).toEqual([1, 1]);
      await expect(settle(known, world.ports)).resolves.toEqual(outcome);
    },
  );

  it('gives its place in the queue back, whatever comes of it', async () => {
    const world = new World();
    await settle(await requestOf(), world.ports);
    await settle(await requestOf(), world.ports);
    world.beforeReserve = () => {
      throw new Fault('broken');
    };
    await expect(settle(await requestOf(), world.ports)).rejects.toThrow(Fault);
    expect([world.places, world.dropped]).toEqual([[true, false, false], 2]);
  });

  it('gives the winner’s outcome when an identical request won while we asked the chain', async () => {
    const [world, rival] = [new World(), new World()];
    const request = await requestOf();
    await settle(request, rival.ports);
    world.facts = { ...facts, authorizationUsed: true };
    let looks = 0;
    const { ports } = world;
    const registry: SettlePorts['registry'] = {
      ...ports.registry,
      find: async (id) => {
        looks += 1;
        if (looks === 2) world.payments.set(id, rival.payments.get(id) ?? (undefined as never));
        return world.payments.get(id) ?? null;
      },
    };
    await expect(settle(request, { ...ports, registry })).resolves.toMatchObject({
      outcome: { success: true },
    });
  });

  it('joins the winner when an identical request won the reservation', async () => {
    const [world, rival] = [new World(), new World()];
    const request = await requestOf();
    await settle(request, rival.ports);
    world.beforeReserve = () => rival.payments.forEach((payment, id) => world.payments.set(id, payment));
    await expect(settle(request, world.ports)).resolves.toMatchObject({
      outcome: { success: true, transaction },
    });
    expect(world.reservations).toHaveLength(0);
  });

  it('refuses the second payment of the last dollar', async () => {
    const world = new World();
    await settle(await requestOf(), world.ports);
    const second = await settle(await requestOf(), world.ports);
    expect(second).toMatchObject({
      outcome: { success: false, reason: 'insufficient_funds', message: expect.stringContaining('10000') },
    });
  });

  it('refuses what does not verify, and reserves nothing', async () => {
    const world = new World();
    await expect(settle(await requestOf({ value: '9999' }), world.ports)).resolves.toMatchObject({
      outcome: { reason: 'invalid_exact_evm_payload_authorization_value_mismatch' },
    });
    expect(world.reservations).toHaveLength(0);
  });
});

describe('verifying', () => {
  it('reserves nothing, however often', async () => {
    const world = new World();
    const request = await requestOf();
    for (let time = 0; time < 3; time += 1)
      await expect(verify(request, world.ports)).resolves.toMatchObject({
        verdict: { ok: true },
        payer: payer.address,
        blockNumber: facts.blockNumber,
      });
    expect(world.payments.size).toBe(0);
  });

  it('answers nothing that was not kept, good or bad', async () => {
    const world = new World();
    world.trailDown = true;
    await expect(verify(await requestOf(), world.ports)).rejects.toThrow('trail down');
    await expect(settle(await requestOf({ value: '9999' }), world.ports)).rejects.toThrow('trail down');
    world.trailDown = false;
    await verify(await requestOf(), world.ports);
    await settle(await requestOf({ value: '9999' }), world.ports);
    await settle(await requestOf(), world.ports);
    expect(world.trail.map(({ route, reason }) => [route, reason])).toEqual([
      ['verify', null],
      ['settle', 'invalid_exact_evm_payload_authorization_value_mismatch'],
    ]);
    // That of a payment that is accepted goes with its reservation.
    expect(world.reservations[0]?.verdict).toMatchObject({ route: 'settle', reason: null, blockNumber: 9n });
  });

  it('says nothing of a new payment while the chain is suspended, and what is known of others', async () => {
    const world = new World();
    const known = await requestOf();
    await settle(known, world.ports);
    world.suspended = true;
    await expect(verify(await requestOf(), world.ports)).rejects.toThrow(Fault);
    await expect(verify(known, world.ports)).resolves.toMatchObject({
      verdict: { reason: 'invalid_exact_evm_nonce_already_used' },
    });
  });

  it('refuses what is settled already, and what does not fit beside what is in flight', async () => {
    const world = new World();
    const request = await requestOf();
    await settle(request, world.ports);
    await expect(verify(request, world.ports)).resolves.toMatchObject({
      verdict: { reason: 'invalid_exact_evm_nonce_already_used' },
    });
    await expect(verify(await requestOf(), world.ports)).resolves.toMatchObject({
      verdict: { reason: 'insufficient_funds' },
    });
  });

  it.each([
    ['unsupported_scheme', { scheme: 'subscription' }],
    ['invalid_network', { network: 'eip155:1' }],
    ['unsupported_asset', { asset: `0x${'99'.repeat(20)}` }],
  ])('says %s of what is not settled here, and asks no chain', async (reason, requirements) => {
    const world = new World();
    await expect(verify(await requestOf({ requirements }), world.ports)).resolves.toMatchObject({
      verdict: { ok: false, reason },
    });
    expect(world.factsAsked).toBe(0);
  });

  it('asks once what is in flight where the block before leaves enough, and at its own block where it does not', async () => {
    const world = new World();
    const before = { number: goodBlock - 1n, time: 1n, landed: [] };
    world.balancesKnownAt = before;
    await expect(verify(await requestOf(), world.ports)).resolves.toMatchObject({ verdict: { ok: true } });
    expect(world.inFlightAsked.splice(0)).toEqual([before.number]);
    // A node that is behind: what was in flight at a later block may be less than at its own.
    world.balancesKnownAt = { ...before, number: goodBlock + 1n };
    await verify(await requestOf(), world.ports);
    expect(world.inFlightAsked.splice(0)).toEqual([goodBlock + 1n, goodBlock]);
    world.balancesKnownAt = before;
    world.facts = { ...facts, balance: 0n };
    await expect(verify(await requestOf(), world.ports)).resolves.toMatchObject({
      verdict: { reason: 'insufficient_funds' },
    });
  });

  it('takes v1 for what it says in v2 terms', async () => {
    const parsed = parsePaymentRequest(asV1(await paymentBody(payer)));
    if (!parsed.ok) throw new Fault(parsed.message);
    await expect(verify(parsed.request, new World().ports)).resolves.toMatchObject({ verdict: { ok: true } });
  });
});

describe('the standing of a payment', () => {
  const standing = (progress: Partial<Payment>) =>
    standingOf({ ...registered({} as Reservation['terms']), ...progress });

  it.each<[Partial<Payment>, string, object]>([
    [{ state: 'accepted' }, 'unknown', { success: false, reason: 'settlement_pending', transaction: '' }],
    [
      { state: 'submitted', transaction },
      'known',
      { success: false, reason: 'settlement_pending', transaction },
    ],
    [{ state: 'confirmed', transaction }, 'known', { success: true, transaction }],
    [
      { state: 'failed', reason: 'insufficient_funds', detail: 'x', transaction },
      'known',
      { reason: 'insufficient_funds', message: 'x', transaction },
    ],
    [{ state: 'failed', reason: 'made_up' }, 'known', { reason: 'unexpected_settle_error', transaction: '' }],
    [{ state: 'failed', reason: 'toString' }, 'known', { reason: 'unexpected_settle_error' }],
    [{ state: 'expired' }, 'known', { reason: 'payment_expired', transaction: '' }],
  ])('%j is %s', (progress, kind, outcome) => {
    expect(standing(progress)).toMatchObject({ kind, outcome });
  });
});
