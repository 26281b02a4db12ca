import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { type PaymentEvent, paymentStates, type Standing, transition, transitions } from './payment.js';

const attempts = fc.integer({ min: 1, max: 3 });
const events: fc.Arbitrary<PaymentEvent> = fc.oneof(
  fc.constantFrom<PaymentEvent>({ type: 'expired' }, { type: 'refused' }),
  fc.record({ type: fc.constant('landed' as const), attempt: fc.option(attempts) }),
  fc.record({ type: fc.constant('submitted' as const), attempt: attempts }),
  fc.record({ type: fc.constantFrom('reverted' as const, 'released' as const), attempt: attempts }),
  fc.record({
    type: fc.constant('reorged' as const),
    attempts: fc.uniqueArray(attempts),
    outcome: fc.boolean(),
  }),
);
const histories = fc.array(events, { maxLength: 30 });
const queued: Standing = { state: 'queued', attempts: 0, underWay: [] };

const play = (history: readonly PaymentEvent[], from: Standing = queued): Standing =>
  history.reduce(transition, from);

/** Those that can come about, and so in particular: something is under way exactly while it is submitted, or it is over. */
const standings: fc.Arbitrary<Standing> = fc
  .record({
    state: fc.constantFrom(...paymentStates),
    attempts: fc.integer({ min: 0, max: 3 }),
    underWay: fc.uniqueArray(attempts),
  })
  .map(({ underWay, ...standing }) => ({
    ...standing,
    underWay: underWay.filter((n) => n <= standing.attempts).sort((a, b) => a - b),
  }))
  .filter(({ state, underWay }) => {
    if (state === 'submitted') return underWay.length > 0;
    return state !== 'queued' || underWay.length === 0;
  });

describe('a payment, whatever happens in whatever order', () => {
  it('only makes the changes that the machine lists', () => {
    fc.assert(
      fc.property(standings, events, (before, event) => {
        const after = transition(before, event);
        return after.state === before.state || transitions.has(`${before.state}→${after.state}`);
      }),
    );
  });

  it('can make each of the changes listed', () => {
    const made = new Set<string>();
    fc.assert(
      fc.property(standings, events, (before, event) => {
        const after = transition(before, event);
        if (after.state !== before.state) made.add(`${before.state}→${after.state}`);
      }),
      { numRuns: 10_000 },
    );
    expect([...made].sort()).toEqual([...transitions].sort());
  });

  it('is queued only while nothing of it is under way, and submitted only while something is', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const { state, underWay, attempts: counted } = play(history);
        if (state === 'queued') expect(underWay).toEqual([]);
        if (state === 'submitted') expect(underWay).not.toEqual([]);
        expect(underWay.every((n) => n >= 1 && n <= counted)).toBe(true);
        expect(new Set(underWay).size).toBe(underWay.length);
      }),
    );
  });

  it('ends confirmed when its authorization landed and stayed on the chain, wherever in the history that comes', () => {
    fc.assert(
      fc.property(histories, fc.nat({ max: 30 }), (history, at) => {
        const after = history.slice(at).filter((event) => event.type !== 'reorged' || !event.outcome);
        const withLanding = [...history.slice(0, at), { type: 'landed', attempt: null } as const, ...after];
        return play(withLanding).state === 'confirmed';
      }),
    );
  });

  it('is open again when what it came to left the chain', () => {
    fc.assert(
      fc.property(standings, (before) => {
        const after = transition(before, { type: 'reorged', attempts: [], outcome: true });
        if (before.state !== 'confirmed' && before.state !== 'failed') expect(after).toBe(before);
        else expect(after.state).toBe(before.underWay.length > 0 ? 'submitted' : 'queued');
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

  it('is handed back as it was when an event means nothing to it', () => {
    fc.assert(
      fc.property(standings, events, (before, event) => {
        const after = transition(before, event);
        expect(transition(after, event)).toBe(after);
        if (JSON.stringify(after) === JSON.stringify(before)) expect(after).toBe(before);
      }),
    );
  });

  it('is neither queued nor failed by the end of one attempt while another is under way', () => {
    fc.assert(
      fc.property(fc.constantFrom('reverted' as const, 'released' as const), (type) => {
        const before: Standing = { state: 'submitted', attempts: 2, underWay: [1, 2] };
        const after = transition(before, { type, attempt: 1 });
        expect(after).toEqual({ state: 'submitted', attempts: 2, underWay: [2] });
        expect(transition(after, { type: 'released', attempt: 2 }).state).toBe('queued');
      }),
    );
  });

  it('counts an attempt exactly when it is submitted, one after the other', () => {
    fc.assert(
      fc.property(standings, events, (before, event) => {
        const after = transition(before, event);
        const submitted = event.type === 'submitted' && after !== before;
        return after.attempts === before.attempts + (submitted ? 1 : 0);
      }),
    );
  });
});
