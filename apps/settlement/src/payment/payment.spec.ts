import { describe, expect, it } from '@jest/globals';
import { catalogue } from '@quittance/events';

import { acceptedPayment } from './accepted-payment.js';
import { batchLimitOf } from './alone.js';
import { type PaymentEvent, type PaymentState, type Standing, transition } from './payment.js';

const fixture = catalogue['payment.accepted'].fixture as unknown as Parameters<typeof acceptedPayment>[0];

describe('a payment', () => {
  it.each<readonly [string, { from: PaymentState; event: PaymentEvent; to: PaymentState }]>([
    [
      'is dropped from the queue when it expires',
      { from: 'queued', event: { type: 'expired' }, to: 'expired' },
    ],
    [
      'does not expire once a transaction is signed',
      { from: 'submitted', event: { type: 'expired' }, to: 'submitted' },
    ],
    [
      'fails without a transaction when the chain refuses it',
      { from: 'queued', event: { type: 'refused' }, to: 'failed' },
    ],
    [
      'fails when its transaction reverts',
      { from: 'submitted', event: { type: 'reverted', attempt: 1 }, to: 'failed' },
    ],
    [
      'goes back to the queue when an attempt ended without settling it',
      { from: 'submitted', event: { type: 'released', attempt: 1 }, to: 'queued' },
    ],
    [
      'is confirmed by whoever lands it',
      { from: 'queued', event: { type: 'landed', attempt: null }, to: 'confirmed' },
    ],
    [
      'is confirmed even after it failed',
      { from: 'failed', event: { type: 'landed', attempt: null }, to: 'confirmed' },
    ],
    [
      'is under way again when its block left the chain and its transaction is out there',
      { from: 'confirmed', event: { type: 'reorged', attempts: [1], outcome: true }, to: 'submitted' },
    ],
    [
      'is queued again when its block left the chain with somebody else’s transaction',
      { from: 'confirmed', event: { type: 'reorged', attempts: [], outcome: true }, to: 'queued' },
    ],
    [
      'is not queued while an attempt that the chain lost is out there',
      { from: 'queued', event: { type: 'reorged', attempts: [1], outcome: false }, to: 'submitted' },
    ],
    [
      'stays confirmed when only what an attempt of it cost was taken back',
      { from: 'confirmed', event: { type: 'reorged', attempts: [1], outcome: false }, to: 'confirmed' },
    ],
    ['stays confirmed', { from: 'confirmed', event: { type: 'reverted', attempt: 1 }, to: 'confirmed' }],
  ])('%s', (_name, { from, event, to }) => {
    const before: Standing = { state: from, attempts: 1, underWay: from === 'submitted' ? [1] : [] };
    expect(transition(before, event).state).toBe(to);
  });

  it('is what the payer authorized', () => {
    expect(acceptedPayment(fixture)).toMatchObject({
      asset: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
      amount: 10_000n,
      validBefore: 1_795_032_300n,
    });
  });

  it.each([
    ['payer', { ...fixture, data: { ...fixture.data, payer: `0x${'00'.repeat(20)}` } }],
    ['payTo', { ...fixture, data: { ...fixture.data, payTo: `0x${'00'.repeat(20)}` } }],
    ['amount', { ...fixture, data: { ...fixture.data, amount: '1' } }],
    ['chain', { ...fixture, data: { ...fixture.data, chainId: 'eip155:1' } }],
  ])('is never made of an authorization that disagrees on %s', (field, event) => {
    expect(() => acceptedPayment(event as never)).toThrow(
      expect.objectContaining({ code: 'payment_inconsistent', message: expect.stringContaining(field) }),
    );
  });

  const permit = { ...fixture.data, method: 'permit2' as const };
  const upto = { ...permit, scheme: 'upto' as const, facilitator: fixture.data.payer, amount: '4000' };
  const sponsoring = {
    kind: 'erc20_approval' as const,
    from: fixture.data.payer,
    asset: `0x${fixture.data.asset.split('0x')[1] ?? ''}` as const,
    spender: fixture.data.payer,
    amount: '1',
    signedTransaction: '0x02' as const,
  };

  it('says how much of what was signed is taken, by whom, and what has to come first', () => {
    expect(acceptedPayment({ ...fixture, data: { ...upto, sponsoring } })).toMatchObject({
      scheme: 'upto',
      method: 'permit2',
      amount: 4_000n,
      ceiling: 10_000n,
      facilitator: fixture.data.payer,
      sponsoring: { kind: 'erc20_approval', amount: 1n },
    });
    expect(acceptedPayment(fixture)).toMatchObject({ ceiling: 10_000n, facilitator: null, sponsoring: null });
  });

  it.each([
    ['amount', { ...upto, amount: '10001' }],
    ['amount', { ...upto, amount: '0' }],
    ['amount', { ...permit, amount: '4000' }],
    ['method', { ...upto, method: 'eip3009' as const }],
    ['facilitator', { ...upto, facilitator: undefined }],
    ['facilitator', { ...permit, facilitator: fixture.data.payer }],
    ['sponsoring', { ...fixture.data, sponsoring }],
    ['sponsoring', { ...permit, sponsoring: { ...sponsoring, from: fixture.data.payTo } }],
    ['sponsoring', { ...permit, sponsoring: { ...sponsoring, asset: fixture.data.payTo } }],
  ])('is refused when it contradicts itself on %s', (field, data) => {
    expect(() => acceptedPayment({ ...fixture, data } as never)).toThrow(
      expect.objectContaining({ code: 'payment_inconsistent', message: expect.stringContaining(field) }),
    );
  });

  it('goes alone by Permit2, and where anything but an account’s signature is to be judged', () => {
    const limitOf = (data: object) =>
      batchLimitOf({ ...fixture, data: { ...fixture.data, ...data } } as never);
    expect(limitOf({})).toBe(1_000);
    expect(limitOf({ payerHasCode: false })).toBe(1_000);
    expect(limitOf({ method: 'permit2' })).toBe(1);
    expect(limitOf({ signature: `0x${'5e'.repeat(66)}` })).toBe(1);
    expect(limitOf({ payerHasCode: true })).toBe(1);
  });
});
