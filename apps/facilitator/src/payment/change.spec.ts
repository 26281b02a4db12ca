import { describe, expect, it } from '@jest/globals';
import type { PaymentId } from '@quittance/protocol';
import fc from 'fast-check';

import { type Change, passingBroadcasts, type Rounds } from './change.js';
import { type PaymentProgress, type PaymentState, paymentStates } from './payment.js';

const hashes = fc.constantFrom('0x11', '0x22', null);

/** The life of one payment: each step goes on from the one before. */
const lives = fc
  .record({
    id: fc.uuid(),
    begins: fc.constantFrom(...paymentStates),
    steps: fc.array(fc.record({ state: fc.constantFrom(...paymentStates), transaction: hashes }), {
      minLength: 1,
      maxLength: 4,
    }),
  })
  .map(({ id, begins, steps }) => {
    let from: PaymentState = begins;
    return steps.map(({ state, transaction }, index): Change => {
      const change = {
        id: id as PaymentId,
        from,
        progress: progress(state, transaction, index),
        passed: null,
      };
      from = state;
      return change;
    });
  });

function progress(state: PaymentState, transaction: string | null, index: number): PaymentProgress {
  const rest = { reason: null, detail: null, blockNumber: null, authorizationSpent: null };
  return { state, transaction, lastEventId: `event ${index}`, ...rest };
}

const several = fc.uniqueArray(lives, { minLength: 1, maxLength: 6, selector: ([first]) => first?.id });

function roundsOf(payments: readonly (readonly Change[])[]): Rounds {
  const longest = Math.max(...payments.map(({ length }) => length));
  return Array.from({ length: longest }, (_, round) =>
    payments.flatMap((changes) => changes.slice(round, round + 1)),
  );
}

/** What the trail has of a change: a broadcast that is passed has its step. */
function trailOf({ from, passed, progress: { state, transaction, lastEventId } }: Change): string[][] {
  const last = [String(transaction), lastEventId];
  return passed === null
    ? [[from, state, ...last]]
    : [
        [from, 'submitted', String(transaction), passed],
        ['submitted', state, ...last],
      ];
}

describe('a broadcast that is told with its outcome', () => {
  it('leaves the trail that two steps leave, whatever else is told', () => {
    fc.assert(
      fc.property(several, (payments) => {
        const after = passingBroadcasts(roundsOf(payments)).flat();
        for (const changes of payments) {
          const own = after.filter(({ id }) => id === changes[0]?.id);
          expect(own.flatMap(trailOf)).toEqual(changes.flatMap(trailOf));
        }
      }),
    );
  });

  it('is no change of its own', () => {
    const id = 'one' as PaymentId;
    const broadcast: Change = {
      id,
      from: 'accepted',
      progress: progress('submitted', '0x11', 0),
      passed: null,
    };
    const outcome = (transaction: string): Change => ({
      id,
      from: 'submitted',
      progress: progress('confirmed', transaction, 1),
      passed: null,
    });
    expect(passingBroadcasts([[broadcast], [outcome('0x11')]])).toEqual([
      [],
      [{ ...outcome('0x11'), from: 'accepted', passed: 'event 0' }],
    ]);
    const byAnother: Rounds = [[broadcast], [outcome('0x22')]];
    expect(passingBroadcasts(byAnother)).toEqual(byAnother);
  });
});
