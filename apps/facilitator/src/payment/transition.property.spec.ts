import { describe, expect, it } from '@jest/globals';
import { catalogue, type EventOf } from '@quittance/events';
import fc from 'fast-check';

import { type PaymentProgress, paymentStates } from './payment.js';
import { moves, type PaymentEvent, transition } from './transition.js';

const hashes = fc.constantFrom('11', '22', '33').map((byte) => `0x${byte.repeat(32)}` as const);

const submitted = hashes.map((transaction) => {
  const event = catalogue['settlement.submitted'].fixture as unknown as EventOf<'settlement.submitted'>;
  return { ...event, data: { ...event.data, transaction } };
});
const confirmed = hashes.map((transaction) => {
  const event = catalogue['settlement.confirmed'].fixture as unknown as EventOf<'settlement.confirmed'>;
  return { ...event, data: { ...event.data, transaction } };
});
const failed = fc
  .record({ transaction: fc.option(hashes), authorizationSpent: fc.boolean() })
  .map((parts) => {
    const event = catalogue['settlement.failed'].fixture as unknown as EventOf<'settlement.failed'>;
    return { ...event, data: { ...event.data, ...parts } };
  });
const expired = fc.constant(catalogue['payment.expired'].fixture as unknown as EventOf<'payment.expired'>);
const events: fc.Arbitrary<PaymentEvent> = fc.oneof(submitted, confirmed, failed, expired);

const fresh: PaymentProgress = {
  state: 'accepted',
  reason: null,
  detail: null,
  transaction: null,
  blockNumber: null,
  authorizationSpent: null,
};

const lives = fc.array(events, { maxLength: 12 }).map((history) => {
  const steps = [fresh];
  for (const event of history) steps.push(transition(steps.at(-1) ?? fresh, event) ?? steps.at(-1) ?? fresh);
  return { history, steps };
});

describe('any order of events, with any repeated or missing,', () => {
  it('makes only moves that the machine knows', () => {
    fc.assert(
      fc.property(lives, ({ steps }) => {
        for (const [index, step] of steps.entries()) {
          const before = steps[index - 1];
          if (before !== undefined && before.state !== step.state)
            expect(moves[before.state]).toContain(step.state);
          expect(paymentStates).toContain(step.state);
        }
      }),
    );
  });

  it('never forgets a hash', () => {
    fc.assert(
      fc.property(lives, ({ steps }) => {
        const known = steps.map(({ transaction }) => transaction !== null);
        expect(known.lastIndexOf(false)).toBeLessThan(
          known.includes(true) ? known.indexOf(true) : known.length,
        );
      }),
    );
  });

  it('ends confirmed if the chain ever confirmed it, with the first confirmation for good', () => {
    fc.assert(
      fc.property(lives, ({ history, steps }) => {
        const first = history.find(
          (event): event is EventOf<'settlement.confirmed'> => event.type === 'settlement.confirmed',
        );
        const end = steps.at(-1) ?? fresh;
        expect(end.state === 'confirmed').toBe(first !== undefined);
        if (first !== undefined) expect(end.transaction).toBe(first.data.transaction);
      }),
    );
  });

  it('changes nothing when an event comes twice', () => {
    fc.assert(
      fc.property(lives, events, ({ steps }, event) => {
        const once = transition(steps.at(-1) ?? fresh, event);
        if (once !== undefined) expect(transition(once, event)).toBeUndefined();
      }),
    );
  });

  it('always leaves what the database’s guards demand', () => {
    fc.assert(
      fc.property(lives, ({ steps }) => {
        for (const step of steps) {
          if (step.state === 'submitted') expect(step.transaction).not.toBeNull();
          if (step.state === 'confirmed') expect([step.transaction, step.blockNumber]).not.toContain(null);
          if (step.state === 'failed') expect([step.reason, step.authorizationSpent]).not.toContain(null);
        }
      }),
    );
  });
});

describe('a payment', () => {
  const [submit, fail] = [
    catalogue['settlement.submitted'].fixture,
    catalogue['settlement.failed'].fixture,
  ] as unknown as [EventOf<'settlement.submitted'>, EventOf<'settlement.failed'>];

  it('that expired keeps a hash that arrives late, and stays expired', () => {
    expect(transition({ ...fresh, state: 'expired' }, submit)).toEqual({
      ...fresh,
      state: 'expired',
      transaction: submit.data.transaction,
    });
  });

  it('that failed keeps its first reason', () => {
    const failedOnce = transition(fresh, fail) ?? fresh;
    expect(
      transition(failedOnce, { ...fail, data: { ...fail.data, reason: 'insufficient_funds' } }),
    ).toBeUndefined();
  });

  it('stores what a failure says without what Postgres cannot', () => {
    expect(transition(fresh, { ...fail, data: { ...fail.data, detail: 'a\u0000b' } })?.detail).toBe(
      'a\ufffdb',
    );
  });
});
