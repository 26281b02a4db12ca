import { describe, expect, it } from '@jest/globals';
import { catalogue, type EventOf } from '@quittance/events';
import fc from 'fast-check';

import { type PaymentProgress, paymentStates } from './payment.js';
import { moves, type MovingEvent, transition } from './transition.js';

/** Ids from a small stock, so that reorganizations name events that came, that did not come, and that came twice. */
const ids = fc.integer({ min: 1, max: 9 }).map((n) => `0b0e1f4e-2c52-4c1c-9a3e-00000000000${n}`);
const hashes = fc.constantFrom('11', '22', '33').map((byte) => `0x${byte.repeat(32)}` as const);

function variants<Type extends MovingEvent['type']>(
  type: Type,
  changes: fc.Arbitrary<Partial<EventOf<Type>['data']>>,
): fc.Arbitrary<EventOf<Type>> {
  const fixture = catalogue[type].fixture as unknown as EventOf<Type>;
  return fc
    .record({ id: ids, data: changes })
    .map(({ id, data }) => ({ ...fixture, id, data: { ...fixture.data, ...data } }));
}

const withHash = fc.record({ transaction: hashes });
const events: fc.Arbitrary<MovingEvent> = fc.oneof(
  variants('settlement.submitted', withHash),
  variants('settlement.replaced', withHash),
  variants('settlement.released', withHash),
  variants('settlement.confirmed', withHash),
  variants(
    'settlement.failed',
    fc.record({ transaction: fc.option(hashes, { nil: null }), authorizationSpent: fc.boolean() }),
  ),
  variants('settlement.reorged', fc.record({ transaction: hashes, takesBack: ids })),
  variants('payment.expired', fc.constant({})),
);

const fresh: PaymentProgress = {
  state: 'accepted',
  reason: null,
  detail: null,
  transaction: null,
  blockNumber: null,
  authorizationSpent: null,
  lastEventId: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0001',
};

type Step = {
  readonly event: MovingEvent;
  readonly before: PaymentProgress;
  readonly after: PaymentProgress;
};

const lives = fc.array(events, { maxLength: 16 }).map((history) => {
  const steps: Step[] = [];
  let before = fresh;
  for (const event of history) {
    const after = transition(before, event) ?? before;
    steps.push({ event, before, after });
    before = after;
  }
  return { steps, end: before };
});

const eachStep = (holds: (step: Step) => void) =>
  fc.assert(
    fc.property(lives, ({ steps }) => steps.forEach(holds)),
    { numRuns: 500 },
  );

describe('any order of events, with any repeated or missing,', () => {
  it('makes only moves that the machine knows', () => {
    eachStep(({ before, after }) => {
      expect(paymentStates).toContain(after.state);
      if (before.state !== after.state) expect(moves[before.state]).toContain(after.state);
    });
  });

  it('never forgets a hash', () => {
    eachStep(({ before, after }) => {
      if (before.transaction !== null) expect(after.transaction).not.toBeNull();
    });
  });

  it('takes a payment out of confirmed only by the reorganization of its own confirmation, with the hash it had', () => {
    eachStep(({ event, before, after }) => {
      if (before.state !== 'confirmed' || after === before) return;
      expect(event).toMatchObject({ type: 'settlement.reorged', data: { takesBack: before.lastEventId } });
      expect(after).toEqual({
        ...before,
        state: 'submitted',
        blockNumber: null,
        authorizationSpent: null,
        lastEventId: event.id,
      });
    });
  });

  it('ends confirmed if the chain confirmed it and did not take that back', () => {
    eachStep(({ event, before, after }) => {
      if (event.type !== 'settlement.confirmed') return;
      expect(after.state).toBe('confirmed');
      if (before.state !== 'confirmed') expect(after.transaction).toBe(event.data.transaction);
    });
  });

  it('changes nothing when an event comes twice', () => {
    fc.assert(
      fc.property(lives, events, ({ end }, event) => {
        const once = transition(end, event);
        if (once !== undefined) expect(transition(once, event)).toBeUndefined();
      }),
    );
  });

  it('always leaves what the database’s guards demand', () => {
    eachStep(({ event, before, after }) => {
      if (after !== before) expect(after.lastEventId).toBe(event.id);
      if (after.state === 'submitted') expect(after.transaction).not.toBeNull();
      if (after.state === 'confirmed') expect([after.transaction, after.blockNumber]).not.toContain(null);
      if (after.state === 'failed') expect([after.reason, after.authorizationSpent]).not.toContain(null);
      if (after.state === 'submitted' || after.state === 'accepted')
        expect([after.reason, after.detail, after.blockNumber, after.authorizationSpent]).toEqual(
          Array(4).fill(null),
        );
      if (before.state === 'failed' && after.state === 'submitted' && before.transaction !== null)
        expect(after.transaction).toBe(before.transaction);
    });
  });
});

describe('a payment', () => {
  const fixture = <Type extends MovingEvent['type']>(type: Type): EventOf<Type> =>
    catalogue[type].fixture as unknown as EventOf<Type>;
  const [submit, replace, release, confirm, fail, reorg] = [
    fixture('settlement.submitted'),
    fixture('settlement.replaced'),
    fixture('settlement.released'),
    fixture('settlement.confirmed'),
    fixture('settlement.failed'),
    fixture('settlement.reorged'),
  ];
  const after = (...history: MovingEvent[]): PaymentProgress =>
    history.reduce((progress, event) => transition(progress, event) ?? progress, fresh);

  it('that expired keeps a hash that arrives late, and stays expired', () => {
    expect(transition({ ...fresh, state: 'expired' }, submit)).toMatchObject({
      state: 'expired',
      transaction: submit.data.transaction,
    });
  });

  it('that failed keeps its first reason', () => {
    expect(
      transition(after(fail), { ...fail, data: { ...fail.data, reason: 'insufficient_funds' } }),
    ).toBeUndefined();
  });

  it('stores what a failure says without what Postgres cannot', () => {
    expect(transition(fresh, { ...fail, data: { ...fail.data, detail: 'a\u0000b' } })?.detail).toBe(
      'a\ufffdb',
    );
  });

  it('has the newest hash of its attempt, keeps it when that is released, and gets that of the next', () => {
    expect(after(submit, replace)).toMatchObject({
      state: 'submitted',
      transaction: replace.data.transaction,
    });
    expect(after(submit, replace, release)).toEqual(after(submit, replace));
    const next = {
      ...submit,
      id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0099',
      data: { ...submit.data, attempt: 2 },
    };
    expect(after(submit, replace, release, next)).toMatchObject({ transaction: next.data.transaction });
  });

  it('whose block left the chain is under way again, and confirmed again when it is mined again', () => {
    const back = after(submit, confirm, reorg);
    expect(back).toMatchObject({
      state: 'submitted',
      transaction: confirm.data.transaction,
      blockNumber: null,
    });
    const again = { ...confirm, id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0098' };
    expect(after(submit, confirm, reorg, again, reorg)).toMatchObject({
      state: 'confirmed',
      lastEventId: again.id,
    });
  });

  it('whose failure left the chain has no reason any more', () => {
    const takesBack = { ...reorg, data: { ...reorg.data, takesBack: fail.id.toUpperCase() } };
    expect(after(submit, fail, takesBack)).toMatchObject({
      state: 'submitted',
      reason: null,
      detail: null,
      authorizationSpent: null,
    });
  });
});
