import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { type PaymentEvent, paymentStates, type Standing, transition, transitions } from './payment.js';

const attempts = fc.integer({ min: 1, max: 3 });
const events: fc.Arbitrary<PaymentEvent> = fc.oneof(
  fc.constantFrom<PaymentEvent>({ type: 'expired' }, { type: 'refused' }, { type: 'landed' }),
  fc.record({
    type: fc.constantFrom('submitted' as const, 'reverted' as const, 'displaced' as const),
    attempt: attempts,
  }),
);
const standings: fc.Arbitrary<Standing> = fc.record({
  state: fc.constantFrom(...paymentStates),
  attempts: fc.integer({ min: 0, max: 3 }),
});
const histories = fc.array(events, { maxLength: 30 });
const queued: Standing = { state: 'queued', attempts: 0 };

const play = (history: readonly PaymentEvent[], from: Standing = queued): Standing =>
  history.reduce(transition, from);

describe('a payment, whatever happens in whatever order', () => {
  it('only makes the changes that the machine lists', () => {
    fc.assert(
      fc.property(standings, events, (before, event) => {
        const after = transition(before, event);
        return (
          after === before ||
          (after.state !== before.state && transitions.has(`${before.state}→${after.state}`))
        );
      }),
    );
  });

  it('can make each of the changes listed', () => {
    const made = new Set<string>();
    fc.assert(
      fc.property(standings, events, (before, event) => {
        const after = transition(before, event);
        if (after !== before) made.add(`${before.state}→${after.state}`);
      }),
      { numRuns: 5_000 },
    );
    expect([...made].sort()).toEqual([...transitions].sort());
  });

  it('ends confirmed when its authorization landed, wherever in the history that comes', () => {
    fc.assert(
      fc.property(histories, fc.nat({ max: 30 }), (history, at) => {
        const withLanding = history.toSpliced(at, 0, { type: 'landed' });
        return play(withLanding).state === 'confirmed';
      }),
    );
  });

  it('is the same when each event comes twice', () => {
    fc.assert(
      fc.property(histories, (history) => {
        expect(play(history.flatMap((event) => [event, event]))).toEqual(play(history));
      }),
    );
  });

  it('is never changed by what was said about an earlier attempt', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 9 }),
        fc.constantFrom('reverted' as const, 'displaced' as const),
        (n, type) => {
          const before: Standing = { state: 'submitted', attempts: n };
          return transition(before, { type, attempt: n - 1 }) === before;
        },
      ),
    );
  });

  it('counts an attempt exactly when it is submitted, one after the other', () => {
    fc.assert(
      fc.property(standings, events, (before, event) => {
        const after = transition(before, event);
        const submitted = before.state === 'queued' && after.state === 'submitted';
        return after.attempts === before.attempts + (submitted ? 1 : 0);
      }),
    );
  });
});
